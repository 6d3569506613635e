"""The rows of a large table beside a replica, once by each of the columns that they are mostly asked for by: a file in DuckDB's own format.

`<table>_by_<column>` has them all, sorted by the column and then by the grain. In a release's files an artifact's rows lie in a row group of every
month, an actor's in most row groups, and each of them has to be decoded for one page. Here they lie together, and DuckDB's format is decoded a part
at a time: a page takes a tenth.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.duck import DuckConnection, connect, identifier, quoted
from catalog.errors import QueryError
from catalog.releases import ReleasedTable
from serving.queries import ended_in_time
from serving.replica.layout import columns_of
from serving.resources import RESOURCES

ROWS = "kept"
"""What the file is called where it is filled."""
AT_ONCE = 2
MEMORY = "64MB"
"""Of one file in one worker; the file itself is in the system's cache."""


def rows_table(table: str, column: str) -> str:
    """Return the name of a table's rows by a column."""
    return f"{table}_by_{column}"


def kept_tables(tables: Mapping[str, ReleasedTable]) -> list[tuple[str, str]]:
    """Return the tables that are kept, of those of a release, each with each column that it is kept by."""
    found = [(resource.table, column) for resource in RESOURCES if resource.table in tables for column in resource.rows_by]
    return [(table, column) for table, column in found if column in columns_of(tables[table])]


def fill_rows(engine: DuckConnection, tables: Mapping[str, ReleasedTable], path: Path) -> None:
    """Write the file.

    Args:
        engine: with a view for each table; it sorts within its limit of memory.
        tables: of the release, by name.
        path: of the file, which isn't there yet.
    """
    engine.execute(f"ATTACH '{quoted(str(path))}' AS {ROWS}")
    for name, column in kept_tables(tables):
        order = ", ".join(map(identifier, dict.fromkeys((column, *tables[name].grain))))
        engine.execute(f"CREATE TABLE {ROWS}.{identifier(rows_table(name, column))} AS SELECT * FROM {identifier(name)} ORDER BY {order}")
    engine.execute(f"CHECKPOINT {ROWS}")


class _Lent:
    """Cursors that are lent, one to each who asks; others wait."""

    def __init__(self, database: DuckConnection, count: int) -> None:
        self._free = [database.cursor() for _ in range(count)]
        self._there = threading.Semaphore(count)

    @contextmanager
    def one(self, wait_s: float) -> Iterator[DuckConnection]:
        """Lend a cursor.

        Raises:
            QueryError: none was free for so long.
        """
        if not self._there.acquire(timeout=wait_s):
            raise QueryError(f"the server was busy for {wait_s:g} s; try again")
        cursor = self._free.pop()
        try:
            yield cursor
        finally:
            self._free.append(cursor)
            self._there.release()


class KeptRows:
    """The file of one replica, open; safe to use from several threads.

    It stays readable after it was deleted, for as long as this object is used.
    """

    def __init__(self, path: Path) -> None:
        database = connect(path, read_only=True, threads=1, memory_limit=MEMORY, spills=False)
        database.execute("SET enable_external_access = false")  # can't be set back
        self._tables = {name for (name,) in database.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        for table in self._tables:  # reads now what the file says of its parts, which takes longer than a page
            database.execute(f"SELECT * FROM {identifier(table)} ORDER BY ALL LIMIT 0").fetchall()
        self._quick, self._slow = _Lent(database, AT_ONCE), _Lent(database, 1)

    def has(self, table: str, column: str) -> bool:
        """Tell whether a table's rows are here by a column."""
        return rows_table(table, column) in self._tables

    def read(self, sql: str, values: Sequence[Any], timeout_s: float, *, is_quick: bool = True) -> pa.Table:
        """Return the rows of a query over these tables; what isn't quick waits for others of its kind, and quick ones don't wait for it.

        Raises:
            QueryError: it took too long, or too much memory.
            StorageError: the file can't be read.
        """
        asked_at = time.monotonic()
        with (
            (self._quick if is_quick else self._slow).one(timeout_s) as cursor,
            ended_in_time(cursor, timeout_s, "the replica's rows", time.monotonic() - asked_at),
        ):
            return cursor.execute(sql, values).to_arrow_table()
