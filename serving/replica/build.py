"""Making a release's replica: all of it, or what differs from the replica of another release.

Tables whose content digest is the same are copied from that replica. Of a table of series the points of the months that differ are read anew, the
others come from there. Memory doesn't grow with the tables: rows pass through in batches, and DuckDB sorts within a limit.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.bucket import Bucket, bucket_key, open_bucket
from catalog.crash import crash_point
from catalog.duck import DuckConnection, connect, identifier
from catalog.local_files import sync_file, sync_folder
from catalog.query import table_scan
from catalog.release_document import ReleasedFile
from catalog.releases import Release, ReleasedTable
from catalog.results import json_rows
from catalog.settings import Settings
from serving.replica.changes import changed_spans
from serving.replica.checks import check_replica
from serving.replica.files import FORMAT, SPILLED, remove_leftovers, replica_file, rows_file
from serving.replica.layout import EPOCH, JSON_COLUMN, columns_of, sqlite_type, stored_values
from serving.replica.packed import Amounts, Days, pack, unpack
from serving.replica.rows import fill_rows
from serving.replica.search import fill_search
from serving.replica.whereabouts import fill_whereabouts
from serving.resources import SERIES_TABLES, kept_resources

BATCH_ROWS = 20_000
Key = tuple[int, int]
Series = tuple[Key, Days, Amounts]
_TABLES = """
CREATE TABLE content (release_id TEXT NOT NULL, format INTEGER NOT NULL, built_at TEXT NOT NULL, document BLOB NOT NULL);
CREATE TABLE tables (table_name TEXT PRIMARY KEY, content_digest TEXT NOT NULL, row_count INTEGER NOT NULL);
CREATE TABLE series_entities (entity_row INTEGER PRIMARY KEY, level TEXT NOT NULL, entity_id TEXT NOT NULL, UNIQUE (entity_id, level));
CREATE TABLE series_metrics (metric_row INTEGER PRIMARY KEY, metric_name TEXT NOT NULL UNIQUE, metric_id TEXT NOT NULL, unit TEXT NOT NULL);
"""


@dataclass
class BuildSummary:
    """What was done.

    Attributes:
        release_id: whose replica it is.
        copied: tables that were taken from the replica before.
        read: rows that were read from the release's files.
        bytes: size of the replica, its rows included.
        duration_s: seconds, the check included.
        check_s: seconds of the check.
    """

    release_id: str
    copied: list[str] = field(default_factory=list)
    read: int = 0
    bytes: int = 0
    duration_s: float = 0.0
    check_s: float = 0.0


def build_replica(settings: Settings, release: Release, folder: Path, before: Release | None = None) -> BuildSummary:
    """Make the replica of a release in a folder.

    Args:
        before: a release whose replica is there, to take from it what is the same; None: all is read.

    Raises:
        VerificationError: what was built doesn't say what the release says.
        StorageError: a file of the release can't be read.
    """
    started, summary, bucket = time.monotonic(), BuildSummary(release.id), open_bucket(settings)
    path = replica_file(folder, release.id)
    folder.mkdir(parents=True, exist_ok=True)
    aside, rows_aside = folder / f".{path.name}.part", folder / f".{rows_file(path).name}.part"
    remove_leftovers(folder)
    with closing(sqlite3.connect(aside, check_same_thread=False)) as target, _opened(settings, bucket, release, folder) as engine:
        target.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;" + _TABLES)
        _Build(bucket, release, target, engine, summary, before, folder).run()
        fill_rows(engine, {table.name: table for table in release.tables if table.stage == "marts"}, rows_aside)
        crash_point("replica.filled")
        check_started = time.monotonic()
        check_replica(target, engine, release, {} if before is None else changed_spans(before, release))
        summary.check_s = time.monotonic() - check_started
        told = (release.id, FORMAT, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", release.content)
        target.execute("INSERT INTO content VALUES (?, ?, ?, ?)", told)
        target.execute("ANALYZE")
        target.commit()
    crash_point("replica.checked")
    for file in (rows_aside, aside):
        sync_file(file)
    rows_aside.replace(rows_file(path))
    crash_point("replica.rows_named")
    aside.replace(path)
    sync_folder(folder)
    summary.bytes, summary.duration_s = path.stat().st_size + rows_file(path).stat().st_size, time.monotonic() - started
    return summary


@contextmanager
def _opened(settings: Settings, bucket: Bucket, release: Release, folder: Path) -> Iterator[DuckConnection]:
    """Open DuckDB with a view for each table of the marts, within the memory that the settings allow."""
    with connect(threads=settings.serve.build_threads, memory_limit=settings.serve.build_memory) as engine:
        bucket.prepare(engine)
        engine.execute(f"SET temp_directory = '{folder / SPILLED}'")
        for table in release.tables:
            if table.stage == "marts":
                paths = [_location(bucket, release, file) for file in table.data_files]
                engine.execute(f"CREATE VIEW {identifier(table.name)} AS {table_scan(paths, table)}")
        yield engine


def _location(bucket: Bucket, release: Release, file: ReleasedFile) -> str:
    return bucket.location(bucket_key(release.document.dataset, file.path))


class _Build:
    """One replica being filled."""

    def __init__(
        self,
        bucket: Bucket,
        release: Release,
        target: sqlite3.Connection,
        engine: DuckConnection,
        summary: BuildSummary,
        before: Release | None,
        folder: Path,
    ) -> None:
        self.bucket, self.release, self.target, self.engine, self.summary = bucket, release, target, engine, summary
        self.tables = {table.name: table for table in release.tables if table.stage == "marts"}
        self.old_digests: dict[str, str] = {}
        self.spans = {} if before is None else changed_spans(before, release)
        self.has_before = before is not None
        if before is not None:
            target.execute("ATTACH ? AS before", (f"{replica_file(folder, before.id)}",))
            self.old_digests = dict(target.execute("SELECT table_name, content_digest FROM before.tables"))

    def run(self) -> None:
        """Fill everything."""
        self.target.execute("BEGIN")
        for resource in kept_resources():
            table = self.tables.get(resource.table)
            if table is None:
                continue
            self._make_table(table)
            if self._is_same(table):
                self.target.execute(f"INSERT INTO main.{table.name} SELECT * FROM before.{table.name} ORDER BY rowid")
                self.summary.copied.append(table.name)
            else:
                self._fill(table)
            for column in (*resource.keys, *resource.indexes):
                if column in columns_of(table):
                    self.target.execute(f"CREATE INDEX {table.name}_{column} ON {table.name} ({column})")
        self._number_series()
        for name, level in SERIES_TABLES.items():
            if name in self.tables:
                self._fill_series(self.tables[name], level)
        fill_whereabouts(self.target, self.engine, self.tables, lambda file: _location(self.bucket, self.release, file))
        fill_search(self.target)
        rows = [(table.name, table.content_digest, table.row_count) for table in self.tables.values()]
        self.target.executemany("INSERT INTO tables VALUES (?, ?, ?)", rows)

    def _is_same(self, table: ReleasedTable) -> bool:
        """Tell whether the replica before has this very table, columns included."""
        if self.old_digests.get(table.name) != table.content_digest:
            return False
        there = [row[1] for row in self.target.execute(f"PRAGMA before.table_info({table.name})")]
        return there == [*columns_of(table), JSON_COLUMN]

    def _make_table(self, table: ReleasedTable) -> None:
        columns = ", ".join(f"{name} {sqlite_type(kind)}" for name, kind in columns_of(table).items())
        self.target.execute(f"CREATE TABLE {table.name} ({columns}, {JSON_COLUMN} BLOB NOT NULL)")

    def _fill(self, table: ReleasedTable) -> None:
        columns = columns_of(table)
        marks = ", ".join("?" * (len(columns) + 1))
        reader = self.engine.execute(f"SELECT * FROM {table.name} ORDER BY {', '.join(table.grain)}").to_arrow_reader(BATCH_ROWS)
        for batch in reader:
            values = [stored_values(batch.column(name), kind) for name, kind in columns.items()]
            rows = zip(*values, json_rows(list(columns), [batch.select(list(columns))]), strict=True)
            self.target.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)
            self.summary.read += batch.num_rows

    def _number_series(self) -> None:
        """Number entities and metrics; those of the replica before keep their numbers."""
        if self.has_before:
            self.target.execute("INSERT INTO main.series_entities SELECT * FROM before.series_entities")
            self.target.execute("INSERT INTO main.series_metrics SELECT * FROM before.series_metrics")
        for name, level in SERIES_TABLES.items():
            if name not in self.tables or self._is_unchanged(name):
                continue
            entities = self.engine.execute(f"SELECT DISTINCT {level}_id FROM {name} ORDER BY 1").fetchall()
            self.target.executemany(
                f"INSERT INTO main.series_entities (level, entity_id) VALUES ('{level}', ?) ON CONFLICT DO NOTHING", entities
            )
            metrics = self.engine.execute(
                f"SELECT metric_name, any_value(metric_id), any_value(unit) FROM {name} GROUP BY 1 ORDER BY 1"
            ).fetchall()
            self.target.executemany(
                "INSERT INTO main.series_metrics (metric_name, metric_id, unit) VALUES (?, ?, ?)"
                " ON CONFLICT (metric_name) DO UPDATE SET metric_id = excluded.metric_id, unit = excluded.unit",
                metrics,
            )

    def _is_unchanged(self, name: str) -> bool:
        return self.has_before and self.spans.get(name) == []

    def _fill_series(self, table: ReleasedTable, level: str) -> None:
        """Fill a table of packed series in the order of its key."""
        self.target.execute(
            f"CREATE TABLE series_{level} (entity_row INTEGER, metric_row INTEGER, points BLOB NOT NULL, PRIMARY KEY (entity_row, metric_row)) WITHOUT ROWID"
        )
        spans = self.spans.get(table.name) if self.has_before else None
        if spans == []:
            self.target.execute(f"INSERT INTO main.series_{level} SELECT * FROM before.series_{level} ORDER BY entity_row, metric_row")
            self.summary.copied.append(table.name)
            return
        old: Iterable[Series] = self._kept_series(level, spans) if spans is not None else ()
        rows = ((*key, pack(days, amounts)) for key, days, amounts in merged(old, self._read_series(table, level, spans)))
        while chunk := list(itertools.islice(rows, BATCH_ROWS)):
            self.target.executemany(f"INSERT INTO main.series_{level} VALUES (?, ?, ?)", chunk)

    def _kept_series(self, level: str, spans: list[tuple[int, int]]) -> Iterator[Series]:
        """Yield the series of the replica before, without the points of the days that differ."""
        query = f"SELECT entity_row, metric_row, points FROM before.series_{level} ORDER BY entity_row, metric_row"
        for entity, metric, points in self.target.execute(query):
            days, amounts = unpack(points)
            stays: NDArray[np.bool_] = np.ones(len(days), bool)
            for first, end in spans:
                stays &= (days < first) | (days >= end)
            if stays.any():
                yield (entity, metric), days[stays], amounts[stays]

    def _read_series(self, table: ReleasedTable, level: str, spans: list[tuple[int, int]] | None) -> Iterator[Series]:
        """Yield the series of the release's files, by their key; only the points of some days, if spans are given."""
        for name in ("series_entities", "series_metrics"):
            cursor = self.target.execute(f"SELECT * FROM main.{name}")
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
            columns = {column: pa.array([row[place] for row in rows]) for place, column in enumerate(names)}
            self.engine.register(name, pa.table(columns) if rows else pa.table({column: pa.array([], pa.string()) for column in names}))
        chosen = " OR ".join(
            f"(sample_date >= DATE '1970-01-01' + {first} AND sample_date < DATE '1970-01-01' + {end})" for first, end in spans or ()
        )
        reader = self.engine.execute(
            f"SELECT entity_row, metric_row, (sample_date - DATE '{EPOCH}')::INTEGER AS day, amount FROM {table.name}"
            f" JOIN series_entities ON entity_id = {level}_id AND level = '{level}' JOIN series_metrics USING (metric_name)"
            f" {f'WHERE {chosen}' if chosen else ''} ORDER BY entity_row, metric_row, day"
        ).to_arrow_reader(10 * BATCH_ROWS)
        for batch in reader:
            self.summary.read += batch.num_rows
            yield from _cut(batch)


def _cut(batch: pa.RecordBatch) -> Iterator[Series]:
    """Yield the runs of one key; the last of one batch and the first of the next may have the same."""
    entities, metrics, days, amounts = (batch.column(place).to_numpy(zero_copy_only=False) for place in range(4))
    if not len(days):
        return
    ends: NDArray[np.int64] = np.flatnonzero((np.diff(entities) != 0) | (np.diff(metrics) != 0)) + 1
    first = 0
    for end in [*ends.tolist(), len(days)]:
        yield (int(entities[first]), int(metrics[first])), days[first:end], amounts[first:end]
        first = end


def merged(old: Iterable[Series], new: Iterable[Series]) -> Iterator[Series]:
    """Merge two runs of series, each sorted by key, into one: the points of one key together, in the order of their days."""
    import heapq

    for key, group in itertools.groupby(heapq.merge(old, new, key=lambda one: one[0]), key=lambda one: one[0]):
        parts = list(group)
        if len(parts) == 1:
            yield parts[0]
            continue
        days, amounts = np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts])
        order = np.argsort(days, kind="stable")
        yield key, days[order], amounts[order]
