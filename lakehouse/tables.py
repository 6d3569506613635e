"""Publication as Iceberg (protocol 4): what the models made becomes tables of whole data files, changed stretches of days alone.

A table that is cut by months has data files of some days each (`CHUNK_ROWS`). Files that hold a day that a run changed are written anew, and
kept as they were where their content digest is equal. Marts and materialised intermediate tables are published; the halves of the series
(`int_calendar_...`, `int_rolling_...`) are so within their mart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.bucket import locate, open_bucket
from catalog.crash import crash_point
from catalog.datasets import Dataset
from catalog.digests import FileDigest, digest_files, digest_query, total
from catalog.duck import DuckConnection, identifier
from catalog.iceberg import arrow_schema, commit_files, data_files, day_bounds, ensure_table, write_data_file
from catalog.releases import read_latest, read_release
from catalog.settings import Settings
from lakehouse.control import mark_published
from lakehouse.engines.duckdb import DuckEngine
from lakehouse.lock import held
from lakehouse.stretches import changed_stretches, chunks_of, stretches_of
from lakehouse.tables_in_place import Progress, publish_in_place
from lakehouse.unpublished import unpublished

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

BATCH_ROWS = 100_000
SORTED_BATCH_ROWS = 10_000
"""And so rows of a row group: who asks for one artifact reads a row group or two of a file that is sorted by artifacts."""
WRITERS = 2


@dataclass
class TablesSummary:
    """What a publication wrote: changed tables and their partitions, rows and bytes of new data files, and their digests by path.

    `places` says where the catalog has a published table (namespace, name), if not under its own name.
    """

    tables: dict[str, list[str]] = field(default_factory=dict)
    rows: int = 0
    bytes: int = 0
    digests: dict[str, FileDigest] = field(default_factory=dict, repr=False)
    places: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)


def publish_tables(
    settings: Settings,
    catalog: Catalog,
    datasets: Sequence[Dataset],
    physical: Mapping[str, tuple[str, str]] | None = None,
    progress: Progress | None = None,
) -> TablesSummary:
    """Bring the published tables up to date with the models' tables; nothing is written where nothing changed.

    Args:
        settings: of the lake.
        catalog: the lake's Iceberg catalog.
        datasets: what is published.
        physical: the engine's own table of each materialised model; of no interest on DuckDB.
        progress: told of each table.
    """
    if settings.transform.engine == "trino":
        tables, places = publish_in_place(settings, catalog, datasets, physical or {}, progress)
        return TablesSummary(tables=tables, places=places)
    summary = TablesSummary()
    with DuckEngine(settings).session() as session:
        waiting = unpublished(session)
        if waiting.is_nothing:
            return summary
        known = _released_digests(settings)
        publications = [
            _Publication(settings, session.connection.cursor(), ensure_table(catalog, dataset), dataset, known) for dataset in datasets
        ]
        days = [waiting.days_of(dataset) for dataset in datasets]
        with ThreadPoolExecutor(WRITERS, thread_name_prefix="publish") as pool:
            for publication, change in zip(publications, pool.map(_Publication.write, publications, days), strict=True):
                held(settings).check()
                publication.commit(change, summary)
                if progress:
                    progress(publication.dataset.full_name)
                crash_point("publish.table")
        mark_published(session)
    crash_point("publish.tables")
    return summary


def _released_digests(settings: Settings) -> dict[str, FileDigest]:
    """Return the digests that the current release states of data files, by path."""
    if read_latest(settings) is None:
        return {}
    files = [file for table in read_release(settings).tables for file in table.data_files]
    return {file.path: FileDigest(file.row_count or 0, int(file.content_digest or "0", 16)) for file in files}


@dataclass
class _Change:
    """What differs in a table: data files that come and go, the partitions that they make up, digests by path of what was written."""

    digests: dict[str, FileDigest] = field(default_factory=dict)
    added: list[DataFile] = field(default_factory=list)
    removed: list[DataFile] = field(default_factory=list)
    partitions: set[str] = field(default_factory=set)


class _Publication:
    """One table's publication, over a cursor of its own: tables are written side by side and committed one by one."""

    def __init__(
        self, settings: Settings, connection: DuckConnection, table: Table, dataset: Dataset, known: Mapping[str, FileDigest]
    ) -> None:
        self.bucket, self.connection, self.table, self.dataset, self.known = open_bucket(settings), connection, table, dataset, known
        self.columns = [(column.name, column.type) for column in dataset.columns]
        self.source = f"{dataset.stage}.{identifier(dataset.name)}"
        self.column = dataset.partitioning.column if dataset.partitioning else ""

    def write(self, days: set[date] | None) -> _Change:
        """Write what may differ, and keep what does; nothing is committed."""
        change = _Change()
        files = data_files(self.table)
        if self.dataset.partitioning is None:
            if not self._is_as_written(files):
                self._write(change, "", [""], files)
            return change
        stretches = stretches_of((*day_bounds(self.table, file), file) for file in files)
        if days is None:
            days = set(self._counts("")).union(*((stretch.first, stretch.last) for stretch in stretches))
        changed = changed_stretches(stretches, days)
        counts = self._counts(f"WHERE {' OR '.join(self._within(stretch.first, stretch.last) for stretch in changed)}") if changed else {}
        for stretch in changed:
            conditions = [f"WHERE {self._within(*chunk)}" for chunk in chunks_of(stretch, counts)]
            self._write(change, f"{stretch.first:%Y-%m}", conditions, stretch.files)
        return change

    def _write(self, change: _Change, partition: str, conditions: Sequence[str], old: Sequence[DataFile]) -> None:
        """Write a file for each condition, in place of the old files, unless they say the same."""
        new = [file for where in conditions if (file := write_data_file(self.table, self._rows(where)))]
        digests = self._digests(new)
        if old and total(digests.values()) == self._digest(old):
            for file in new:
                self.table.io.delete(file.file_path)
            return
        change.digests |= digests
        change.added += new
        change.removed += old
        change.partitions |= {partition} if new or old else set()

    def commit(self, change: _Change, summary: TablesSummary) -> None:
        """Commit what was written in one snapshot; a table's first one even without rows."""
        if change.added or change.removed or self.table.current_snapshot() is None:
            crash_point("publish.written")
            commit_files(self.table, change.added, change.removed, {"osslake.publisher": "osslake"})
            summary.tables[self.dataset.full_name] = sorted(change.partitions)
            summary.rows += sum(file.record_count for file in change.added)
            summary.bytes += sum(file.file_size_in_bytes for file in change.added)
            summary.digests |= {file.file_path: change.digests[file.file_path] for file in change.added}

    def _counts(self, where: str) -> dict[date, int]:
        """Return the rows of each day that there is."""
        rows = self.connection.execute(f"SELECT CAST({self.column} AS DATE), count(*) FROM {self.source} {where} GROUP BY 1 ORDER BY 1")
        return dict(rows.fetchall())

    def _within(self, first: date, last: date) -> str:
        """Return the condition of some days as a range, by which DuckDB skips what lies outside."""
        return f"({self.column} >= DATE '{first}' AND {self.column} < DATE '{last}' + INTERVAL 1 DAY)"

    def _is_as_written(self, files: Sequence[DataFile]) -> bool:
        """Tell whether data files hold all rows and no others; as most changes change how many there are, these are counted first."""
        if not files or self.connection.execute(f"SELECT count(*) FROM {self.source}").fetchall() != [(sum(file.record_count for file in files),)]:
            return False
        ours = digest_query(self.connection, self.source, self.columns, None, table=self.dataset.full_name)[None]
        return ours == self._digest(files)

    def _digest(self, files: Sequence[DataFile]) -> FileDigest:
        return total(self._digests(files).values())

    def _digests(self, files: Sequence[DataFile]) -> dict[str, FileDigest]:
        """Return the digests of data files by path, from the current release where it states them."""
        known = {file.file_path: self.known[file.file_path] for file in files if file.file_path in self.known}
        paths = {locate(self.bucket, file.file_path): file.file_path for file in files if file.file_path not in known}
        names = [name for name, _ in self.columns]
        found = digest_files(self.connection, list(paths), self.table.schema(), names, table=self.dataset.full_name)
        return known | {paths[path]: digest for path, digest in found.items()}

    def _rows(self, where: str) -> Iterator[pa.RecordBatch]:
        """Yield rows in the order that the dataset declares."""
        names = ", ".join(identifier(name) for name, _ in self.columns)
        rows = SORTED_BATCH_ROWS if self.dataset.sorted_by else BATCH_ROWS
        order = ", ".join(f"{identifier(name)} NULLS FIRST" for name in self.dataset.order)
        reader = self.connection.execute(f"SELECT {names} FROM {self.source} {where} ORDER BY {order}").to_arrow_reader(rows)
        schema = arrow_schema(self.table)
        for batch in reader:
            yield pa.RecordBatch.from_arrays([batch.column(name).cast(schema.field(name).type) for name in schema.names], schema=schema)
