"""`osslake sql` reads every stage of a release, and exports."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import parquet

from catalog.bucket import bucket_key, open_bucket
from catalog.duck import connect
from end_to_end.lakes import Lake
from end_to_end.processes import osslake
from lakehouse.tables import SORTED_BATCH_ROWS

VECTOR_ROWS = 2_048
"""Of DuckDB, whose batches are whole vectors."""

QUERIES = {
    "raw": "SELECT count(*) AS n FROM gharchive__events",
    "staging": "SELECT count(*) AS n FROM stg_gharchive__events",
    "intermediate": "SELECT count(*) AS n FROM int_artifacts",
    "marts": "SELECT count(*) AS n FROM events_v1",
}


@pytest.mark.parametrize("stage", QUERIES)
def test_every_stage_can_be_read(small_lake: Lake, tmp_path: Path, stage: str) -> None:
    """A table of each stage has rows, the same whether they are printed or exported as CSV, JSON or Parquet."""
    counts: set[int] = set()
    for form in ("csv", "json", "parquet"):
        target = tmp_path / f"rows.{form}"
        ended = osslake("--lake", small_lake.folder, "sql", QUERIES[stage], "--stage", stage, "--format", form, "--out", target)
        assert ended.code == 0, ended
        with connect() as connection:
            counts.update(int(row[0]) for row in connection.execute(f"SELECT n FROM '{target}'").fetchall())
    assert len(counts) == 1
    assert counts.pop() > 0


def test_grains_tell_rows_apart(small_lake: Lake) -> None:
    """No two rows of a released table are alike in the columns that the release states as its grain, NULL being a value too."""
    shared = {}
    for table in small_lake.release().tables:
        grain = ", ".join(f'"{column}"' for column in table.grain)
        if grain and table.row_count:
            rows = small_lake.rows(f"SELECT count(*) - count(DISTINCT ({grain})) FROM {table.full_name}")
            if rows != [(0,)]:
                shared[table.full_name] = rows[0][0]
    assert shared == {}


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("marts.events_v1", ["to_artifact_id", "time"]),
        ("marts.events_daily_v1", ["to_artifact_id", "bucket_date"]),
        ("intermediate.int_artifact_days", ["artifact_id", "event_date"]),
        ("intermediate.int_actor_days", ["artifact_id", "event_date"]),
    ],
)
def test_files_of_events_lie_by_artifact(small_lake: Lake, name: str, columns: list[str]) -> None:
    """Rows of a file are in the order of the artifacts, and its row groups are small, so that one of them has what is asked of an artifact."""
    release, bucket = small_lake.release(), open_bucket(small_lake.settings)
    table = next(one for one in release.tables if one.full_name == name)
    sizes = []
    for file in table.data_files:
        with bucket.local_file(bucket_key(release.document.dataset, file.path)) as path:
            rows = parquet.ParquetFile(path)
            keys = list(zip(*(rows.read([column]).column(0).to_pylist() for column in columns), strict=True))
            sizes += [rows.metadata.row_group(place).num_rows for place in range(rows.num_row_groups)]
        assert keys == sorted(keys)
    assert sizes
    assert max(sizes) <= SORTED_BATCH_ROWS + VECTOR_ROWS
