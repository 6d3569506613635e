"""What a transformation reads of the raw tables: pinned snapshots, and what changed since the last time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from catalog.bucket import locate, open_bucket
from catalog.datasets import Dataset
from catalog.duck import scan_sql
from catalog.iceberg import data_files, ensure_table
from catalog.raw_tables import RAW_TABLES
from catalog.settings import Settings

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class RawPin:
    """A raw table at the snapshot that a run reads.

    Attributes:
        files: virtual path of each data file -> its partition (days or years since 1970, or None).
    """

    dataset: Dataset
    table: Table
    snapshot_id: int | None
    files: Mapping[str, int | None] = field(repr=False)


def pin_raw_tables(catalog: Catalog) -> dict[str, RawPin]:
    """Pin every raw table at its current snapshot; tables that are not there yet are made, empty."""
    pins = {}
    for dataset in RAW_TABLES:
        table = ensure_table(catalog, dataset)
        snapshot = table.current_snapshot()
        pins[dataset.name] = RawPin(dataset, table, snapshot.snapshot_id if snapshot else None, _partitions(table, None))
    return pins


def _partitions(table: Table, snapshot_id: int | None) -> dict[str, int | None]:
    return {file.file_path: file.partition[0] if len(file.partition) else None for file in data_files(table, snapshot_id)}


@dataclass
class RawChange:
    """Data files that came and went since a baseline snapshot; `is_known` is False where the baseline can't be read any more."""

    added: dict[str, int | None] = field(default_factory=dict)
    removed: dict[str, int | None] = field(default_factory=dict)
    is_known: bool = True
    baseline: int | None = None


def changes_since(pin: RawPin, baseline: int | None) -> RawChange:
    """Compare a pinned table with a snapshot of an earlier run, by data files; None: it was empty then."""
    if baseline == pin.snapshot_id:
        return RawChange()
    if baseline is None:
        return RawChange(added=dict(pin.files))
    try:
        before = _partitions(pin.table, baseline)
    except (FileNotFoundError, ValueError, AttributeError):
        return RawChange(is_known=False)
    if pin.table.snapshot_by_id(baseline) is None:
        return RawChange(is_known=False)
    return RawChange(
        {path: part for path, part in pin.files.items() if path not in before},
        {path: part for path, part in before.items() if path not in pin.files},
        baseline=baseline,
    )


def partition_day(value: int | None) -> date:
    """Return the date of a day partition."""
    return EPOCH + timedelta(days=value or 0)


def file_scan(settings: Settings, pin: RawPin, files: Mapping[str, int | None]) -> str:
    """Return a query over some of a raw table's data files."""
    bucket = open_bucket(settings)
    return scan_sql(sorted(locate(bucket, path) for path in files), pin.table.schema())
