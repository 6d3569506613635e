"""A small lake with real tables of three stages and real releases, for tests of those who read releases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.catalogs import open_catalog
from catalog.datasets import Column, Dataset, Partitioning
from catalog.iceberg import arrow_schema, commit_files, data_files, ensure_table, write_data_file
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.releases import ReleaseInputs, create_release

EVENTS = Dataset(
    "raw",
    "demo__events",
    "One event.",
    (
        Column("event_id", "long", "number", is_required=True),
        Column("happened_at", "timestamptz", "when", is_required=True),
        Column("tags", "list<string>", "words"),
        Column("_load_id", "string", "load", is_required=True, is_content=False),
    ),
    grain=("event_id",),
    partitioning=Partitioning("happened_at", "day"),
)
DAYS = Dataset(
    "intermediate",
    "int_days",
    "One day.",
    (Column("day", "date", "the day", is_required=True), Column("event_count", "long", "events of the day")),
    grain=("day",),
)
PROJECTS = Dataset(
    "marts",
    "projects_v1",
    "One project.",
    (
        Column("project_id", "string", "id", is_required=True),
        Column("display_name", "string", "name for people"),
        Column("first_listed_at", "timestamptz", "first listing"),
        Column("score", "double", "a number"),
    ),
    grain=("project_id",),
)
GAPS = Dataset("marts", "source_gaps_v1", "One gap.", (Column("reason", "string", "why"),), grain=("reason",))
DATASETS = (EVENTS, DAYS, PROJECTS, GAPS)

Rows = list[dict[str, Any]]
FIRST_EVENTS: Rows = [
    {"event_id": 1, "happened_at": datetime(2024, 1, 1, 12, tzinfo=UTC), "tags": ["a", "b"], "_load_id": "l1"},
    {"event_id": 2, "happened_at": datetime(2024, 1, 1, 13, 30, 0, 250_000, tzinfo=UTC), "tags": [], "_load_id": "l1"},
]
SECOND_EVENTS: Rows = [{"event_id": 3, "happened_at": datetime(2024, 1, 2, tzinfo=UTC), "tags": None, "_load_id": "l2"}]
FIRST_PROJECTS: Rows = [
    {"project_id": "p1", "display_name": 'Ünïcode, "quoted"', "first_listed_at": datetime(2023, 5, 1, tzinfo=UTC), "score": 1.5},
    {"project_id": "p2", "display_name": None, "first_listed_at": None, "score": -0.1},
]
SECOND_PROJECTS: Rows = [
    *FIRST_PROJECTS,
    {"project_id": "p3", "display_name": "third", "first_listed_at": datetime(2024, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), "score": 1e100},
]


class ReleasedLake:
    """A lake in a folder; its releases in the order in which they were made."""

    def __init__(self, folder: Path, datasets: Sequence[Dataset] = DATASETS, **settings: Any) -> None:
        self.datasets = datasets
        self.settings = Settings(folder=folder / "lake", **({"dataset": "small-lake"} | settings))
        self.catalog = open_catalog(self.settings)
        self.releases: list[Release] = []
        for dataset in datasets:
            ensure_table(self.catalog, dataset)

    def release_first(self) -> Release:
        """Fill the tables and release them as of 2024-01-01."""
        self.append(EVENTS, FIRST_EVENTS)
        self.append(DAYS, [{"day": date(2024, 1, 1), "event_count": 2}])
        self.replace(PROJECTS, FIRST_PROJECTS)
        return self.release(date(2024, 1, 1))

    def release_second(self) -> Release:
        """Append to raw and intermediate, replace a mart, and release all as of 2024-01-02."""
        self.append(EVENTS, SECOND_EVENTS)
        self.append(DAYS, [{"day": date(2024, 1, 2), "event_count": 1}])
        self.replace(PROJECTS, SECOND_PROJECTS)
        return self.release(date(2024, 1, 2))

    def append(self, dataset: Dataset, rows: Rows) -> None:
        """Commit rows of one partition as a file."""
        self._commit(dataset, rows, removes=False)

    def replace(self, dataset: Dataset, rows: Rows) -> None:
        """Commit rows of one partition in place of all that are there."""
        self._commit(dataset, rows, removes=True)

    def replace_month(self, dataset: Dataset, rows: Rows) -> None:
        """Commit rows of one partition in place of those that are in that partition."""
        table = self.catalog.load_table(dataset.identifier)
        file = write_data_file(table, pa.Table.from_pylist(rows, arrow_schema(table)).to_batches())
        assert file is not None
        commit_files(table, [file], removed=[old for old in data_files(table) if old.partition == file.partition])

    def _commit(self, dataset: Dataset, rows: Rows, *, removes: bool) -> None:
        table = self.catalog.load_table(dataset.identifier)
        file = write_data_file(table, pa.Table.from_pylist(rows, arrow_schema(table)).to_batches())
        assert file is not None
        commit_files(table, [file], removed=data_files(table) if removes else [])

    def release(self, as_of_date: date) -> Release:
        """Release the tables as they are."""
        snapshot = self.catalog.load_table(EVENTS.identifier).current_snapshot()
        assert snapshot is not None
        inputs = ReleaseInputs(
            as_of_date=as_of_date, datasets=self.datasets, raw_snapshots={EVENTS.full_name: snapshot.snapshot_id}, model_sources={}
        )
        self.releases.append(create_release(self.settings, self.catalog, inputs).release)
        return self.releases[-1]

    def path(self, location: str) -> Path:
        """Return where a file that a release lists lies."""
        return self.settings.warehouse / location.removeprefix(f"{self.settings.bucket}/")
