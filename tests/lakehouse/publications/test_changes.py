"""What a target has to load: partitions by their content, between any two releases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from contract.mart_lake import MARTS, PROJECTS, SERIES, MartLake, reopened, with_column, without_month
from end_to_end.lakes import Lake

from catalog.bucket import lake_connection
from catalog.errors import PublishError, ReleaseError
from catalog.iceberg import commit_files, data_files, write_data_file
from catalog.partitions import bounds_of
from catalog.releases import Release
from lakehouse.publications.changes import changed_tables, partitions_of, public_tables, shown_release
from lakehouse.publications.publication import Shown
from lakehouse.publications.rows import row_batches


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> MartLake:
    """Return a lake of two releases, the second of which has one more day; it is never changed."""
    made = MartLake(tmp_path_factory.mktemp("marts"))
    made.release_months()
    made.release_next_day()
    return made


@pytest.fixture
def growing(lake: MartLake, tmp_path: Path) -> MartLake:
    """Return a copy of the lake, to add to."""
    copied = reopened(Lake(lake.settings.folder).copy_to(tmp_path / "lake"))
    copied.releases = list(lake.releases)
    return copied


def changes(before: Release | None, after: Release) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Return the partitions that differ by table, and whether they are all that there is."""
    return {change.table.name: (change.partitions, change.is_whole) for change in changed_tables(before, after)}


def test_one_more_day_changes_its_month(lake: MartLake) -> None:
    """The month of the new day differs, and so does a table without partitions whose rows do; their files are those of the release."""
    first, second = lake.releases
    expected = {"series_v1": (("2024-01",), False), "events_v1": (("2024-01",), False), "coverage_v1": (("",), True)}
    assert changes(first, second) == changes(second, first) == expected
    (series,) = [change for change in changed_tables(first, second) if change.table.name == "series_v1"]
    assert {file.partition for file in series.files} == {"2024-01"}
    assert series.row_count == 14 * 6


def test_where_nothing_is_shown_all_differs(lake: MartLake) -> None:
    """Every table is to be loaded where nothing is known of what is shown, one without rows too."""
    found = changes(None, lake.releases[0])
    assert set(found) == {dataset.name for dataset in MARTS}
    assert found["series_v1"] == (("2023-11", "2023-12", "2024-01"), True)
    assert found["gaps_v1"] == ((), True)


def test_the_same_rows_in_other_files_are_no_change(growing: MartLake) -> None:
    """Two files that became one say the same."""
    table = growing.catalog.load_table(SERIES.identifier)
    released = next(one for one in public_tables(growing.releases[-1]) if one.name == "series_v1")
    january = [file for file in released.data_files if file.partition == "2024-01"]
    with lake_connection(growing.settings) as connection:
        merged = write_data_file(table, row_batches(growing.settings, connection, released, january))
    assert merged is not None
    assert len(january) == 2
    paths = {file.path for file in january}
    commit_files(table, [merged], removed=[file for file in data_files(table) if file.file_path in paths])
    growing.day += date(2024, 1, 2) - date(2024, 1, 1)
    assert changes(growing.releases[-1], growing.release(growing.day)) == {}


def test_an_added_column_changes_the_whole_table(growing: MartLake) -> None:
    """Rows with a column more are other rows, in all months."""
    with_column(growing)
    assert changes(growing.releases[1], growing.releases[2]) == {"series_v1": (("2023-11", "2023-12", "2024-01"), True)}


def test_a_month_without_rows_any_more(growing: MartLake) -> None:
    """A partition that is gone differs, and has no files."""
    without_month(growing, SERIES, "2023-12")
    (change,) = changed_tables(growing.releases[1], growing.releases[2])
    assert (change.partitions, change.files) == (("2023-12",), ())


@pytest.mark.parametrize(
    ("transform", "partition", "first", "end"),
    [("month", "2023-12", date(2023, 12, 1), date(2024, 1, 1)),
     ("month", "2024-02", date(2024, 2, 1), date(2024, 3, 1)),
     ("day", "2024-02-29", date(2024, 2, 29), date(2024, 3, 1)),
     ("year", "2023", date(2023, 1, 1), date(2024, 1, 1))],
)  # fmt: skip
def test_the_days_of_a_partition(lake: MartLake, transform: str, partition: str, first: date, end: date) -> None:
    """A partition's name says its days."""
    series = next(table for table in public_tables(lake.releases[0]) if table.name == SERIES.name)
    field = series.partition_spec["fields"][0] | {"transform": transform}
    cut = series.model_copy(update={"partition_spec": series.partition_spec | {"fields": [field]}})
    found = bounds_of(cut, partition)
    assert (found.column, found.first, found.end) == ("sample_date", first, end)


def test_partitions_without_days_are_told(lake: MartLake) -> None:
    """A table that isn't cut by days, and rows without a date, have no days."""
    projects, series = (next(table for table in public_tables(lake.releases[0]) if table.name == one.name) for one in (PROJECTS, SERIES))
    for table, partition in ((projects, ""), (series, "null")):
        with pytest.raises(ReleaseError, match=rf"marts\.{table.name}: partition .* is none by year, month or day"):
            bounds_of(table, partition)


def test_a_partition_holds_its_files(lake: MartLake) -> None:
    """Partitions add up to the table, rows and files."""
    for table in public_tables(lake.releases[1]):
        found = partitions_of(table)
        assert sum(one.row_count for one in found) == table.row_count
        assert sorted(file.path for one in found for file in one.files) == sorted(file.path for file in table.data_files)


def test_a_release_that_the_lake_did_not_make_is_refused(lake: MartLake) -> None:
    """What a target shows has to be a release of this lake; one that isn't kept any more is unknown."""
    shown = Shown.of(lake.releases[0])
    assert shown_release(lake.settings, None, "it") is None
    assert shown_release(lake.settings, shown, "it") == lake.releases[0]
    assert shown_release(lake.settings, replace(shown, id="000000-" + "0" * 64, sequence=0), "it") is None
    with pytest.raises(PublishError, match=r"it shows 000001-0+, which this lake did not release"):
        shown_release(lake.settings, replace(shown, id="000001-" + "0" * 64), "it")
