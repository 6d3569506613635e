"""Whether a table holds what it was sent: of each column the number of values and a sum over them, on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from lakehouse.publications.postgres.binary_rows import numbers
from lakehouse.publications.postgres.layout import TEXT

if TYPE_CHECKING:
    from psycopg import Connection

_MODULUS = 1 << 64
_SUMMANDS = {
    TEXT: "octet_length({})",
    "bigint": "{}",
    "integer": "{}",
    "boolean": "{}::integer",
    "date": "{} - DATE '1970-01-01'",
    "timestamp with time zone": "(extract(epoch FROM {}) * 1000000)::bigint",
    "double precision": "('x' || encode(float8send({}), 'hex'))::bit(64)::bigint",
}
"""PostgreSQL's type -> what is summed: of texts their bytes, of doubles their bits, whose sum has no rounding."""


class Totals:
    """Counts and sums (modulo 2^64) by column, and the number of rows."""

    def __init__(self) -> None:
        self.rows = 0
        self.columns: dict[str, tuple[int, int]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the rows of a batch in."""
        self.rows += batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            count, total = self.columns.get(name, (0, 0))
            self.columns[name] = (count + len(column) - column.null_count, (total + _sum(column)) % _MODULUS)

    def has_nulls(self, names: tuple[str, ...]) -> bool:
        """Tell whether one of these columns lacks a value."""
        return any(self.columns[name][0] < self.rows for name in names if name in self.columns)


def _sum(column: pa.Array) -> int:
    if pa.types.is_string(column.type):
        return int(pc.sum(pc.binary_length(column)).as_py() or 0)
    values = numbers(column)
    if pa.types.is_floating(column.type):
        values = np.where(column.is_valid().to_numpy(zero_copy_only=False), values.view(np.int64), 0)
    return int(values.sum(dtype=np.int64))


def different_column(connection: Connection[Any], table: sql.Composable, types: Mapping[str, str], sent: Totals) -> str | None:
    """Return how a table differs from what it was sent, by its number of rows or the first column that does; None if it doesn't.

    Args:
        connection: of PostgreSQL.
        table: what holds the rows.
        types: PostgreSQL's type of each column, by name.
        sent: of the rows that it was sent.
    """
    asked: list[sql.Composable] = [sql.SQL("count(*)")]
    for name, kind in types.items():
        column = sql.Identifier(name)
        asked.append(sql.SQL("count({})").format(column))
        asked.append(sql.SQL("coalesce(sum(" + _SUMMANDS[kind] + "), 0)").format(column))
    row: Sequence[Any] = connection.execute(sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(asked), table)).fetchone() or ()
    if row[0] != sent.rows:
        return f"{row[0]:,} rows came of {sent.rows:,}"
    for place, name in enumerate(types):
        count, total = row[1 + 2 * place], int(row[2 + 2 * place]) % _MODULUS
        if (count, total) != sent.columns.get(name, (0, 0)):
            return f"column {name} is not as it was sent"
    return None
