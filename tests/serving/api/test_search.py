"""Search, resolve and look-up: what somebody has in hand leads to what the lake knows by it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
import pytest
from marts_lake import ALPHA, AUTHOR, ENGINE, PACKAGE, oso_id
from web_servers import AppClient

from serving.api.search import score


def resolved(api: AppClient, text: str) -> dict[str, Any]:
    """Return what a text means."""
    answer = api.get(f"/v1/resolve?q={quote(text, safe='')}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


@pytest.mark.parametrize(
    ("text", "artifact", "matched_by"),
    [
        ("alpha/engine", ENGINE, "name"),
        ("Alpha/Engine", ENGINE, "name"),
        ("alpha/motor", ENGINE, "former_name"),
        ("https://github.com/alpha/engine", ENGINE, "name"),
        ("https://github.com/Alpha/Motor.git", ENGINE, "former_name"),
        ("github.com/alpha/engine/tree/main/docs", ENGINE, "name"),
        ("git@github.com:alpha/engine.git", ENGINE, "name"),
        ("pkg:github/alpha/engine@v1", ENGINE, "name"),
        ("https://www.npmjs.com/package/@alpha/core", PACKAGE, "name"),
        ("pkg:npm/%40alpha/core@1.2.3", PACKAGE, "name"),
        ("@alpha/core", PACKAGE, "name"),
        ("https://github.com/ada", AUTHOR, "name"),
        (ENGINE, ENGINE, "id"),
        (oso_id("engine"), ENGINE, "oso_id"),
    ],
)
def test_an_artifact_is_found_by_what_leads_to_it(api: AppClient, text: str, artifact: str, matched_by: str) -> None:
    """Names, former names, URLs as people write them, package URLs and ids lead to one artifact."""
    (found,) = resolved(api, text)["artifacts"]
    assert (found["artifact_id"], found["matched_by"]) == (artifact, matched_by)
    assert [project["project_name"] for project in found["projects"]] == ([] if artifact == AUTHOR else ["alpha"])


def test_projects_and_collections_are_found_by_name_and_id(api: AppClient) -> None:
    """A slug and an id lead to a project, a slug to a collection."""
    assert resolved(api, "alpha")["projects"] == resolved(api, ALPHA)["projects"] == [{"project_id": ALPHA, "project_name": "alpha"}]
    assert [one["collection_name"] for one in resolved(api, "both")["collections"]] == ["both"]


def test_what_is_not_known_is_told(api: AppClient) -> None:
    """A name that leads nowhere is 404, with where to look for near ones."""
    answer = api.get("/v1/resolve?q=pkg:npm/nobody")
    assert (answer.status_code, "read as package URL" in answer.json()["detail"]) == (404, True)
    for query in ("", "q=", "q=a&kind=project", f"q={'a' * 1001}"):
        assert api.get(f"/v1/resolve?{query}").status_code == 400


def test_a_look_up_takes_no_other_parameters_and_answers_in_json(api: AppClient) -> None:
    """A parameter that isn't known is refused, and so is an Accept header without JSON; a release may be named."""
    paths = {"lookup?limit=1": 400, "lookup?release=1": 200, "lookup?release=77": 404, "lookup": 200}
    assert {path: api.request("POST", f"/v1/{path}", content=b'["alpha"]').status_code for path in paths} == paths
    for accept, status in {"text/csv": 406, "application/json;q=0, */*": 406, "text/csv, */*;q=0.1": 200}.items():
        assert api.request("POST", "/v1/lookup", content=b'["alpha"]', headers={"Accept": accept}).status_code == status


def test_many_names_are_looked_up_at_once(api: AppClient) -> None:
    """A thousand names come back in their order, each with what it means, empty where it means nothing."""
    names = ["alpha", "pkg:npm/%40alpha/core", "nobody"] + [f"name{count}" for count in range(997)]
    answer = api.request("POST", "/v1/lookup", content=orjson.dumps(names))
    assert answer.status_code == 200
    found = answer.json()["data"]
    assert [one["asked"] for one in found] == names
    assert [len(one["projects"]) + len(one["artifacts"]) for one in found] == [1, 1] + [0] * 998


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 400), (b"{}", 400), (b"[1]", 400), (b"[]", 400), (b'["', 400), (b"[" + b'"a",' * 1000 + b'"a"]', 400), (b" " * 1_300_000, 413)],
)
def test_a_look_up_that_is_none_is_told(api: AppClient, content: bytes, status: int) -> None:
    """A body that is no array of texts, or too long a one, is refused."""
    answer = api.request("POST", "/v1/lookup", content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_nothing_else_is_asked_by_post(api: AppClient) -> None:
    """POST is for look-ups alone."""
    assert api.request("POST", "/v1/projects").status_code == 405
    assert api.get("/v1/lookup").status_code == 405


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("q=alpha", "alpha"),
        ("q=alhpa", "alpha"),
        ("q=daa", "ada"),
        ("q=adda", "ada"),
        ("q=croe&kind=artifact", "@alpha/core"),
        ("q=alpah/engine", "alpha/engine"),
        ("q=alphaengine", "alpha/engine"),
        ("q=enigne", "alpha/engine"),
        ("q=engine+alpha", "alpha/engine"),
        ("q=comits+dayly", "github_commits_daily"),
        ("q=github_comits_rolilng_7_days", "github_commits_rolling_7_days"),
        ("q=A", "alpha"),
        ("q=ALPHA/ENGINE", "alpha/engine"),
        ("q=engin", "alpha/engine"),
        ("q=commits+daily", "github_commits_daily"),
        ("q=core&kind=artifact", "@alpha/core"),
        ("q=al", "alpha"),
        ("q=both&kind=collection,project", "both"),
    ],
)
def test_the_nearest_name_comes_first(api: AppClient, query: str, first: str) -> None:
    """What was meant comes first, a typing error, another case or a beginning notwithstanding."""
    found = api.get(f"/v1/search?{query}").json()["data"]
    assert found[0]["name"] == first
    assert api.get(found[0]["url"]).status_code == 200
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)


@pytest.mark.parametrize(
    "text",
    [
        '"',
        'a" OR "b',
        "NEAR(a b)",
        "*",
        "a*",
        "-",
        "%",
        "\\",
        "ab",
        "\u0130\u0130\u0130",
        "x" * 200,
        "/",
        "//",
        "a/b",
        " ".join(["commits"] * 25),
        "abcdefghij" * 20,
    ],
)
def test_any_words_can_be_searched_for(api: AppClient, text: str) -> None:
    """Signs that mean something to the index are words like others."""
    assert api.get(f"/v1/search?q={quote(text)}").status_code == 200


@pytest.mark.parametrize("query", ["", "q=", "q=a&kind=person", "q=a&limit=0", "q=a&name=b", f"q={'a' * 201}"])
def test_a_search_that_is_none_is_told(api: AppClient, query: str) -> None:
    """Nothing to search for, an unknown kind or parameter is 400."""
    assert api.get(f"/v1/search?{query}").status_code == 400


def test_the_whole_name_is_nearest() -> None:
    """The very name is nearer than one that begins with it, that nearer than one that holds it, that nearer than one with an error."""
    scores = [score("uniswap", "project", name, None) for name in ("uniswap", "uniswap-labs", "my-uniswap-fork", "unistrap")]
    assert scores[0] == max(scores)
    assert scores[1] > scores[2]
