"""Every metric value of a generated world equals its truth, which plain Python computes record by record."""

from __future__ import annotations

from pathlib import Path

from end_to_end.lakes import Lake
from end_to_end.values import counts, differences


def test_all_values_equal_the_truth(small_lake: Lake, small_world: Path) -> None:
    """Calendar values, rolling steps, rolling values of every day and key values of all levels equal the truth; no row is too much."""
    found = differences(small_lake, small_world / "truth.parquet")
    assert found == {"calendar": [], "steps": [], "rolling": [], "key": []}


def test_the_truth_speaks_of_everything(small_lake: Lake, small_world: Path) -> None:
    """The truth that is compared with has rows of each level and kind, and every metric has values (but nobody works full time there)."""
    found = counts(small_lake, small_world / "truth.parquet")
    assert len(found) == 9
    assert min(found.values()) > 100
    silent = small_lake.rows(
        "SELECT metric_name FROM marts.metrics_v1 WHERE metric_name NOT LIKE '%full_time%' AND metric_name NOT IN"
        " (SELECT metric_name FROM marts.timeseries_metrics_by_project_v1 UNION SELECT metric_name FROM marts.key_metrics_by_project_v1)"
    )
    assert silent == []
