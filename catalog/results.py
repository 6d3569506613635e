"""The rows of a query as text or as a file: table, CSV, JSON, NDJSON, Arrow, Parquet.

Rows come as Arrow batches and leave as they come, so memory does not grow with their number. In text, times are ISO 8601 in UTC
(`2024-01-31T12:00:00Z`; microseconds where there are any), intervals ISO 8601 durations, lists and structs are JSON, bytes are hexadecimal.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, BinaryIO, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

ResultFormat = Literal["table", "csv", "json", "ndjson", "arrow", "parquet"]
TABLE_ROWS = 200
_JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS
Write = Callable[[pa.Schema, Iterable[pa.RecordBatch], BinaryIO], int]


def write_result(output_format: ResultFormat, schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> int:
    """Write rows in a format and return how many were written; columns of one name are told apart by a number."""
    writers: dict[ResultFormat, Write] = {
        "table": _write_table,
        "csv": _write_csv,
        "json": _write_json,
        "ndjson": _write_ndjson,
        "arrow": _write_arrow,
        "parquet": _write_parquet,
    }
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


def _write_arrow(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> int:
    rows = 0
    with pa.ipc.new_stream(out, schema) as writer:
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
    for row in json_rows(schema.names, batches):
        out.write(b",\n" if rows else b"\n")
        out.write(row)
        rows += 1
    out.write(b"\n]\n")
    return rows


def _write_ndjson(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> int:
    rows = 0
    for row in json_rows(schema.names, batches):
        out.write(row + b"\n")
        rows += 1
    return rows


def json_rows(names: Sequence[str], batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Yield each row as a JSON object."""
    for row in _rows(batches):
        yield orjson.dumps(dict(zip(names, row, strict=True)), _json_value, _JSON_OPTIONS)


def result_chunks(
    output_format: Literal["csv", "ndjson", "arrow"], schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> Iterator[bytes]:
    """Yield rows as bytes, a piece for each batch, so that no more than one is held; NDJSON ends with `{"end":true,"rows":N}`.

    The first piece holds what stands before the rows. Who stops in the middle of a CSV document or an NDJSON one has less than the whole:
    the end has to be told by other means (the end record, the end of the chunks).
    """
    chunks = {"csv": _csv_chunks, "ndjson": _ndjson_chunks, "arrow": _arrow_chunks}[output_format]
    return chunks(schema, batches)


def _ndjson_chunks(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    rows = 0
    for batch in batches:
        yield b"".join(row + b"\n" for row in json_rows(schema.names, [batch]))
        rows += batch.num_rows
    yield b'{"end":true,"rows":%d}\n' % rows


def _csv_chunks(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    out = io.BytesIO()
    with csv.CSVWriter(out, _flat(pa.RecordBatch.from_pylist([], schema)).schema) as writer:
        yield _taken(out)
        for batch in batches:
            writer.write_batch(_flat(batch))
            yield _taken(out)
    yield _taken(out)


def _arrow_chunks(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    out = io.BytesIO()
    writer = pa.ipc.new_stream(out, schema)
    yield _taken(out)
    for batch in batches:
        writer.write_batch(batch)
        yield _taken(out)
    writer.close()
    yield _taken(out)


def _taken(out: io.BytesIO) -> bytes:
    """Return what was written, and empty the buffer."""
    content = out.getvalue()
    out.seek(0)
    out.truncate()
    return content


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
