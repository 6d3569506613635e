"""The loader: what it is told twice is there once, what changed takes the place of what was."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalogs import open_catalog
from catalog.errors import SourceError
from catalog.iceberg import CURSOR_PROPERTY, LOAD_ID_PROPERTY
from catalog.settings import LoadSettings, Settings
from ingest.gharchive import lines, package
from ingest.gharchive.files import HourFolder
from ingest.loader import Loader, LoadSummary
from lakehouse.ingest import ingest_gharchive

SPAN = ("2024-01-01T00", "2024-01-01T02")


def record(number: int, **more: Any) -> bytes:
    """Return a good record."""
    return json.dumps({"id": str(number), "type": "WatchEvent", "created_at": f"2024-01-0{number % 9 + 1}T00:00:00Z", **more}).encode()


def write(folder: Path, hour: int, lines: list[bytes]) -> None:
    """Write an hour's file."""
    folder.mkdir(exist_ok=True)
    (folder / f"2024-01-01-{hour}.json.gz").write_bytes(gzip.compress(b"\n".join(lines)))


def load(lake: Path, hours: Path, **chosen: Any) -> LoadSummary:
    """Load two hours with a new loader."""
    told = Settings(folder=lake, load=LoadSettings(**chosen))
    return ingest_gharchive(told, Loader(told), str(hours), *SPAN)


def rows(lake: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a raw table."""
    found: list[dict[str, Any]] = open_catalog(Settings(folder=lake)).load_table(("raw", name)).scan().to_arrow().to_pylist()
    return found


def snapshots(lake: Path) -> dict[str, list[int]]:
    """Return the snapshots of the tables that hours are loaded to."""
    catalog = open_catalog(Settings(folder=lake))
    return {
        name: [one.snapshot_id for one in catalog.load_table(("raw", name)).snapshots()]
        for name in ("gharchive__events", "gharchive__hours")
    }


def test_loaded_twice_changes_nothing(tmp_path: Path) -> None:
    """A second load of the same hours makes no snapshot and counts them as unchanged."""
    write(tmp_path / "hours", 0, [record(1), record(2)])
    load(tmp_path, tmp_path / "hours")
    before = snapshots(tmp_path)
    again = load(tmp_path, tmp_path / "hours")
    assert (again.loads, again.unchanged, again.loaded) == (0, 2, 0)
    assert snapshots(tmp_path) == before


def test_snapshots_tell_load_and_cursor(tmp_path: Path) -> None:
    """The summary of each table's snapshot names the load that its rows bear, and the hours that it came to."""
    write(tmp_path / "hours", 0, [record(1), b"bad"])
    load(tmp_path, tmp_path / "hours")
    for name in ("gharchive__events", "rejected", "gharchive__hours"):
        snapshot = open_catalog(Settings(folder=tmp_path)).load_table(("raw", name)).current_snapshot()
        assert snapshot is not None
        assert snapshot.summary is not None
        told = snapshot.summary.additional_properties
        assert {row["_load_id"] for row in rows(tmp_path, name)} == {told[LOAD_ID_PROPERTY]}
        assert json.loads(told[CURSOR_PROPERTY]) == {"source": "gharchive", "first_hour": "2024-01-01-0", "last_hour": "2024-01-01-1"}


def test_a_file_that_was_touched_alone_changes_nothing(tmp_path: Path) -> None:
    """A file with another time and the same bytes is the same file."""
    write(tmp_path / "hours", 0, [record(1)])
    load(tmp_path, tmp_path / "hours")
    before = snapshots(tmp_path)
    (tmp_path / "hours" / "2024-01-01-0.json.gz").touch()
    load(tmp_path, tmp_path / "hours")
    assert snapshots(tmp_path) == before


def test_a_folder_that_was_copied_anew_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files with other times and the same bytes are read once and then known, in both folders; one that changes is loaded."""
    for hour in (0, 1):
        write(tmp_path / "hours", hour, [record(hour)])
    load(tmp_path, tmp_path / "hours")
    before = snapshots(tmp_path)
    shutil.copytree(tmp_path / "hours", tmp_path / "copy", copy_function=shutil.copyfile)
    read: list[str] = []
    fetch = HourFolder.fetch
    monkeypatch.setattr(HourFolder, "fetch", lambda self, path, etag: (read.append(path), fetch(self, path, etag))[1])
    for folder in ("copy", "copy", "hours", "copy"):
        assert load(tmp_path, tmp_path / folder).unchanged == 2
    assert sorted(read) == [str(tmp_path / "copy" / f"2024-01-01-{hour}.json.gz") for hour in (0, 1)]
    assert snapshots(tmp_path) == before
    write(tmp_path / "copy", 1, [record(7)])
    assert load(tmp_path, tmp_path / "copy").loaded == 1
    assert load(tmp_path, tmp_path / "hours").loaded == 1


def test_a_changed_file_replaces_its_own_rows(tmp_path: Path) -> None:
    """Rows of a file that changed upstream go in the commit that brings the new ones; those of other files stay."""
    write(tmp_path / "hours", 0, [record(1), record(2), b"bad"])
    write(tmp_path / "hours", 1, [record(3), b"bad too"])
    load(tmp_path, tmp_path / "hours")
    write(tmp_path / "hours", 0, [record(2), record(4)])
    changed = load(tmp_path, tmp_path / "hours")
    assert (changed.units, changed.unchanged) == (1, 1)
    assert sorted(row["record_id"] for row in rows(tmp_path, "gharchive__events")) == ["2", "3", "4"]
    assert [row["record"] for row in rows(tmp_path, "rejected")] == ["bad too"]


def test_back_to_what_it_was(tmp_path: Path) -> None:
    """A file that changes and then changes back is loaded again each time."""
    for numbers in ([1, 2], [3], [1, 2]):
        write(tmp_path / "hours", 0, [record(number) for number in numbers])
        load(tmp_path, tmp_path / "hours")
        assert sorted(row["record_id"] for row in rows(tmp_path, "gharchive__events")) == [str(number) for number in numbers]


def test_a_missing_hour_that_comes_later(tmp_path: Path) -> None:
    """An hour that was missing is loaded once its file is there."""
    write(tmp_path / "hours", 0, [record(1)])
    load(tmp_path, tmp_path / "hours")
    write(tmp_path / "hours", 1, [record(2)])
    load(tmp_path, tmp_path / "hours")
    assert {row["hour"]: row["state"] for row in rows(tmp_path, "gharchive__hours")} == {"2024-01-01-0": "loaded", "2024-01-01-1": "loaded"}


@pytest.mark.parametrize("package_records", [1, 2, 100])
def test_packages_of_any_size(tmp_path: Path, package_records: int) -> None:
    """However many records go into a package, the rows are the same."""
    for hour in (0, 1):
        write(tmp_path / "hours", hour, [record(hour * 3 + number) for number in range(3)])
    summary = load(tmp_path, tmp_path / "hours", package_records=package_records)
    assert summary.loads == (1 if package_records == 100 else 2)
    assert sorted(int(row["record_id"]) for row in rows(tmp_path, "gharchive__events")) == list(range(6))


@pytest.mark.parametrize("batch_bytes", [1, package.BATCH_BYTES])
@pytest.mark.parametrize("large", [0, 1])
def test_an_hour_that_is_too_large_is_refused_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int, large: int) -> None:
    """An hour over the limit leaves nothing, whatever of it was parsed already; the other is loaded; with a higher limit it comes in."""
    monkeypatch.setattr(lines, "PIECE_BYTES", 500)
    monkeypatch.setattr(package, "BATCH_BYTES", batch_bytes)
    write(tmp_path / "hours", large, [b"bad", *(record(number) for number in range(10, 100))])
    write(tmp_path / "hours", 1 - large, [record(1), record(2)])
    with pytest.raises(SourceError, match=rf"2024-01-01-{large}.json.gz: unpacks to more than 5,000 bytes.* load.max_hour_bytes"):
        load(tmp_path, tmp_path / "hours", max_hour_bytes=5000)
    assert [row["hour"] for row in rows(tmp_path, "gharchive__hours")] == [f"2024-01-01-{1 - large}"]
    assert sorted(row["record_id"] for row in rows(tmp_path, "gharchive__events")) == ["1", "2"]
    again = load(tmp_path, tmp_path / "hours")
    assert (again.units, again.unchanged, again.loaded, again.rejected.total()) == (1, 1, 90, 1)


def test_rows_stand_in_the_partition_of_their_day(tmp_path: Path) -> None:
    """Each data file of raw events holds rows of one day."""
    write(tmp_path / "hours", 0, [record(number) for number in range(9)])
    load(tmp_path, tmp_path / "hours")
    tasks = open_catalog(Settings(folder=tmp_path)).load_table(("raw", "gharchive__events")).scan().plan_files()
    assert sorted(task.file.record_count for task in tasks) == [1] * 9


_LINES = st.lists(
    st.one_of(
        st.binary(max_size=40).map(lambda one: one.replace(b"\n", b"")),
        st.integers(1, 9).map(record),
        st.dictionaries(
            st.sampled_from(["id", "type", "created_at", "actor", "repo", "payload"]),
            st.one_of(
                st.none(),
                st.integers(),
                st.text(max_size=5),
                st.floats(),
                st.just("2024-01-01T00:00:00Z"),
                st.just("infinity"),
                st.just({"id": "x"}),
            ),
        ).map(lambda one: json.dumps(one).encode()),
    ),
    max_size=12,
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=_LINES)
def test_in_is_loaded_plus_rejected(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """Whatever the lines of a file are: each that isn't blank is loaded or rejected, and loading again changes nothing."""
    lake = tmp_path_factory.mktemp("lake")
    write(lake / "hours", 0, lines)
    summary = load(lake, lake / "hours")
    expected = len([line for line in lines if line.strip()])
    assert summary.records == summary.loaded + summary.rejected.total() == expected
    assert len(rows(lake, "gharchive__hours")) == 2
    assert load(lake, lake / "hours").loads == 0
