"""Loading of a part beside the others: rows, key, indexes and checks in one transaction, so that a part is there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from psycopg import sql

from catalog.errors import PublishError
from ingest.ahead import read_ahead
from lakehouse.publications.postgres.binary_rows import END, HEAD, encode_rows, without_nul
from lakehouse.publications.postgres.keys import index_part
from lakehouse.publications.postgres.layout import Part, TableLayout
from lakehouse.publications.postgres.totals import Totals, different_column

if TYPE_CHECKING:
    import pyarrow as pa
    from psycopg import Connection


def load_part(connection: Connection[Any], schema: str, layout: TableLayout, part: Part, batches: Iterator[pa.RecordBatch]) -> int:
    """Make a part of these rows; return the bytes that were sent.

    Args:
        connection: outside of a transaction.
        schema: of the parts.
        layout: of the table.
        part: which one; it isn't there yet.
        batches: its rows, with the table's columns.

    Raises:
        PublishError: other rows stand there than were sent, or not as many as the release lists.
    """
    place = sql.Identifier(schema, part.name)
    with connection.transaction():
        connection.execute(sql.SQL("CREATE TABLE {} ({}{})").format(place, layout.columns(), _bounds_check(part)))
        sent, size = _copy(connection, place, batches)
        problem = different_column(connection, place, layout.types, sent)
        if sent.rows != part.partition.row_count:
            problem = f"its files hold {sent.rows:,} rows, the release lists {part.partition.row_count:,}"
        if problem:
            where = f"{layout.released.full_name}{f', partition {part.partition.name}' if part.partition.name else ''}"
            raise PublishError(f"{where}: {problem}; what is shown was left as it was", table=layout.released.full_name)
        index_part(connection, place, layout, has_nulls=sent.has_nulls(layout.key))
    return size


def _bounds_check(part: Part) -> sql.Composable:
    """Return the constraint by which PostgreSQL needn't look at the rows when the part becomes its table's."""
    if part.bounds is None:
        return sql.SQL("")
    column, first, end = part.bounds
    bounds = {"column": sql.Identifier(column), "first": sql.Literal(str(first)), "end": sql.Literal(str(end))}
    return sql.SQL(", CHECK ({column} IS NOT NULL AND {column} >= {first} AND {column} < {end})").format(**bounds)


def _copy(connection: Connection[Any], place: sql.Identifier, batches: Iterator[pa.RecordBatch]) -> tuple[Totals, int]:
    """Send rows, encoding the next ones meanwhile. They are frozen: seen as soon as the table is, by older transactions too."""
    sent, size = Totals(), 0

    def encoded() -> Iterator[memoryview]:
        for batch in map(without_nul, batches):
            sent.add(batch)
            yield encode_rows(batch)

    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary, FREEZE)").format(place)) as copy:
        copy.write(HEAD)
        for data in read_ahead(encoded()):
            copy.write(data)
            size += len(data)
        copy.write(END)
    return sent, size
