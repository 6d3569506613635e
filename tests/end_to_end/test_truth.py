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
    """The truth that is compared with has rows of each level and kind, and every metric has values, but for what thirty days are too short for."""
    found = counts(small_lake, small_world / "truth.parquet")
    assert len(found) == 9
    assert min(found.values()) > 100
    silent = small_lake.rows(
        "SELECT metric_name FROM marts.metrics_v1"
        " WHERE NOT (measure = 'full_time_developers' AND window_name IN ('quarterly', 'yearly', 'rolling_90_days', 'rolling_180_days'))"
        " AND metric_name NOT IN"
        " (SELECT metric_name FROM marts.timeseries_metrics_by_project_v1 UNION SELECT metric_name FROM marts.key_metrics_by_project_v1)"
    )
    assert silent == []


def test_people_begin_and_end_to_work_full_time(small_lake: Lake) -> None:
    """In the world that is compared, rolling full-time developers rise from 0, fall back, and differ with bots; all as drawn up by hand."""
    steps = {
        name: small_lake.rows(
            "SELECT CAST(sample_date AS VARCHAR), amount FROM marts.timeseries_metrics_by_project_v1 JOIN marts.projects_v1 USING (project_id)"
            f" WHERE project_name = 'commons' AND metric_name = 'github_full_time_developers_{name}' ORDER BY 1"
        )
        for name in ("rolling_30_days", "no_bots_rolling_30_days")
    }
    rise_and_fall = [("2023-11-29", 1.0), ("2023-12-01", 1.0), ("2023-12-22", 0.0)]
    assert steps == {
        "rolling_30_days": [*rise_and_fall, ("2024-01-01", 2.0)],
        "no_bots_rolling_30_days": [*rise_and_fall, ("2024-01-01", 1.0)],
    }
