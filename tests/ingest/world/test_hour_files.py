"""What stands in the hour files: the three forms, and each oddity that the summary claims."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest.world import WorldSettings, WorldSummary, write_world
from ingest.world.truth.records import RejectedError, parse
from tests.ingest.world.conftest import SETTINGS, lines_of

Record = dict[str, Any]


@pytest.fixture(scope="module")
def records(lines: list[bytes]) -> list[Record]:
    """Return the lines that are sound records."""
    return [json.loads(line) for line in lines if is_sound(line)]


def is_sound(line: bytes) -> bool:
    """Tell whether a line is a record by the rules of the truth's own reader."""
    try:
        parse(line)
    except RejectedError:
        return False
    return True


def named(records: list[Record], name: str) -> list[Record]:
    """Return the records (since 2015) of the repository under a name."""
    return [record for record in records if (record.get("repo") or {}).get("name") == name]


def test_every_hour_has_a_file_but_the_missing_ones(world: WorldSummary) -> None:
    """There is a file for each hour of the range that isn't declared missing, and exactly one of them is empty."""
    files = {path.name.removesuffix(".json.gz"): path for path in (world.folder / "gharchive").iterdir()}
    hours = {f"{day}-{hour}" for day in days() for hour in range(24)}
    assert set(files) == hours - set(world.missing_hours)
    assert len(world.missing_hours) >= 2
    assert [name for name, path in files.items() if not lines_of(path)] != []
    assert (world.from_hour, world.to_hour) == ("2024-01-01T00", "2024-01-11T00")


def days() -> list[str]:
    """Return the days of the world's range."""
    return [f"2024-01-{day:02d}" for day in range(1, SETTINGS.days + 1)]


def test_records_have_the_form_of_their_era(world: WorldSummary) -> None:
    """The first day is of the form before 2015 with local times, the last one of the form since October 2025."""
    first = [json.loads(line) for line in lines_of(world.folder / "gharchive" / "2024-01-01-10.json.gz") if is_sound(line)]
    assert first
    assert all("repo" not in record and record["created_at"].endswith("-07:00") for record in first)
    last = [
        json.loads(line)
        for hour in range(24)
        for line in lines_of(world.folder / "gharchive" / f"2024-01-10-{hour}.json.gz")
        if is_sound(line)
    ]
    pushes = [record for record in last if record["type"] == "PushEvent"]
    pulls = [record for record in last if record["type"] == "PullRequestEvent"]
    assert pushes and all("commits" not in push["payload"] for push in pushes)
    assert pulls and all(set(pull["payload"]["pull_request"]) <= {"url", "id", "node_id", "number", "head", "base"} for pull in pulls)
    assert {"merged", "opened"} <= {pull["payload"]["action"] for pull in pulls}


def test_records_are_about_as_long_as_real_ones(lines: list[bytes]) -> None:
    """A record takes 0.7 to 1.2 KB on average, the one long line left aside."""
    usual = [len(line) for line in lines if len(line) < 100_000]
    assert 700 < sum(usual) / len(usual) < 1200
    assert sum(len(line) > 200_000 for line in lines) == 1


def test_malformed_lines_are_as_many_as_claimed(world: WorldSummary, lines: list[bytes]) -> None:
    """As many lines are no records as the summary claims, for each of eight reasons at least one."""
    claimed = {name: count for name, count in world.oddities.items() if name.startswith("malformed_")}
    assert sum(claimed.values()) == sum(not is_sound(line) for line in lines)
    assert len(claimed) == 8


def test_the_smallest_world_holds_every_oddity(world: WorldSummary, tmp_path: Path) -> None:
    """A world of 100 events on three days, with its truth, has the same kinds of oddities as a bigger one."""
    smallest = write_world(tmp_path, WorldSettings(events=100, days=3, seed=3, projects=12, truth=True))
    assert set(smallest.oddities) == set(world.oddities)
    assert all(smallest.oddities[oddity] > 0 for oddity in smallest.oddities)
    assert smallest.truth_rows is not None
    assert smallest.truth_rows > 10_000


def test_duplicates_stand_in_the_same_and_in_later_hours(world: WorldSummary) -> None:
    """Some lines stand twice in one file, some again in a later file of the same UTC day."""
    seen: dict[bytes, str] = {}
    same = later = 0
    for path in sorted((world.folder / "gharchive").iterdir(), key=lambda path: path.stat().st_mtime_ns):
        for line in lines_of(path):
            same += seen.get(line) == path.name
            later += seen.get(line, path.name) != path.name
            seen.setdefault(line, path.name)
    assert same >= world.oddities["duplicate_same_hour"] > 2
    assert later >= world.oddities["duplicate_later_hour"] > 2


def test_a_renamed_repository_keeps_its_number(records: list[Record]) -> None:
    """The renamed and the transferred repository have one number each under two names (three spellings)."""
    for names in (("Tulip/Bulb", "tulip/garden"), ("heron-dev/kiln", "kilnworks/kiln")):
        numbers = [{record["repo"]["id"] for record in named(records, name)} for name in names]
        assert numbers[0] == numbers[1]
        assert len(numbers[0]) == 1


def test_a_freed_name_is_taken_by_another_repository(records: list[Record]) -> None:
    """`quarry/stone` is the name of one number first and of another one later."""
    stones = sorted(named(records, "quarry/stone"), key=lambda record: str(record["created_at"]))
    assert len({record["repo"]["id"] for record in stones}) == 2
    changes = sum(one["repo"]["id"] != next_["repo"]["id"] for one, next_ in pairwise(stones))
    assert changes == 1


def test_a_person_becomes_a_bot_and_a_login_changes_hands(records: list[Record]) -> None:
    """One account has a human's login and then a bot's; one login belongs to two accounts."""
    logins: dict[str, set[int]] = {}
    for record in records:
        if isinstance(record.get("actor"), dict):
            logins.setdefault(record["actor"]["login"], set()).add(record["actor"]["id"])
    assert logins["helper-jay"] == logins["helper-jay-bot"]
    assert len(logins["sam-one"]) == 2


def test_commits_come_again(records: list[Record]) -> None:
    """Some commits are listed by several pushes, and one of them later by a record that was created earlier."""
    pushes = [record for record in records if record["type"] == "PushEvent" and "repo" in record]
    listed = Counter(commit["sha"] for push in pushes for commit in push["payload"].get("commits", ()))
    assert sum(count > 1 for count in listed.values()) > 20
    bulbs = [push for push in pushes if push["repo"]["id"] == named(records, "tulip/garden")[0]["repo"]["id"]]
    times = {}
    for push in bulbs:
        for commit in push["payload"].get("commits", ()):
            times.setdefault(commit["sha"], []).append((int(push["id"]), push["created_at"]))
    assert any(sorted(seen) != sorted(seen, key=lambda one: one[1]) for seen in times.values())


def test_merges_of_the_latest_form_are_told_twice(records: list[Record]) -> None:
    """One merge stands in two records with different ids and the same time; others have openers that are known."""
    pulls = [record for record in records if record["type"] == "PullRequestEvent" and "repo" in record]
    merges = Counter((p["repo"]["id"], p["payload"]["number"], p["created_at"]) for p in pulls if p["payload"]["action"] == "merged")
    openers = {(p["repo"]["id"], p["payload"]["number"]) for p in pulls if p["payload"]["action"] == "opened"}
    assert max(merges.values()) == 2
    known = {(repository, number) in openers for repository, number, _ in merges}
    assert known == {True, False}


def test_times_inside_payloads_lie_before_the_record(records: list[Record]) -> None:
    """A merge's time falls on the day before its record's, and a release was published days earlier."""
    merged = [
        (record["payload"]["pull_request"].get("merged_at"), record["created_at"])
        for record in records
        if record["type"] == "PullRequestEvent"
    ]
    assert any(at and not created.endswith("-07:00") and at[:10] < created[:10] for at, created in merged)
    orphans = [
        record for record in records if record["type"] == "PullRequestEvent" and record["payload"]["pull_request"].get("user", 0) is None
    ]
    assert len(orphans) == 1
    releases = [
        (record["payload"]["release"]["published_at"], record["created_at"]) for record in records if record["type"] == "ReleaseEvent"
    ]
    assert any(int(created[8:10]) - int(at[8:10]) == 5 for at, created in releases if created[:7] == at[:7]) or any(
        at[:7] < created[:7] for at, created in releases
    )


def test_bots_people_and_nobody_act(records: list[Record]) -> None:
    """There are bots by suffix and by the list, people whose logins look like bots', and records without an actor."""
    actors = [record.get("actor") for record in records]
    logins = {actor["login"] if isinstance(actor, dict) else actor for actor in actors}
    assert {"dependabot[bot]", "Deploy-Bot", "k8s-ci-robot", "finch-bot", None} <= logins
    assert logins & {"robotnik", "abbott", "chatbot", "bot-maker"}
    assert any("repo" not in record and "repository" not in record for record in records)
    assert any(isinstance(record.get("id"), int) for record in records)


def test_planted_addresses_stand_in_clear(world: WorldSummary, lines: list[bytes]) -> None:
    """Each local part that world.json lists stands in clear in an hour file or in a clone."""
    planted = json.loads((world.folder / "world.json").read_text())["planted_emails"]
    text = b"\n".join(lines)
    in_hours = [local for local in planted if f"{local}@".encode() in text]
    assert len(in_hours) == 8
    assert len(planted) == 13
