"""`osslake maintain` on a lake that grew day by day: nothing that a release, a reader or the next run needs is touched."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from catalog.query import open_release
from end_to_end.kills import check_as_never_killed, copy_of, raw_rows
from end_to_end.lakes import STAGES, Lake, digests
from end_to_end.processes import osslake

SUM = "SELECT count(*), sum(amount) FROM marts.timeseries_metrics_by_project_v1"
EAGER = {
    "OSSLAKE_MAINTAIN__KEEP_SNAPSHOTS_DAYS": "0",
    "OSSLAKE_MAINTAIN__KEEP_SNAPSHOTS": "1",
    "OSSLAKE_MAINTAIN__ORPHAN_HOURS": "0",
    "OSSLAKE_MAINTAIN__COMPACT_FILES": "2",
    "OSSLAKE_MAINTAIN__MERGE_MANIFESTS": "2",
}
"""Leave as little as can be."""


def maintain(lake: Lake, *options: str, eager: bool = True) -> dict[str, Any]:
    """Run the command and return what it tells."""
    done = osslake("--lake", lake.folder, "maintain", "--output", "json", *options, environment=EAGER if eager else {})
    assert done.code == 0, done
    found: dict[str, Any] = json.loads(done.out)
    return found


def totals(told: dict[str, Any], when: str) -> dict[str, int]:
    """Add up a summary's figures."""
    return {name: sum(table[when][name] for table in told["tables"]) for name in ("snapshots", "manifests", "data_files", "files", "bytes")}


def check_releases(lake: Lake, before: Lake) -> None:
    """Check that all releases hold, down to each file's hash and each table's digest, and read as before."""
    for sequence in range(1, before.release().sequence + 1):
        verified = osslake("--lake", lake.folder, "release", "verify", str(sequence))
        assert verified.code == 0, verified
        assert lake.rows(SUM, str(sequence)) == before.rows(SUM, str(sequence))


@pytest.fixture(scope="module")
def maintained(begun: Lake, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict[str, Any]]:
    """Return a lake that was maintained eagerly, and what was told."""
    lake = begun.copy_to(tmp_path_factory.mktemp("maintained") / "lake")
    return lake, maintain(lake)


def test_everything_gets_fewer(maintained: tuple[Lake, dict[str, Any]]) -> None:
    """Small files are compacted, manifests merged, snapshots expired, orphans deleted, and the figures say so."""
    lake, told = maintained
    before, after = totals(told, "before"), totals(told, "after")
    assert after["manifests"] < before["manifests"]
    assert after["data_files"] < before["data_files"]
    for what in ("compacted_files", "expired_snapshots", "orphans", "orphan_bytes"):
        assert sum(table[what] for table in told["tables"]) > 0, what
    files = [path for root, _, names in os.walk(lake.folder / "warehouse") for path in (Path(root, name) for name in names)]
    tables = [path for path in files if path.parent.name != "releases" and path.name != "latest.json"]
    assert (after["files"], after["bytes"]) == (len(tables), sum(path.stat().st_size for path in tables))


def test_every_release_holds(maintained: tuple[Lake, dict[str, Any]], begun: Lake) -> None:
    """All kept releases verify and read as before."""
    check_releases(maintained[0], begun)


def test_rows_stay_the_same(maintained: tuple[Lake, dict[str, Any]], begun: Lake) -> None:
    """The raw tables, read through the catalog, have the rows that they had."""
    assert raw_rows(maintained[0]) == raw_rows(begun)


def test_a_second_time_finds_nothing(maintained: tuple[Lake, dict[str, Any]], tmp_path: Path) -> None:
    """Maintained twice again, the lake is as small as it gets: the third time changes no file."""
    lake = copy_of(maintained[0], tmp_path)
    maintain(lake)
    before = _bytes_of(lake.folder / "warehouse")
    told = maintain(lake)
    assert _bytes_of(lake.folder / "warehouse") == before
    assert totals(told, "before") == totals(told, "after")


def test_one_more_day_is_as_if_never_maintained(maintained: tuple[Lake, dict[str, Any]], unharmed: Lake, tmp_path: Path) -> None:
    """The next run restates its own days, not everything, and its release has the content of a lake that was never maintained."""
    lake = copy_of(maintained[0], tmp_path)
    done = lake.run()
    assert done.transformed is not None
    assert (done.transformed.is_full, done.transformed.restated_days) == (False, 2)
    check_as_never_killed(lake, unharmed)


def test_a_run_without_news_changes_nothing(unharmed: Lake, tmp_path: Path) -> None:
    """Right after maintenance a run finds nothing to do, and the status says that all is released."""
    lake = copy_of(unharmed, tmp_path)
    maintain(lake)
    before = _bytes_of(lake.folder / "warehouse")
    done = lake.run()
    assert done.release is not None
    assert (done.release.is_new, done.transformed) == (False, None)
    assert _bytes_of(lake.folder / "warehouse") == before
    assert "up to date with what is loaded" in osslake("--lake", lake.folder, "status").out


def test_a_dry_run_changes_no_byte(begun: Lake, tmp_path: Path) -> None:
    """`--dry-run` leaves every file of the lake as it is, but for the lock, and tells of the same tables and snapshots as the real run."""
    lake = copy_of(begun, tmp_path)
    before = _bytes_of(lake.folder)
    told = maintain(lake, "--dry-run")
    assert _bytes_of(lake.folder) == before
    done = maintain(lake)
    for name in ("name", "before", "compacted_files"):
        assert [table[name] for table in told["tables"]] == [table[name] for table in done["tables"]]


def _bytes_of(folder: Path) -> dict[str, str]:
    paths = [Path(root, name) for root, _, names in os.walk(folder) for name in names if name not in ("lock", "lock.json", "latest.json")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_orphans_go_when_they_are_old(begun: Lake, tmp_path: Path) -> None:
    """By default a file in a table's folder that nothing names goes after a day; a younger one may belong to a load that runs, and stays.

    What lies elsewhere is not touched, whatever its age.
    """
    lake = copy_of(begun, tmp_path)
    table = lake.folder / "warehouse" / "raw" / "gharchive__events"
    old, young = table / "data" / f"{'a' * 32}.parquet", table / "data" / f"{'b' * 32}.parquet"
    aside = table / "metadata" / ".x.json.abc.part"
    elsewhere = [lake.folder / "warehouse" / "releases" / "notes.txt", lake.folder / "warehouse" / "raw" / "stray.parquet"]
    for path in (old, young, aside, *elsewhere):
        path.write_bytes(b"x" * 1000)
    for path in (old, aside, *elsewhere):
        os.utime(path, (time.time() - 90_000,) * 2)
    told = {one["name"]: one for one in maintain(lake, eager=False)["tables"]}
    assert (told["raw.gharchive__events"]["orphans"], told["raw.gharchive__events"]["orphan_bytes"]) == (2, 2000)
    assert sum(one["orphans"] for one in told.values()) == 2
    assert [path.exists() for path in (old, aside, young, *elsewhere)] == [False, False, True, True, True]


def test_a_reader_goes_on(begun: Lake, tmp_path: Path) -> None:
    """A reader that has an old release open reads the same before and after maintenance."""
    lake = copy_of(begun, tmp_path)
    with open_release(lake.settings, lake.release("1"), STAGES) as connection:
        before = connection.execute(SUM).to_arrow_table()
        maintain(lake)
        assert connection.execute(SUM).to_arrow_table() == before
        assert connection.execute("SELECT count(*) FROM raw.gharchive__events").to_arrow_table().num_rows == 1


POINTS = ("maintain.written", "maintain.compacted", "maintain.merged:3", "maintain.moved", "maintain.expired", "maintain.orphan:4")


def test_killed_at_each_point_nothing_is_lost(begun: Lake, unharmed: Lake, tmp_path: Path) -> None:
    """Killed at one point after the other and done again, releases hold after each, and the next run is that of a lake never harmed."""
    lake = copy_of(begun, tmp_path)
    for point in POINTS:
        ended = osslake("--lake", lake.folder, "maintain", environment=EAGER, crash_at=point)
        assert ended.code == -signal.SIGKILL, f"{point} was not reached: {ended}"
        verified = osslake("--lake", lake.folder, "release", "verify")
        assert verified.code == 0, (point, verified)
    maintain(lake)
    check_releases(lake, begun)
    assert raw_rows(lake) == raw_rows(begun)
    lake.run()
    check_as_never_killed(lake, unharmed)


def test_killed_before_the_baseline_moves(begun: Lake, unharmed: Lake, tmp_path: Path) -> None:
    """Where the next transformation does not know of a compaction, it restates those days to the same values."""
    lake = copy_of(begun, tmp_path)
    ended = osslake("--lake", lake.folder, "maintain", environment=EAGER, crash_at="maintain.compacted")
    assert ended.code == -signal.SIGKILL, ended
    assert digests(lake.release()) == digests(begun.release())
    lake.run()
    check_as_never_killed(lake, unharmed)
