"""The rows of a large table beside a replica, by the column that they are mostly asked for by: a file in DuckDB's own format.

In a release's files an artifact's rows lie in a row group of every month, and each of them has to be decoded for one page. Here they lie together,
and DuckDB's format is decoded a part at a time: a page takes a tenth.
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
from serving.resources import RESOURCES

ROWS = "kept"
"""What the file is called where it is filled."""
MEMORY = "64MB"
"""Of one file in one worker; the file itself is in the system's cache."""


def fill_rows(engine: DuckConnection, tables: Mapping[str, ReleasedTable], path: Path) -> None:
    """Write the file.

    Args:
        engine: with a view for each table; it sorts within its limit of memory.
        tables: of the release, by name.
        path: of the file, which isn't there yet.
    """
    engine.execute(f"ATTACH '{quoted(str(path))}' AS {ROWS}")
    for resource in RESOURCES:
        table = tables.get(resource.table)
        if resource.rows_by and table is not None:
            order = dict.fromkeys((resource.rows_by, *table.grain))
            engine.execute(
                f"CREATE TABLE {ROWS}.{identifier(table.name)} AS SELECT * FROM {identifier(table.name)} ORDER BY {', '.join(map(identifier, order))}"
            )
    engine.execute(f"CHECKPOINT {ROWS}")


class KeptRows:
    """The file of one replica, open; safe to use from several threads.

    It stays readable after it was deleted, for as long as this object is used.
    """

    def __init__(self, path: Path, connections: int = 2) -> None:
        database = connect(path, read_only=True, threads=1, memory_limit=MEMORY, spills=False)
        database.execute("SET enable_external_access = false")  # can't be set back
        self._tables = {name for (name,) in database.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        for resource in RESOURCES:
            if resource.rows_by and self.has(resource.table):  # reads now what the file says of its parts, which takes longer than a page
                database.execute(f"SELECT * FROM {resource.table} WHERE {resource.rows_by} = '' ORDER BY ALL LIMIT 1").fetchall()
        self._free = [database, *(database.cursor() for _ in range(connections - 1))]
        self._there = threading.Semaphore(connections)

    def has(self, table: str) -> bool:
        """Tell whether a table's rows are here."""
        return table in self._tables

    def read(self, sql: str, values: Sequence[Any], timeout_s: float) -> pa.Table:
        """Return the rows of a query over these tables.

        Raises:
            QueryError: it took too long, or too much memory.
            StorageError: the file can't be read.
        """
        asked_at = time.monotonic()
        with self._cursor(timeout_s) as cursor, ended_in_time(cursor, timeout_s, "the replica's rows", time.monotonic() - asked_at):
            return cursor.execute(sql, values).to_arrow_table()

    @contextmanager
    def _cursor(self, wait_s: float) -> Iterator[DuckConnection]:
        if not self._there.acquire(timeout=wait_s):
            raise QueryError(f"the server was busy for {wait_s:g} s; try again")
        cursor = self._free.pop()
        try:
            yield cursor
        finally:
            self._free.append(cursor)
            self._there.release()
