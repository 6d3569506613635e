"""Rows that Trino can't sort at once: they come into a model's table nevertheless, sorted, some months at a time."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from sqlglot import exp, parse_one

from lakehouse.transform import opened_models
from stack.cluster import Cluster

MEMORY = "150MB"
DAYS = 300
ROWS_A_DAY = 10_000
COLUMNS = {"word": exp.DataType.build("varchar", dialect="trino"), "day": exp.DataType.build("date", dialect="trino")}
QUERY = f"""
SELECT LPAD(CAST(n AS VARCHAR), 64, '0') AS word, DATE_ADD('day', d, DATE '2024-01-01') AS day
FROM UNNEST(SEQUENCE(0, {DAYS - 1})) AS days(d) CROSS JOIN UNNEST(SEQUENCE(1, {ROWS_A_DAY // 100})) AS hundreds(h)
CROSS JOIN UNNEST(SEQUENCE(1, 100)) AS ones(n)
"""


@pytest.fixture
def restated() -> ModuleType:
    """Return the materialisation's module; SQLMesh, which it imports, warns of itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from models.materializations import restated
    return restated


@pytest.mark.stack
def test_more_rows_than_memory_are_inserted(cluster: Cluster, tmp_path: Path, restated: ModuleType) -> None:
    """Under a memory limit that refuses the insertion at once, all rows arrive, and nothing of the detour stays."""
    lake = cluster.new_lake(tmp_path / "lake")
    cluster.point_at(lake.settings.dataset)
    with opened_models(lake.settings) as context:
        adapter = context.engine_adapter
        adapter.create_schema("control")
        adapter.create_schema("large")
        adapter.execute("CREATE TABLE control.run AS SELECT true AS is_full")
        adapter.execute(
            "CREATE TABLE large.words (word VARCHAR, day DATE) WITH (partitioning = ARRAY['month(day)'], sorted_by = ARRAY['word'])"
        )
        adapter.execute(f"SET SESSION query_max_memory = '{MEMORY}'")
        query = parse_one(QUERY, dialect="trino")
        with pytest.raises(Exception, match=r"exceeded .* memory limit"):
            adapter.insert_append("large.words", query, target_columns_to_types=COLUMNS)
        model = SimpleNamespace(
            custom_materialization_properties={"restates": "true", "month_of": "day"},
            fully_qualified_table=exp.to_table("lake.large.words"),
            columns_to_types=COLUMNS,
        )
        restated.Restated(adapter).insert("large.words", query, model, True, {})
        assert tuple(adapter.fetchone("SELECT COUNT(*), COUNT(DISTINCT day) FROM large.words")) == (DAYS * ROWS_A_DAY, DAYS)
        assert adapter.fetchall("SHOW TABLES FROM scratch") == []
