"""A lake of four small tables, to be released."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.catalogs import open_catalog
from catalog.crash import CRASH_VARIABLE
from catalog.datasets import Column, Dataset, Partitioning
from catalog.iceberg import arrow_schema, commit_files, data_files, ensure_table, write_data_file
from catalog.release_document import Audit, Coverage, ReleasedTable
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.releases import ReleaseInputs, ReleaseOutcome, create_release, rollback_release

RAW = Dataset(
    "raw",
    "events",
    "One event.",
    (
        Column("event_id", "long", "number", is_required=True),
        Column("at", "timestamptz", "when"),
        Column("tags", "list<string>", "words"),
        Column("_load_id", "string", "load"),
        Column("_loaded_at", "timestamptz", "time of the load", is_content=False),
    ),
    grain=("event_id",),
)
DAYS = Dataset(
    "intermediate", "int_days", "One day.", (Column("day", "date", "the day"), Column("count", "long", "events")), grain=("day",)
)
SERIES = Dataset(
    "marts",
    "series_v1",
    "One value.",
    (
        Column("sample_date", "date", "the day", is_required=True),
        Column("amount", "double", "the value"),
        Column("name", "string", "whose"),
    ),
    grain=("sample_date", "name"),
    partitioning=Partitioning("sample_date", "month"),
)
GAPS = Dataset("marts", "gaps_v1", "One gap.", (Column("reason", "string", "why"),), grain=("reason",))
DATASETS = (SERIES, GAPS, DAYS, RAW)
AUDITED_AT = datetime(2024, 3, 1, tzinfo=UTC)
Rows = Sequence[tuple[Any, ...]]


class SmallLake:
    """A lake in a folder, with the inputs of its next release."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(folder=folder, dataset="small-lake")
        self.catalog = open_catalog(self.settings)
        self.as_of = date(2024, 2, 2)
        self.models = {"series_v1": "aa", "int_days": "bb"}
        self.git_commit: str | None = "c0ffee"
        self.raw_snapshots: dict[str, int] | None = None
        self.records = 3

    def fill(self) -> SmallLake:
        """Make the tables and write the first rows."""
        for dataset in DATASETS:
            ensure_table(self.catalog, dataset)
        self.write(RAW, [(number, datetime(2024, 1, 1, number, tzinfo=UTC), ["a", None], "l1", AUDITED_AT) for number in range(3)])
        self.write(SERIES, [(date(2024, 1, 1), 1.5, "p"), (date(2024, 1, 2), -0.0, "q")])
        self.write(SERIES, [(date(2024, 2, 1), 2.5, None)])
        return self

    def write(self, dataset: Dataset, rows: Rows, *, replaced: Sequence[Any] = ()) -> None:
        """Commit rows of one partition as a file, in place of others."""
        table = self.catalog.load_table(dataset.identifier)
        schema = arrow_schema(table)
        plain = [dict(zip(schema.names, row, strict=True)) for row in rows]
        file = write_data_file(table, pa.Table.from_pylist(plain, schema).to_batches())
        commit_files(table, [file] if file else [], removed=replaced)

    def rewrite(self, dataset: Dataset, rows: Rows) -> None:
        """Commit rows of one partition in place of all that the table holds."""
        self.write(dataset, rows, replaced=self.files(dataset))

    def files(self, dataset: Dataset) -> list[Any]:
        """Return the table's data files."""
        return data_files(self.catalog.load_table(dataset.identifier))

    def snapshot_id(self, dataset: Dataset) -> int:
        """Return the table's current snapshot."""
        snapshot = self.catalog.load_table(dataset.identifier).current_snapshot()
        assert snapshot is not None
        return snapshot.snapshot_id

    def inputs(self, datasets: Sequence[Dataset] = DATASETS) -> ReleaseInputs:
        """Return what is to be released."""
        start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 3, tzinfo=UTC)
        return ReleaseInputs(
            as_of_date=self.as_of,
            datasets=datasets,
            raw_snapshots=self.raw_snapshots if self.raw_snapshots is not None else {RAW.full_name: self.snapshot_id(RAW)},
            model_sources=self.models,
            git_commit=self.git_commit,
            coverage=[Coverage(source="w", period_start=start, period_end=end, states={"loaded": 5}, records=self.records, rejected=0)],
            audits=[Audit(model="series_v1", audit="unique", result="pass", checked_at=datetime.now(UTC))],
        )

    def create(self, datasets: Sequence[Dataset] = DATASETS) -> ReleaseOutcome:
        """Create a release of the tables as they are."""
        return create_release(self.settings, self.catalog, self.inputs(datasets))

    def release(self) -> Release:
        """Create a release that is news."""
        outcome = self.create()
        assert outcome.is_new
        return outcome.release

    def path(self, location: str) -> Path:
        """Return where a file that a release lists lies."""
        return self.settings.warehouse / location.removeprefix(f"{self.settings.bucket}/")


def table_of(release: Release, dataset: Dataset) -> ReleasedTable:
    """Return what a release says of a table."""
    return next(table for table in release.tables if table.full_name == dataset.full_name)


def act(folder: Path, what: str, crash_at: str = "", death: int = 0) -> None:
    """Release, or roll back to release 1, in a process that dies at a crash point, or at its `death`-th call of a Python function.

    One that lives writes how many calls it made into `calls` beside the lake's folder.
    """
    os.environ[CRASH_VARIABLE] = crash_at
    lake = SmallLake(folder)
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"
        if calls == death:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    if what == "release":
        lake.create()
    else:
        rollback_release(lake.settings, "1")
    sys.setprofile(None)
    folder.with_name("calls").write_text(str(calls), encoding="ascii")
