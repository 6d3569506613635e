"""A lake that grows and changes restates what it must and nothing else, and ends as if it were built at once."""

from __future__ import annotations

import os
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from catalog.duck import connect
from catalog.release_diff import diff_releases
from end_to_end.chain import LATE_DAY, STEPS, Chain
from end_to_end.content import changed_partitions, rewritten_partitions
from end_to_end.lakes import Lake, Shelf, digests
from end_to_end.values import differences
from end_to_end.worlds import SMALL, hours_of

PAIRS = tuple(pairwise(STEPS))


@pytest.mark.parametrize("step", STEPS[1:])
def test_values_equal_the_truth_after_each_step(steps: Chain, step: str) -> None:
    """After one more day, a new clone, a late record, a replaced hour and a changed directory all values equal the truth of that moment."""
    found = differences(steps.lake, steps.truth(step), steps.release(step))
    assert found == {"calendar": [], "steps": [], "rolling": [], "key": []}


def test_nothing_is_built_anew(steps: Chain) -> None:
    """Only the first run builds from nothing; all later ones restate."""
    assert steps.notes["full"] == {step: step == "begun" for step in STEPS}


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_only_partitions_with_changed_rows_are_written(steps: Chain, before: str, after: str) -> None:
    """Of marts and intermediate tables exactly those partitions have new files in which a row differs."""
    old, new = steps.release(before), steps.release(after)
    changed, written = changed_partitions(steps.lake, old, new), rewritten_partitions(steps.lake, old, new)
    assert {name: parts for name, parts in written.items() if not name.startswith("raw.")} == {
        name: parts for name, parts in changed.items() if not name.startswith("raw.")
    }
    assert all(written[name] >= parts for name, parts in changed.items())


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_diff_of_two_releases_names_what_changed(steps: Chain, before: str, after: str) -> None:
    """`release diff` names just the tables and partitions in which a row differs, told from the rows themselves."""
    old, new = steps.release(before), steps.release(after)
    told = diff_releases(steps.lake.release(old), steps.lake.release(new))
    assert {table.name: set(table.partitions) for table in told.changed} == changed_partitions(steps.lake, old, new)


def test_one_more_day_writes_raw_rows_of_its_own_days_only(steps: Chain) -> None:
    """One more day's hours touch just the day partitions of raw events that their records fall on."""
    written = rewritten_partitions(steps.lake, steps.release("begun"), steps.release("day"))
    last = f"{SMALL.end.fromordinal(SMALL.end.toordinal() - 1)}"
    rows = steps.lake.rows(
        f"SELECT DISTINCT strftime(created_at, '%Y-%m-%d') FROM raw.gharchive__events WHERE _source_file LIKE '{last}-%'",
        steps.release("day"),
    )
    assert written["raw.gharchive__events"] == {str(row[0]) for row in rows}


def test_a_late_record_moves_the_rows_of_its_day(steps: Chain) -> None:
    """Records of two months ago give rows to their day, and to no entity or day beyond what the truth says; old months stay as they are."""
    connection = connect()
    moved = connection.execute(
        "SELECT count(*) FILTER (WHERE sample_date = $day), count(*) FILTER (WHERE sample_date < $day - 31), count(*) FROM ("
        f"(FROM '{steps.truth('late')}' EXCEPT FROM '{steps.truth('clone')}') UNION ALL"
        f" (FROM '{steps.truth('clone')}' EXCEPT FROM '{steps.truth('late')}')) WHERE metric_name NOT LIKE '%yearly' AND metric_name NOT LIKE '%quarterly'",
        {"day": LATE_DAY},
    ).fetchone()
    assert moved is not None
    assert moved[0] > 0
    assert moved[1] == 0
    written = rewritten_partitions(steps.lake, steps.release("clone"), steps.release("late"))
    assert min(written["marts.events_v1"]) == f"{LATE_DAY:%Y-%m}"
    assert written["raw.gharchive__events"] == {f"{LATE_DAY}"}


def test_a_late_record_moves_the_first_sight_of_a_commit(steps: Chain) -> None:
    """A commit that a late push lists again counts at the late push's time, once."""
    query = (
        f"SELECT count(*) FILTER (WHERE CAST(time AS DATE) = DATE '{LATE_DAY}'), count(*) FROM marts.events_v1 WHERE event_type = 'COMMIT_CODE'"
        " AND event_source_id IN (SELECT unnest(commit_shas) FROM raw.gharchive__events WHERE record_id = '90000000001')"
    )
    late, in_all = steps.lake.rows(query, steps.release("late"))[0]
    assert (late, in_all) == (in_all, late)
    assert int(str(late)) > 0


def test_a_changed_directory_leaves_events_alone(steps: Chain) -> None:
    """After a change in the directory no event is computed again: neither events nor the days of actors and artifacts have a new file."""
    written = rewritten_partitions(steps.lake, steps.release("replaced"), steps.release("directory"))
    assert not {name for name in written if name.rpartition(".")[2] in _OF_EVENTS}
    assert {"marts.timeseries_metrics_by_project_v1", "marts.artifacts_by_project_v1"} <= set(written)


_OF_EVENTS = {
    "gharchive__events", "git__commits", "events_v1", "events_daily_v1", "int_actor_days", "int_artifact_days", "int_artifact_months",
    "int_push_commits", "int_sightings",
}  # fmt: skip


def test_day_by_day_equals_at_once(steps: Chain, small_lake: Lake) -> None:
    """A lake that came to the world in steps has the content digests of one that was built at once in another folder, raw tables too."""
    assert digests(steps.lake.release(steps.release("clone"))) == digests(small_lake.release())


def test_changes_equal_a_build_from_nothing(steps: Chain, shelf: Shelf) -> None:
    """After all changes every table has the content digest of a lake that is built from nothing from the changed world."""

    def build(folder: Path) -> None:
        Lake(folder).name_sources(steps.world, hours_of(SMALL)).run()

    anew = Lake(shelf.once("anew", build))
    ours, theirs = digests(steps.lake.release()), digests(anew.release())
    assert {name for name in ours if ours[name] != theirs[name]} == set()


def test_a_run_without_news_changes_nothing(small_lake: Lake, tmp_path: Path) -> None:
    """A second run answers with the same release; no published file but `latest.json` is new, gone or other; the lake may have moved meanwhile."""
    lake = small_lake.copy_to(tmp_path / "moved")
    before = _files(lake.folder / "warehouse")
    done = lake.run()
    assert done.release is not None
    assert (done.release.is_new, done.transformed) == (False, None)
    assert _files(lake.folder / "warehouse") == before
    assert lake.release().id == small_lake.release().id
    shutil.rmtree(lake.folder)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    paths = [Path(root) / name for root, _, names in os.walk(folder) for name in names if name != "latest.json"]
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}
