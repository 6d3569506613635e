"""Typing errors in what is searched for: a short name is found in spite of one."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest
from marts_lake import ARTIFACTS, MartsLake, artifact, identifier
from released_lake import EVENTS, FIRST_EVENTS
from web_servers import AppClient, unlimited

from serving.app import create_app
from serving.replica.keeper import make_replica
from serving.replica.search import hashes_of


@pytest.fixture(scope="module")
def many_names(tmp_path_factory: pytest.TempPathFactory) -> tuple[AppClient, list[str]]:
    """Ask the application over a lake with a thousand repositories, whose names are short and alike; and return their names."""
    lake, random = MartsLake(tmp_path_factory.mktemp("names")), Random(5)
    syllables = ["ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "ru", "sa", "te", "vi", "zo"]
    names = sorted({"".join(random.choices(syllables, k=random.choice([2, 3, 4]))) for _ in range(1_000)})
    rows = [artifact(identifier(name), "GITHUB", "repository", "owner", name) for name in names]
    lake.append(ARTIFACTS, sorted(rows, key=lambda row: str(row["artifact_id"])))
    lake.append(EVENTS, FIRST_EVENTS)
    lake.release(date(2024, 2, 10))
    make_replica(lake.settings)
    return AppClient(create_app(unlimited(lake.settings))), names


@pytest.mark.parametrize("error", ["swapped", "missing", "added", "other"])
def test_one_typing_error_is_forgiven(many_names: tuple[AppClient, list[str]], error: str) -> None:
    """A short name is found with two letters that changed places, or with one that is missing, too many or another, among a thousand alike."""
    api, names = many_names
    for number, name in enumerate(Random(6).sample(names, 40)):
        place = number % (len(name) - 1)
        typed = {
            "swapped": name[:place] + name[place + 1] + name[place] + name[place + 2 :],
            "missing": name[:place] + name[place + 1 :],
            "added": f"{name[:place]}x{name[place:]}",
            "other": f"{name[:place]}x{name[place + 1 :]}",
        }[error]
        found = [one["name"] for one in api.get(f"/v1/search?q={typed}&limit=100").json()["data"]]
        assert f"owner/{name}" in found, typed
        assert error != "swapped" or typed in names or found.index(f"owner/{name}") < 20


def test_two_words_one_error_apart_have_a_hash_in_common() -> None:
    """Whatever the letters: the word itself, without a letter, with one more, with another one, with two that changed places."""
    random = Random(7)
    for _ in range(2_000):
        word = "".join(random.choices("abcde\u00e9\u4e2d0", k=random.randint(2, 10)))
        place, letter = random.randrange(len(word)), random.choice("abz")
        others = [word, word[:place] + word[place + 1 :], word[:place] + letter + word[place:], word[:place] + letter + word[place + 1 :]]
        others.append(word[:place] + word[place + 1 : place + 2] + word[place] + word[place + 2 :])
        assert all(hashes_of(word) & hashes_of(other) for other in others)


def test_a_source_is_no_name(api: AppClient) -> None:
    """An artifact is told with its source, but not found by it."""
    found = api.get("/v1/search?q=ada").json()["data"]
    assert (found[0]["name"], found[0]["display_name"]) == ("ada", "GITHUB")
    assert all(one["kind"] == "metric" for one in api.get("/v1/search?q=github").json()["data"])
