"""What is told of two releases' difference."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from small_lake import DATASETS, DAYS, GAPS, SERIES, SmallLake, table_of

from catalog.iceberg import ensure_table
from catalog.release_diff import diff_releases

JANUARY = [(date(2024, 1, 1), 1.5, "p"), (date(2024, 1, 2), 0.0, "q")]


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    """Return a filled lake without releases."""
    return SmallLake(tmp_path / "lake").fill()


def test_a_release_does_not_differ_from_itself(lake: SmallLake) -> None:
    """Nothing differs between a release and itself."""
    release = lake.release()
    assert diff_releases(release, release).is_empty


def test_changed_rows_are_told_by_partition_and_files(lake: SmallLake) -> None:
    """A partition whose rows changed is named, with rows, digests, and the files and bytes that came and went."""
    first = lake.release()
    lake.write(SERIES, JANUARY[:1], replaced=[file for file in lake.files(SERIES) if file.record_count == 2])
    second = lake.release()
    difference = diff_releases(first, second)
    (changed,) = difference.changed
    old, new = table_of(first, SERIES), table_of(second, SERIES)
    assert (changed.name, changed.partitions) == ("marts.series_v1", ("2024-01",))
    assert (changed.rows_before, changed.rows_after) == (3, 2)
    assert (changed.digest_before, changed.digest_after) == (old.content_digest, new.content_digest)
    assert (changed.files_added, changed.files_removed) == (1, 1)
    assert changed.bytes_added - changed.bytes_removed == sum(f.size_bytes for f in new.data_files) - sum(
        f.size_bytes for f in old.data_files
    )
    assert (difference.added, difference.removed, difference.is_empty) == ((), (), False)


def test_tables_that_come_and_go_are_told(lake: SmallLake) -> None:
    """A table in one release only is added, or removed the other way round."""
    first = lake.release()
    lake.write(DAYS, [(date(2024, 1, 1), 2)])
    second = lake.release()
    assert [table.full_name for table in diff_releases(first, second).added] == ["intermediate.int_days"]
    assert [table.full_name for table in diff_releases(second, first).removed] == ["intermediate.int_days"]


def test_schema_and_declarations_are_told(lake: SmallLake) -> None:
    """An added column, and another description or licence, are told by name without any changed partition."""
    first = lake.release()
    wider = replace(GAPS, columns=(*GAPS.columns, replace(GAPS.columns[0], name="url")), licence="CC0-1.0")
    ensure_table(lake.catalog, wider)
    second = lake.create([wider if dataset is GAPS else dataset for dataset in DATASETS]).release
    (changed,) = diff_releases(first, second).changed
    assert (changed.columns_added, changed.columns_removed, changed.columns_changed) == (("url",), (), ())
    assert (changed.declarations, changed.partitions) == (("licence", "content_columns"), ())


def test_models_coverage_and_date_are_told(lake: SmallLake) -> None:
    """Changed models, coverage and as-of date are told."""
    first = lake.release()
    lake.models, lake.records, lake.as_of = {"series_v1": "cc", "new": "dd"}, 4, date(2024, 2, 3)
    difference = diff_releases(first, lake.release())
    assert difference.models == ("int_days", "new", "series_v1")
    assert [(old and old.records, new and new.records) for old, new in difference.coverage] == [(3, 4)]
    assert (difference.as_of_before, difference.as_of_after) == (date(2024, 2, 2), date(2024, 2, 3))
    assert (difference.changed, difference.relaid) == ((), ())


def test_the_same_rows_in_other_files_keep_the_files_of_the_release_before(lake: SmallLake) -> None:
    """A mirror fetches nothing for them; only against a release before that do they count as laid out anew."""
    first = lake.release()
    january = [file for file in lake.files(SERIES) if file.record_count == 2]
    lake.write(SERIES, JANUARY[:1], replaced=january)
    lake.release()
    lake.write(SERIES, JANUARY, replaced=[file for file in lake.files(SERIES) if file.partition == january[0].partition])
    third = lake.release()
    difference = diff_releases(first, third)
    assert (difference.changed, difference.relaid) == ((), ("marts.series_v1",))
    lake.as_of = date(2024, 2, 3)
    lake.write(SERIES, JANUARY[::-1], replaced=[file for file in lake.files(SERIES) if file.record_count == 2])
    again = lake.release()
    assert table_of(again, SERIES) == table_of(third, SERIES)
