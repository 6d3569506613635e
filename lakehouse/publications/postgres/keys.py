"""Keys and indexes of tables and their parts. A table's are made of its parts', so that nothing is built while others wait for the exchange."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, errors, sql

from lakehouse.publications.postgres.layout import Key, TableLayout

_STATEMENTS = {
    Key.PRIMARY: "ALTER TABLE {} ADD PRIMARY KEY ({})",
    Key.UNIQUE: "CREATE UNIQUE INDEX ON {} ({})",
    Key.PLAIN: "CREATE INDEX ON {} ({})",
}
_INDEXES = """
    SELECT indexrelid::regclass::text, conname,
        CASE WHEN indisprimary THEN 2 WHEN indisunique THEN 1 ELSE 0 END,
        (SELECT array_agg(attname ORDER BY place) FROM unnest(indkey) WITH ORDINALITY AS one(number, place)
            JOIN pg_attribute ON attrelid = indrelid AND attnum = number)
    FROM pg_index LEFT JOIN pg_constraint ON conindid = indexrelid WHERE indrelid = to_regclass(%s)
"""


def index_part(connection: Connection[Any], part: sql.Identifier, layout: TableLayout, *, has_nulls: bool) -> None:
    """Make the grain's columns of a part a primary key; where they hold NULLs a unique index, and where they aren't unique a plain one."""
    for key in (Key.UNIQUE, Key.PLAIN) if has_nulls else (Key.PRIMARY, Key.PLAIN):
        try:
            with connection.transaction():
                _make_key(connection, part, layout, key)
        except errors.UniqueViolation:
            continue
        break
    for column in layout.indexed:
        _make_index(connection, part, column)


def drop_other_key(connection: Connection[Any], table: sql.Identifier, layout: TableLayout, wanted: Key) -> None:
    """Drop a table's key that isn't the wanted one, and the index that it makes needless.

    Parts that allow no such key couldn't become the table's; and what parts lack would be made while readers wait for the exchange.
    """
    for index, constraint, key, columns in _indexes(connection, table):
        is_key = set(columns) == set(layout.key) and (tuple(columns), key) != (layout.key, wanted)
        is_needless = tuple(columns) == layout.key[:1] != layout.key
        if not is_key and not is_needless:
            continue
        if constraint is None:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(index)))
            continue
        connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, sql.Identifier(constraint)))
        for column in layout.key:
            connection.execute(sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL").format(table, sql.Identifier(column)))


def index_table(connection: Connection[Any], table: sql.Identifier, layout: TableLayout, wanted: Key) -> None:
    """Make those of a table's key and indexes that are missing."""
    there = {tuple(columns) for *_, columns in _indexes(connection, table)}
    if layout.key not in there:
        _make_key(connection, table, layout, wanted)
    for column in layout.indexed:
        if (column,) not in there:
            _make_index(connection, table, column)


def _indexes(connection: Connection[Any], table: sql.Identifier) -> list[tuple[str, str | None, int, list[str]]]:
    """Return name, constraint if it is one's, kind of key, and columns of a table's indexes."""
    return connection.execute(_INDEXES, [table.as_string(connection)]).fetchall()


def _make_key(connection: Connection[Any], table: sql.Identifier, layout: TableLayout, key: Key) -> None:
    connection.execute(sql.SQL(_STATEMENTS[key]).format(table, sql.SQL(", ").join(map(sql.Identifier, layout.key))))


def _make_index(connection: Connection[Any], table: sql.Identifier, column: str) -> None:
    connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(table, sql.Identifier(column)))
