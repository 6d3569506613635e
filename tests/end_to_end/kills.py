"""What tests of kill -9 compare: a lake in which a run was killed and done again, with one in which it never was."""

from __future__ import annotations

import signal
from pathlib import Path

from catalog.catalogs import open_catalog
from catalog.datasets import Dataset
from catalog.iceberg import ensure_table
from catalog.raw_tables import RAW_TABLES
from end_to_end.lakes import Lake, digests
from end_to_end.processes import Finished, osslake

_MARTS = "SELECT metric_name, project_id, sample_date, amount FROM marts.timeseries_metrics_by_project_v1 ORDER BY ALL"


def run_killed(lake: Lake, point: str) -> None:
    """Run the lake with a crash point; the run must die there, and readers must go on reading the release before it."""
    before, answer = lake.release().id, lake.rows(_MARTS)
    ended = osslake("--lake", lake.folder, "run", crash_at=point)
    assert ended.code == -signal.SIGKILL, f"{point} was not reached: {ended}"
    if point != "release.latest":
        assert lake.release().id == before
    assert lake.rows(_MARTS, before) == answer


def run_again(lake: Lake) -> Finished:
    """Run the lake without a crash point; it must end well."""
    ended = osslake("--lake", lake.folder, "run")
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended
    return ended


def check_as_never_killed(lake: Lake, unharmed: Lake) -> None:
    """Check that the release has number and content of the one that was made without a kill, and that it is whole."""
    assert lake.release().sequence == unharmed.release().sequence
    found, expected = digests(lake.release()), digests(unharmed.release())
    differing = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    assert differing == [], f"{lake.folder}: {[(name, found.get(name), expected.get(name)) for name in differing]}"
    verified = osslake("--lake", lake.folder, "release", "verify")
    assert verified.code == 0, verified


def raw_rows(lake: Lake) -> dict[str, list[str]]:
    """Return the rows of the raw tables as they are now, without what tells of the time of loading."""
    catalog = open_catalog(lake.settings)
    return {dataset.name: _rows(ensure_table(catalog, dataset).scan().to_arrow(), dataset) for dataset in RAW_TABLES}


def _rows(table: object, dataset: Dataset) -> list[str]:
    names = [column.name for column in dataset.columns if column.is_content]
    return sorted(repr([row[name] for name in names]) for row in table.to_pylist())  # type: ignore[attr-defined]


def copy_of(lake: Lake, folder: Path) -> Lake:
    """Return a copy of a lake to be killed in."""
    return lake.copy_to(folder / "lake")
