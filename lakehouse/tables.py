"""Publication as Iceberg (protocol 4): what the models made becomes tables of whole data files, changed partitions alone.

A table is compared with its published self month by month, by content digest; a month that is equal is left alone. Marts and
materialised intermediate tables are published; the halves of the series (`int_calendar_...`, `int_rolling_...`) are so within their mart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from catalog.bucket import lake_connection, locate, open_bucket
from catalog.crash import crash_point
from catalog.datasets import Dataset
from catalog.digests import FileDigest, digest_files, digest_query, total
from catalog.duck import DuckConnection, identifier
from catalog.iceberg import arrow_schema, commit_files, data_files, ensure_table, write_data_file
from catalog.releases import read_latest, read_release
from catalog.settings import Settings
from lakehouse.model_datasets import HALVES
from lakehouse.raw_binding import EPOCH
from lakehouse.transform import engine_file

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

BATCH_ROWS = 100_000
WRITERS = 2


@dataclass
class TablesSummary:
    """What a publication wrote: changed tables and their partitions, rows and bytes of new data files, and their digests by path."""

    tables: dict[str, list[str]] = field(default_factory=dict)
    rows: int = 0
    bytes: int = 0
    digests: dict[str, FileDigest] = field(default_factory=dict, repr=False)


Progress = Callable[[str], None]


def publish_tables(settings: Settings, catalog: Catalog, datasets: Sequence[Dataset], progress: Progress | None = None) -> TablesSummary:
    """Bring the published tables up to date with the models' tables; nothing is written where nothing changed."""
    summary = TablesSummary()
    with lake_connection(settings, engine_file(settings)) as connection:
        row = connection.execute(
            "SELECT coalesce((SELECT is_everything_unpublished FROM control.done), true), (SELECT count(*) FROM control.unpublished)"
        ).fetchone()
        is_everything, waiting = row or (True, 0)
        if not (is_everything or waiting):
            return summary
        known = _released_digests(settings)
        publications = [_Publication(settings, connection.cursor(), ensure_table(catalog, dataset), dataset, known) for dataset in datasets]
        months = [_months(connection, dataset, is_everything) for dataset in datasets]
        with ThreadPoolExecutor(WRITERS, thread_name_prefix="publish") as pool:
            for publication, change in zip(publications, pool.map(_Publication.write, publications, months), strict=True):
                publication.commit(change, summary)
                if progress:
                    progress(publication.dataset.full_name)
                crash_point("publish.table")
        connection.execute("BEGIN")
        connection.execute("DELETE FROM control.unpublished")
        connection.execute("UPDATE control.done SET is_everything_unpublished = FALSE")
        connection.execute("COMMIT")
    crash_point("publish.tables")
    return summary


def _released_digests(settings: Settings) -> dict[str, FileDigest]:
    """Return the digests that the current release states of data files, by path."""
    if read_latest(settings) is None:
        return {}
    files = [file for table in read_release(settings).tables for file in table.data_files]
    return {file.path: FileDigest(file.row_count or 0, int(file.content_digest or "0", 16)) for file in files}


def _months(connection: DuckConnection, dataset: Dataset, is_everything: bool) -> set[date] | None:
    """Return the months of a table that a run may have changed; None for all of them."""
    if is_everything or dataset.partitioning is None:
        return None
    names = [dataset.full_name]
    if dataset.name.startswith("timeseries_metrics_by_"):
        level = dataset.name.removeprefix("timeseries_metrics_by_").removesuffix("_v1")
        names = [f"intermediate.{half}{level}" for half in HALVES]
    elif dataset.name == "metric_periods_v1":
        return None
    rows = connection.execute("SELECT DISTINCT month_start FROM control.unpublished WHERE list_contains(?, table_name)", [names]).fetchall()
    return {row[0] for row in rows}


@dataclass
class _Change:
    """What differs in a table: data files that come and go, the partitions that they make up, digests by path of what was written."""

    digests: dict[str, FileDigest]
    added: list[DataFile] = field(default_factory=list)
    removed: list[DataFile] = field(default_factory=list)
    partitions: list[str] = field(default_factory=list)


class _Publication:
    """One table's publication, over a cursor of its own: tables are written side by side and committed one by one."""

    def __init__(
        self, settings: Settings, connection: DuckConnection, table: Table, dataset: Dataset, known: Mapping[str, FileDigest]
    ) -> None:
        self.bucket, self.connection, self.table, self.dataset, self.known = open_bucket(settings), connection, table, dataset, known
        self.columns = [(column.name, column.type) for column in dataset.columns]
        self.source = f"{dataset.stage}.{identifier(dataset.name)}"
        self.column = dataset.partitioning.column if dataset.partitioning else ""
        self.month = f"CAST(date_trunc('month', {self.column}) AS DATE)" if self.column else "NULL"

    def write(self, months: set[date] | None) -> _Change:
        """Write the partitions that may differ, and keep those that do; nothing is committed."""
        existing = self._existing()
        written = {
            key: write_data_file(self.table, self._rows(key)) if count else None
            for key, count in self._candidates(months, existing).items()
        }
        digests = self._digests([file for file in written.values() if file])
        change = _Change(digests)
        for key, new in written.items():
            old = existing.get(key, [])
            if new and old and digests[new.file_path] == self._digest(old):
                self.table.io.delete(new.file_path)
                continue
            change.added += [new] if new else []
            change.removed += old
            change.partitions += [f"{key:%Y-%m}" if key else ""] if new or old else []
        return change

    def commit(self, change: _Change, summary: TablesSummary) -> None:
        """Commit what was written in one snapshot; a table's first one even without rows."""
        if change.added or change.removed or self.table.current_snapshot() is None:
            crash_point("publish.written")
            commit_files(self.table, change.added, change.removed, {"osslake.publisher": "osslake"})
            summary.tables[self.dataset.full_name] = change.partitions
            summary.rows += sum(file.record_count for file in change.added)
            summary.bytes += sum(file.file_size_in_bytes for file in change.added)
            summary.digests |= {file.file_path: change.digests[file.file_path] for file in change.added}

    def _candidates(self, months: set[date] | None, existing: Mapping[date | None, list[DataFile]]) -> dict[date | None, int]:
        """Return the partitions that may differ with their row counts; a table without partitions only if its digest differs."""
        if self.dataset.partitioning is None:
            if existing and self._source_digest() == self._digest(existing[None]):
                return {}
            return {None: self._count()}
        if months is not None and not months:
            return {}
        where = "" if months is None else f"WHERE {' OR '.join(self._within(month) for month in sorted(months))}"
        rows = self.connection.execute(
            f"SELECT {self.month} AS month, count(*) FROM {self.source} {where} GROUP BY 1 ORDER BY 1"
        ).fetchall()
        counts: dict[date | None, int] = dict(rows)
        gone = set(existing) if months is None else set(existing) & set(months)
        return counts | dict.fromkeys(gone - set(counts), 0)

    def _within(self, month: date) -> str:
        """Return the condition of a month as a range, by which DuckDB skips what lies outside."""
        day = f"DATE '{month.isoformat()}'"
        return f"({self.column} >= {day} AND {self.column} < {day} + INTERVAL 1 MONTH)"

    def _existing(self) -> dict[date | None, list[DataFile]]:
        files: dict[date | None, list[DataFile]] = {}
        for file in data_files(self.table):
            key = _month_date(file.partition[0]) if self.dataset.partitioning else None
            files.setdefault(key, []).append(file)
        return files

    def _source_digest(self) -> FileDigest:
        return digest_query(self.connection, self.source, self.columns, None, table=self.dataset.full_name)[None]

    def _count(self) -> int:
        row = self.connection.execute(f"SELECT count(*) FROM {self.source}").fetchone()
        return int(row[0]) if row else 0

    def _digest(self, files: Sequence[DataFile]) -> FileDigest:
        return total(self._digests(files).values())

    def _digests(self, files: Sequence[DataFile]) -> dict[str, FileDigest]:
        """Return the digests of data files by path, from the current release where it states them."""
        known = {file.file_path: self.known[file.file_path] for file in files if file.file_path in self.known}
        paths = {locate(self.bucket, file.file_path): file.file_path for file in files if file.file_path not in known}
        names = [name for name, _ in self.columns]
        found = digest_files(self.connection, list(paths), self.table.schema(), names, table=self.dataset.full_name)
        return known | {paths[path]: digest for path, digest in found.items()}

    def _rows(self, key: date | None) -> Iterator[pa.RecordBatch]:
        """Yield a partition's rows in the order of the grain."""
        where = f"WHERE {self._within(key)}" if key else ""
        names = ", ".join(identifier(name) for name, _ in self.columns)
        order = ", ".join(f"{identifier(name)} NULLS FIRST" for name in self.dataset.grain)
        reader = self.connection.execute(f"SELECT {names} FROM {self.source} {where} ORDER BY {order}").to_arrow_reader(BATCH_ROWS)
        schema = arrow_schema(self.table)
        for batch in reader:
            yield pa.RecordBatch.from_arrays([batch.column(name).cast(schema.field(name).type) for name in schema.names], schema=schema)


def _month_date(months: Any) -> date:
    """Return the first day of a month partition (months since 1970)."""
    return EPOCH.replace(year=1970 + months // 12, month=months % 12 + 1)
