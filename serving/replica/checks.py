"""Whether a replica says what its release says: the content digests of the release's tables, computed from the replica's rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.arrow_types import ARROW_TYPES
from catalog.digests import FileDigest, digest_query
from catalog.duck import DuckConnection
from catalog.errors import VerificationError
from catalog.partitions import bounds_of, partition_digests
from catalog.releases import Release, ReleasedTable
from serving.replica.changes import Spans
from serving.replica.layout import EPOCH, arrow_column, columns_of
from serving.replica.packed import unpack
from serving.replica.rows import ROWS, kept_tables, rows_table
from serving.resources import SERIES_TABLES, kept_resources

BATCH_ROWS = 10_000
BATCHES = 8
BATCH_SERIES = 100
"""A year of each are 36,500 rows, and those of 10 years still fit into little memory."""


def check_replica(target: sqlite3.Connection, engine: DuckConnection, release: Release, spans: Spans) -> None:
    """Compare every table that the replica keeps with the release.

    Args:
        spans: of tables of series, the days that weren't taken from a replica that was checked; tables left out are looked at whole.

    Raises:
        VerificationError: a table says something else; the message names it.
    """
    tables = {table.name: table for table in release.tables if table.stage == "marts"}
    for resource in kept_resources():
        if resource.table in tables:
            table = tables[resource.table]
            _compare(table, _digest(engine, table, _rows(target, table)), _expected(table, None))
    for name, column in kept_tables(tables):
        found = digest_query(engine, f"{ROWS}.{rows_table(name, column)}", content_kinds(tables[name]), table=tables[name].full_name)[None]
        _compare(tables[name], found, _expected(tables[name], None))
    for name, level in SERIES_TABLES.items():
        looked_at = spans.get(name)
        if name in tables and looked_at != []:
            _compare(
                tables[name],
                _digest(engine, tables[name], _points(target, tables[name], level, looked_at)),
                _expected(tables[name], looked_at),
            )


def _expected(table: ReleasedTable, looked_at: list[tuple[int, int]] | None) -> FileDigest:
    if looked_at is None:
        return FileDigest(table.row_count, int(table.content_digest, 16))
    found = FileDigest()
    for name, digest in partition_digests(table).items():
        if ((bounds_of(table, name).first - EPOCH).days, (bounds_of(table, name).end - EPOCH).days) in looked_at:
            found += digest
    return found


def _compare(table: ReleasedTable, found: FileDigest, expected: FileDigest) -> None:
    if found != expected:
        raise VerificationError(
            f"the replica's {table.name} has {found.row_count} rows with digest {found.hex}, the release {expected.row_count} with {expected.hex}",
            table=table.full_name,
        )


def _digest(engine: DuckConnection, table: ReleasedTable, rows: Iterator[pa.RecordBatch]) -> FileDigest:
    """Return the digest of rows, some batches at a time: a stream of them DuckDB would have read ahead, up to a gigabyte."""
    found = FileDigest()
    while batches := list(islice(rows, BATCHES)):
        engine.register("rows_to_check", pa.Table.from_batches(batches))
        try:
            found += digest_query(engine, "rows_to_check", content_kinds(table), table=table.full_name)[None]
        finally:
            engine.unregister("rows_to_check")
    return found


def content_kinds(table: ReleasedTable) -> list[tuple[str, str]]:
    """Return the columns that count for a table's digest: names and Iceberg types."""
    return [(name, kind) for name, kind in columns_of(table).items() if name in table.content_columns]


def _rows(target: sqlite3.Connection, table: ReleasedTable) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table."""
    columns = columns_of(table)
    schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()])
    cursor = target.execute(f"SELECT {', '.join(columns)} FROM main.{table.name}")
    while rows := cursor.fetchmany(BATCH_ROWS):
        values = zip(*rows, strict=True)
        yield pa.record_batch([arrow_column(list(column), kind) for column, kind in zip(values, columns.values(), strict=True)], schema)


def _points(
    target: sqlite3.Connection, table: ReleasedTable, level: str, looked_at: list[tuple[int, int]] | None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table of series, unpacked."""
    schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns_of(table).items()])
    entities = dict(target.execute("SELECT entity_row, entity_id FROM main.series_entities"))
    metrics = {row: (name, metric_id, unit) for row, name, metric_id, unit in target.execute("SELECT * FROM main.series_metrics")}
    cursor = target.execute(f"SELECT entity_row, metric_row, points FROM main.series_{level}")
    while rows := cursor.fetchmany(BATCH_SERIES):
        unpacked = [unpack(points) for _, _, points in rows]
        days, amounts = (np.concatenate([one[place] for one in unpacked]) for place in (0, 1))
        counts = [len(one[0]) for one in unpacked]
        columns = {
            "sample_date": pa.array(days, pa.int32()).cast(pa.date32()),
            "amount": pa.array(amounts, pa.float64()),
            f"{level}_id": _repeated([entities[row[0]] for row in rows], counts),
            "metric_name": _repeated([metrics[row[1]][0] for row in rows], counts),
            "metric_id": _repeated([metrics[row[1]][1] for row in rows], counts),
            "unit": _repeated([metrics[row[1]][2] for row in rows], counts),
        }
        batch = pa.record_batch([columns[name] for name in schema.names], schema)
        if looked_at is not None:
            stays: NDArray[np.bool_] = np.zeros(len(days), bool)
            for first, end in looked_at:
                stays |= (days >= first) & (days < end)
            batch = batch.filter(pa.array(stays))
        yield batch


def _repeated(values: list[str], counts: list[int]) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(np.repeat(np.arange(len(values)), counts)))
