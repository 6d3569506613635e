"""The rows of a query as text or as a file: table, CSV, JSON, Parquet.

Rows come as Arrow batches and leave as they come, so memory does not grow with their number. In text, times are ISO 8601 in UTC
(`2024-01-31T12:00:00Z`; microseconds where there are any), intervals ISO 8601 durations, lists and structs are JSON, bytes are hexadecimal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, BinaryIO, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

ResultFormat = Literal["table", "csv", "json", "parquet"]
TABLE_ROWS = 200
_JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS
Write = Callable[[pa.Schema, Iterable[pa.RecordBatch], BinaryIO], int]


def write_result(output_format: ResultFormat, schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> int:
    """Write rows in a format and return how many were written; columns of one name are told apart by a number."""
    writers: dict[ResultFormat, Write] = {"table": _write_table, "csv": _write_csv, "json": _write_json, "parquet": _write_parquet}
    names = _distinct(schema.names)
    named = pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
    return writers[output_format](named, (batch.rename_columns(names) for batch in batches), out)


def _distinct(names: Iterable[str]) -> list[str]:
    """Return names of which none comes twice: `a`, `a_1`."""
    found: list[str] = []
    for name in names:
        number, free = 0, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return found


def _write_parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> int:
    rows = 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _write_csv(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> int:
    rows = 0
    with csv.CSVWriter(out, _flat(pa.RecordBatch.from_pylist([], schema)).schema) as writer:
        for batch in batches:
            writer.write_batch(_flat(batch))
            rows += batch.num_rows
    return rows


def _write_json(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> int:
    rows = 0
    out.write(b"[")
    for row in _rows(batches):
        out.write(b",\n" if rows else b"\n")
        out.write(orjson.dumps(dict(zip(schema.names, row, strict=True)), _json_value, _JSON_OPTIONS))
        rows += 1
    out.write(b"\n]\n")
    return rows


def _write_table(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> int:
    """Write aligned columns; numbers to the right, and no more than TABLE_ROWS rows, which is said."""
    cells, more = [list(schema.names)], False
    for row in _rows(batches):
        if len(cells) > TABLE_ROWS:
            more = True
            break
        cells.append([_cell(value) for value in row])
    widths = [max(len(line[place]) for line in cells) for place in range(len(schema))]
    is_number = [pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) for kind in schema.types]
    cells.insert(1, ["-" * width for width in widths])
    for line in cells:
        texts = [text.rjust(width) if right else text.ljust(width) for text, width, right in zip(line, widths, is_number, strict=True)]
        out.write(("  ".join(texts).rstrip() + "\n").encode())
    rows = len(cells) - 2
    limit = f"the first {rows} rows; there are more, which csv, json and parquet give" if more else f"{rows} row{'s' * (rows != 1)}"
    out.write(f"({limit})\n".encode())
    return rows


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        yield from zip(*(_iso_times(column).to_pylist() for column in batch.columns), strict=True)


def _cell(value: object) -> str:
    """Return a value as one line of printable text: data may not steer the terminal."""
    text = "" if value is None else _text(value)
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _text(value: object) -> str:
    if isinstance(value, (str, float)):
        return str(value)
    return orjson.dumps(value, _json_value, _JSON_OPTIONS).decode().strip('"')


def _json_value(value: object) -> object:
    """Return what orjson can write for a value that it doesn't know; decimals keep all their digits."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, pa.MonthDayNano):
        return f"P{value.months}M{value.days}DT{Decimal(value.nanoseconds) / 1_000_000_000:f}S"
    return str(value)


def _flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose columns are all of types that CSV can hold."""
    return pa.RecordBatch.from_arrays([_flat_column(column) for column in batch.columns], names=batch.schema.names)


def _flat_column(column: pa.Array) -> pa.Array:
    column = _iso_times(column)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return column
    return pa.array([None if value is None else _text(value) for value in column.to_pylist()], pa.string())


def _iso_times(column: pa.Array) -> pa.Array:
    """Return times and dates as text, other columns as they are; a time without zone is UTC.

    In Arrow, since that is several times faster than one by one, and knows years that Python doesn't.
    """
    if pa.types.is_date(column.type):
        return column.cast(pa.string())
    if not pa.types.is_timestamp(column.type):
        return column
    text = pc.strftime(column.cast(pa.timestamp("us", tz="UTC"), safe=False), format="%Y-%m-%dT%H:%M:%SZ")
    return pc.replace_substring_regex(text, r"\.0+Z$", "Z")
