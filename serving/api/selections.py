"""What a query string asks of a table, and the rows that answer it: from the replica, or from the release's files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from catalog.arrow_types import ARROW_TYPES
from catalog.duck import DuckConnection
from catalog.release_document import ReleasedFile, ReleasedTable
from serving.api.answers import Asked
from serving.api.conditions import ROWID, Encode, after_sql, order_sql, where_sql
from serving.api.grammar import NAMING, Comparison, Node, Order, conditions_of, parse_order, parse_select
from serving.api.portions import portions
from serving.engine import Engine
from serving.queries import too_slow
from serving.replica.layout import JSON_COLUMN, arrow_column, columns_of, loaded_value, stored_value
from serving.replica.replica import Replica
from serving.replica.rows import rows_table
from serving.resources import Resource

DEFAULT_LIMIT = 50
MAX_LIMIT = 1_000
RESERVED = ("limit", "cursor", "select", "order")


@dataclass(frozen=True)
class Selection:
    """What is asked of a table.

    Attributes:
        table: as its release states it.
        kinds: its columns: name -> Iceberg type.
        names: the columns that are wanted.
        takes_json: whether rows may be given as the JSON that the replica keeps.
        nodes: conditions, all of which must hold.
        order: of the rows; no two have the same place in it.
        limit: rows of a page.
    """

    table: ReleasedTable
    kinds: dict[str, str]
    names: list[str]
    takes_json: bool
    nodes: list[Node]
    order: list[Order]
    limit: int

    def named_values(self, column: str) -> int | None:
        """Return how many values of a column are given that rows may have; None where it may be any."""
        named = [node for node in self.nodes if isinstance(node, Comparison) and node.column == column and node.operator in NAMING]
        return min((1 if node.operator == "eq" else len(node.value) for node in named), default=None)

    def where(self, after: Sequence[Any] | None, encode: Encode) -> tuple[str, list[Any]]:
        """Return the WHERE of the rows after one with these values in the order, and the values of its marks."""
        parts, values = where_sql(self.nodes, encode)
        if after is not None:
            condition, marks = after_sql(self.order, after, encode)
            parts.append(condition)
            values += marks
        return (f"WHERE {' AND '.join(parts)}" if parts else ""), values

    def loaded(self, after: Sequence[Any] | None) -> list[Any] | None:
        """Return a row's values in the order, which a cursor holds as SQLite would, as DuckDB takes them."""
        return (
            None if after is None else [loaded_value(value, self.kinds[one.column]) for one, value in zip(self.order, after, strict=True)]
        )

    def query(self, relation: str, after: Sequence[Any] | None, count: int) -> tuple[str, list[Any]]:
        """Return DuckDB's query for so many rows after one with these values in the order, with the order's columns too; and the values of its marks."""
        names = dict.fromkeys([*self.names, *(one.column for one in self.order)])
        where, values = self.where(after, lambda value: value)
        return f"SELECT {', '.join(names)} FROM {relation} {where} ORDER BY {order_sql(self.order)} LIMIT {count}", values


@dataclass(frozen=True)
class Page:
    """Rows of a page: their JSON, or their columns; and what tells the last one, if more follow: its number, or its values in the order."""

    json: list[bytes]
    columns: pa.RecordBatch | None
    last: list[Any] | None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.json) if self.columns is None else int(self.columns.num_rows)


def read_selection(asked: Asked, resource: Resource, table: ReleasedTable) -> Selection:
    """Return what is asked of a table.

    Raises:
        RequestError: the query string asks for what isn't there.
    """
    kinds = columns_of(table)
    select = parse_select(asked.value("select"), kinds) if asked.value("select") else []
    order = parse_order(asked.value("order"), kinds) if asked.value("order") else []
    rest = table.grain if resource.is_large else [ROWID]
    order += [Order(name, is_descending=False) for name in rest if name not in [one.column for one in order]]
    return Selection(
        table,
        kinds,
        select or list(kinds),
        takes_json=not select and asked.format.name == "json",
        nodes=conditions_of(asked.without(*RESERVED), kinds),
        order=order,
        limit=asked.number("limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
    )


def read_from_replica(replica: Replica, wanted: Selection, after: Sequence[Any] | None, timeout_s: float) -> Page:
    """Return a page of a table that the replica keeps.

    Raises:
        QueryError: it took too long.
    """
    where, values = wanted.where(after and _placed(replica, wanted, after[-1]), stored_value)
    *before, _ = wanted.order
    sort = f"{order_sql(before)}, {ROWID}" if before else ROWID
    shown = JSON_COLUMN if wanted.takes_json else ", ".join(wanted.names)
    sql = f"SELECT {ROWID}, {shown} FROM {wanted.table.name} {where} ORDER BY {sort} LIMIT {wanted.limit + 1}"
    with replica.connection(timeout_s) as connection:
        rows = connection.execute(sql, values).fetchall()
    last = [rows[wanted.limit - 1][0]] if len(rows) > wanted.limit else None
    rows = rows[: wanted.limit]
    if wanted.takes_json:
        return Page([row[1] for row in rows], None, last)
    schema = pa.schema([(name, ARROW_TYPES[wanted.kinds[name]]) for name in wanted.names])
    arrays = [arrow_column([row[1 + place] for row in rows], wanted.kinds[name]) for place, name in enumerate(wanted.names)]
    return Page([], pa.record_batch(arrays, schema), last)


def _placed(replica: Replica, wanted: Selection, number: int) -> list[Any]:
    """Return the values that a row has in the order: a cursor holds its number alone, since they may be long."""
    if len(wanted.order) == 1:
        return [number]
    columns = ", ".join(one.column for one in wanted.order)
    return list(replica.look_up(f"SELECT {columns} FROM {wanted.table.name} WHERE {ROWID} = ?", (number,))[0])


def read_from_files(engine: Engine, replica: Replica, wanted: Selection, after: Sequence[Any] | None, timeout_s: float) -> Page:
    """Return a page of a table that is read from the release's files: of those alone that may have such rows, as many as it takes.

    Raises:
        QueryError: it took too long, or too much memory.
        StorageError: a file can't be read.
    """
    loaded = wanted.loaded(after)
    until, release = time.monotonic() + timeout_s, replica.release

    def rows_of(cursor: DuckConnection, files: Sequence[ReleasedFile], count: int) -> pa.Table:
        if time.monotonic() > until:
            raise too_slow(timeout_s)
        return cursor.execute(*wanted.query(f"({engine.scan(release, wanted.table, files)})", loaded, count)).to_arrow_table()

    def read(cursor: DuckConnection) -> pa.Table:
        tables: list[pa.Table] = []
        missing = wanted.limit + 1
        for files in portions(replica, wanted.table, wanted.nodes, wanted.order[0], loaded and loaded[0]):
            tables.append(rows_of(cursor, files, missing))
            missing -= tables[-1].num_rows
            if not missing:
                break
        return pa.concat_tables(tables or [rows_of(cursor, (), 1)])

    return _page(engine.call(release, timeout_s, read), wanted)


def read_from_rows(
    replica: Replica, wanted: Selection, column: str, after: Sequence[Any] | None, timeout_s: float, *, is_quick: bool = True
) -> Page:
    """Return a page of a table whose rows lie beside the replica by a column of which values are named.

    Args:
        is_quick: whether the values are few.

    Raises:
        QueryError: it took too long, or too much memory.
        StorageError: the rows can't be read.
    """
    sql, values = wanted.query(rows_table(wanted.table.name, column), wanted.loaded(after), wanted.limit + 1)
    return _page(replica.rows.read(sql, values, timeout_s, is_quick=is_quick), wanted)


def _page(found: pa.Table, wanted: Selection) -> Page:
    """Return rows as a page; there is one more than it takes, if more follow."""
    rows = found.combine_chunks()
    batch = next(iter(rows.to_batches()), pa.RecordBatch.from_pylist([], rows.schema))
    last = None
    if batch.num_rows > wanted.limit:
        last = [stored_value(batch.column(one.column)[wanted.limit - 1].as_py()) for one in wanted.order]
    return Page([], batch.slice(0, wanted.limit).select(wanted.names), last)
