"""`osslake sql` reads every stage of a release, and exports."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.duck import connect
from end_to_end.lakes import Lake
from end_to_end.processes import osslake

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
