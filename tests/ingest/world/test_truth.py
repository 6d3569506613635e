"""The truth of a handful of records against numbers that were worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ingest.world.handmade import (
    Value,
    old_push,
    person,
    push,
    record,
    truth_of,
    write_clone,
    write_directory,
    write_hours,
)

OLD, NEW, TAKER, BETA, GAMMA = (10, "Old/Name"), (10, "new/name"), (30, "old/name"), (20, "beta/two"), (40, "g/three")
STAR = record(106, "WatchEvent", "2024-03-01T10:00:00Z", "carl", NEW, action="started")
OPENED = {"number": 5, "pull_request": {"number": 5, "user": {"id": 1, "login": "ann"}}}
CUT = {"number": 5, "pull_request": {"number": 5, "url": "x"}}
MERGED = record(108, "PullRequestEvent", "2024-03-08T10:00:00Z", "bea", BETA, action="merged", **CUT)

HOURS = {
    # 20:00 on 31 January at -07:00 is 03:00 on 1 February in UTC
    "2024-01-31-20": [old_push("2024-01-31T20:00:00-07:00", "Ann", "old/name", "a1", "a2")],
    "2024-02-02-9": [push(101, "2024-02-02T09:00:00Z", "ann", OLD, "a2", "a3")] * 2,
    "2024-02-05-9": [push(102, "2024-02-05T09:00:00Z", "tool[bot]", NEW, "a4", "a5")],
    "2024-02-10-9": [record(107, "PullRequestEvent", "2024-02-10T09:00:00Z", "ann", BETA, action="opened", **OPENED)],
    "2024-03-01-10": [STAR],
    "2024-03-01-12": [STAR],
    "2024-03-02-9": [push(103, "2024-03-02T09:00:00Z", "ann", NEW, "a6", ref="feature"), b"{ not json"],
    "2024-03-05-9": [
        record(110, "WatchEvent", "2024-03-05T09:00:00Z", "carl", TAKER, action="started"),
        push(111, "2024-03-05T09:10:00Z", "carl", GAMMA, "zz"),
    ],
    # told twice; the first id counts
    "2024-03-08-10": [MERGED, MERGED.replace(b'"108"', b'"109"')],
    # late: a4 was listed before the bot's push listed it
    "2024-03-09-9": [push(104, "2024-02-03T10:00:00Z", "bea", OLD, "a4")],
}
PROJECTS = {
    "alpha": ["https://github.com/OLD/name.git"],
    "beta": ["https://github.com/beta"],
    "gamma": ["https://github.com/g/three/"],
}
ON_HEAD = [
    person("Ann", "1+ann@users.noreply.github.com", "2024-02-20T23:30:00-02:00"),
    person("Dora", "dora@example.org", "2024-02-25T12:00:00+00:00"),
    person("Dora", "dora@EXAMPLE.org", "2024-02-25T13:00:00+00:00"),
    person("Later", "later@example.org", "2024-03-11T00:00:00+00:00"),
]


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Value:
    """Return the truth of the records above."""
    world = tmp_path_factory.mktemp("handmade")
    write_hours(world / "gharchive", HOURS)
    taken = {**PROJECTS, "taken": ["https://github.com/old/name"]}
    write_directory(world / "oss-directory", [("2024-01-01", PROJECTS), ("2024-03-06", taken)])
    write_clone(world / "git", "g/three", ON_HEAD, [person("X", "x@example.org", "2024-02-26T00:00:00+00:00")])
    return truth_of(world)


def series(truth: Value, entity: str, metric: str) -> dict[str, float]:
    """Return a metric's amounts by date."""
    return {day: amount for (of, name, day, row), amount in truth.items() if (of, name, row) == (entity, metric, "series")}


def key(truth: Value, entity: str, metric: str) -> float:
    """Return a key metric, 0 where it has no row."""
    return truth.get((entity, metric, "2024-03-10", "key"), 0)


def test_commits_count_once_at_their_first_sighting(truth: Value) -> None:
    """Old, renamed, duplicate and late records of one repository make five commits on four days."""
    assert series(truth, "project alpha", "commits_daily") == {
        "2024-02-01": 2,
        "2024-02-02": 1,
        "2024-02-03": 1,
        "2024-02-05": 1,
    }
    assert series(truth, "project alpha", "commits_no_bots_daily") == {"2024-02-01": 2, "2024-02-02": 1, "2024-02-03": 1}
    assert series(truth, "artifact GITHUB/repository/10", "commits_monthly") == {"2024-02-01": 5}


def test_weeks_begin_on_monday(truth: Value) -> None:
    """The commits of Thursday to Saturday stand at Monday 29 January, that of the next Monday at itself."""
    assert series(truth, "project alpha", "commits_weekly") == {"2024-01-29": 4, "2024-02-05": 1}


def test_rolling_windows_end_with_their_date(truth: Value) -> None:
    """Seven days that end on each date, from the first commit until none is left in the window."""
    assert list(series(truth, "project alpha", "commits_rolling_7_days").values()) == [2, 3, 4, 4, 5, 5, 5, 3, 2, 1, 1]
    assert max(series(truth, "project alpha", "commits_rolling_7_days")) == "2024-02-11"
    assert series(truth, "project alpha", "new_contributors_rolling_7_days")["2024-02-08"] == 2
    assert series(truth, "project alpha", "commits_rolling_180_days")["2024-03-10"] == 5
    assert key(truth, "project alpha", "commits_rolling_30_days") == 0
    assert key(truth, "project alpha", "commits_rolling_90_days") == 5


def test_people_are_followed_across_forms_and_bots_are_left_out(truth: Value) -> None:
    """The login of the old record and the numbered account are one person; the bot is the third developer."""
    assert series(truth, "project alpha", "active_developers_monthly") == {"2024-02-01": 3}
    assert series(truth, "project alpha", "active_developers_no_bots_monthly") == {"2024-02-01": 2}
    assert series(truth, "project alpha", "developer_active_days_monthly") == {"2024-02-01": 4}
    assert series(truth, "project alpha", "part_time_developers_monthly") == {"2024-02-01": 3}
    assert series(truth, "project alpha", "full_time_developers_monthly") == {}


def test_a_star_counts_once_and_not_for_the_taker_of_the_name(truth: Value) -> None:
    """The duplicate in a later hour is dropped; the star of the repository that took the name counts for that one alone."""
    assert series(truth, "project alpha", "stars_daily") == {"2024-03-01": 1}
    assert series(truth, "project taken", "stars_daily") == {"2024-03-05": 1}
    assert key(truth, "project taken", "commits_over_all_time") == 0


def test_a_merge_of_the_latest_form_is_the_openers(truth: Value) -> None:
    """The merge that is told twice counts once, as a contribution of the person who had opened the pull request."""
    assert series(truth, "project beta", "pull_requests_merged_daily") == {"2024-03-08": 1}
    assert series(truth, "project beta", "contributor_active_days_monthly") == {"2024-02-01": 1, "2024-03-01": 1}
    assert key(truth, "project beta", "contributors_over_all_time") == 1
    assert key(truth, "project beta", "active_developers_over_all_time") == 0


def test_a_clone_alone_tells_the_commits(truth: Value) -> None:
    """Commits that HEAD reaches count on their UTC days; the push doesn't, nor does the commit after the as-of date."""
    assert series(truth, "project gamma", "commits_daily") == {"2024-02-21": 1, "2024-02-25": 2}
    assert key(truth, "project gamma", "active_developers_over_all_time") == 2


def test_collections_count_people_once(truth: Value) -> None:
    """Ann, Bea, Dora and the bot contributed to four projects' repositories; three of those saw work."""
    assert key(truth, "collection all", "contributors_over_all_time") == 4
    assert key(truth, "collection all", "contributors_no_bots_over_all_time") == 3
    assert key(truth, "collection all", "new_contributors_over_all_time") == 4
    assert key(truth, "collection all", "repositories_over_all_time") == 3
    assert series(truth, "collection all", "repositories_daily")["2024-02-10"] == 1


def test_full_time_is_a_third_of_the_days(tmp_path: Path) -> None:
    """Ten active days of thirty are full time, nine are not."""
    days = [f"2024-02-{day:02d}" for day in range(1, 11)]
    pushes = [push(200 + at, f"{day}T08:00:00Z", "ann", NEW, f"s{at}") for at, day in enumerate(days)]
    write_hours(tmp_path / "gharchive", {"2024-02-01-8": pushes})
    write_directory(tmp_path / "oss-directory", [("2024-01-01", {"alpha": ["https://github.com/new/name"]})])
    truth = truth_of(tmp_path)
    full = series(truth, "project alpha", "full_time_developers_rolling_30_days")
    part = series(truth, "project alpha", "part_time_developers_rolling_30_days")
    assert (min(full), max(full)) == ("2024-02-10", "2024-03-01")
    assert (max(part), part["2024-03-02"]) == ("2024-03-10", 1)
    assert series(truth, "project alpha", "full_time_developers_monthly") == {"2024-02-01": 1}
    assert series(truth, "project alpha", "part_time_developers_quarterly") == {"2024-01-01": 1}
