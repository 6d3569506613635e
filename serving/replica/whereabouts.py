"""What the data files of large tables hold: their days, and in which a value stands, so that few are read for the newest events, or those of one artifact.

`located_files` numbers the files and has the first and last day of the column that the table is cut by, in days since 1970; NULL where it isn't cut,
or a row has no day. `located_<table>_<column>` has for each value the numbers of the files that it stands in (uint32, little-endian, ascending).
"""

from __future__ import annotations

import heapq
import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catalog.duck import DuckConnection
from catalog.errors import VerificationError
from catalog.partitions import cut_by
from catalog.query import table_scan
from catalog.release_document import ReleasedFile
from catalog.releases import ReleasedTable
from serving.replica.layout import EPOCH, columns_of
from serving.resources import RESOURCES

BATCH_ROWS = 50_000
FILES = "located_files"
Located = tuple[str, NDArray[np.uint32]]


def located_table(table: str, column: str) -> str:
    """Return the name of the table that says where a column's values stand."""
    return f"located_{table}_{column}"


def fill_whereabouts(
    target: sqlite3.Connection, engine: DuckConnection, tables: Mapping[str, ReleasedTable], locate: Callable[[ReleasedFile], str]
) -> None:
    """Fill the tables; what the replica before (attached as `before`, if there is one) knows of files that stay is taken from there.

    Args:
        target: the replica.
        engine: where rows are read, within its limit of memory.
        tables: of the release, by name.
        locate: tells how DuckDB names a file.

    Raises:
        VerificationError: a file doesn't have the rows that the release lists.
    """
    target.execute(f"CREATE TABLE {FILES} (file_row INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, first_day INTEGER, last_day INTEGER)")
    large = [(resource, tables[resource.table]) for resource in RESOURCES if resource.is_large and resource.table in tables]
    there = {file.path for _, table in large for file in table.data_files}
    if any(name == "before" for _, name, _ in target.execute("PRAGMA database_list")):
        kept = target.execute(f"SELECT * FROM before.{FILES}").fetchall()
        target.executemany(f"INSERT INTO main.{FILES} VALUES (?, ?, ?, ?)", [row for row in kept if row[1] in there])
    known = {path for (path,) in target.execute(f"SELECT path FROM main.{FILES}")}
    for resource, table in large:
        added = [file for file in table.data_files if file.path not in known]
        days = _days(engine, table, {locate(file): file for file in added})
        told = [(file.path, *days[file.path]) for file in added]
        target.executemany(f"INSERT INTO main.{FILES} (path, first_day, last_day) VALUES (?, ?, ?)", told)
        numbers: dict[str, int] = dict(target.execute(f"SELECT path, file_row FROM main.{FILES}").fetchall())
        for column in resource.located:
            if column in columns_of(table):
                files = {locate(file): numbers[file.path] for file in table.data_files}
                _fill(target, engine, table, column, files, {numbers[file.path] for file in added})


def _days(engine: DuckConnection, table: ReleasedTable, added: Mapping[str, ReleasedFile]) -> dict[str, tuple[int | None, int | None]]:
    """Return the first and last day of files by their paths; None where the table isn't cut by days, or a row has no day.

    It is seen here that all rows of the files are found by DuckDB's names of them: whoever is told that a value isn't in a file leaves it out.
    """
    if not added:
        return {}
    column = cut_by(table)
    day = f"CAST({column} AS DATE) - DATE '{EPOCH}'" if column else "NULL"
    counted = (
        f"SELECT filename, count(*), count({day}), min({day}), max({day}) FROM ({table_scan(list(added), table, filename=True)}) GROUP BY 1"
    )
    days: dict[str, tuple[int | None, int | None]] = {}
    for name, rows, rows_of_a_day, first, last in engine.execute(counted).fetchall():
        if name in added and rows == added[name].row_count:
            days[added[name].path] = (first, last) if rows == rows_of_a_day else (None, None)
    wrong = next((file.path for file in added.values() if file.row_count and file.path not in days), None)
    if wrong:
        raise VerificationError(f"{wrong} doesn't have the rows that the release lists", path=wrong)
    return {file.path: (None, None) for file in added.values()} | days


def _fill(
    target: sqlite3.Connection, engine: DuckConnection, table: ReleasedTable, column: str, files: Mapping[str, int], added: set[int]
) -> None:
    """Fill the table of a column's values.

    Args:
        files: number of each file, by DuckDB's name.
        added: numbers of those that the replica before doesn't know.
    """
    name = located_table(table.name, column)
    target.execute(f"CREATE TABLE main.{name} (value TEXT PRIMARY KEY, files BLOB NOT NULL) WITHOUT ROWID")
    is_known = bool(target.execute("SELECT 1 FROM pragma_table_list WHERE schema = 'before' AND name = ?", (name,)).fetchall())
    old = _kept(target, name, set(files.values()) - added) if is_known else iter(())
    new = _read(engine, table, column, {place: number for place, number in files.items() if number in added or not is_known})
    rows = ((value, numbers.astype("<u4", copy=False).tobytes()) for value, numbers in _merged(old, new))
    while chunk := list(itertools.islice(rows, BATCH_ROWS)):
        target.executemany(f"INSERT INTO main.{name} VALUES (?, ?)", chunk)


def _kept(target: sqlite3.Connection, name: str, alive: set[int]) -> Iterator[Located]:
    """Yield what the replica before says of files that are still there, by value."""
    (highest,) = target.execute(f"SELECT coalesce(max(file_row), 0) FROM before.{FILES}").fetchone()
    is_alive: NDArray[np.bool_] = np.zeros(highest + 1, bool)
    is_alive[sorted(alive)] = True
    for value, packed in target.execute(f"SELECT value, files FROM before.{name} ORDER BY value"):
        files = unpacked(packed)
        files = files[is_alive[files]]
        if len(files):
            yield value, files


def _read(engine: DuckConnection, table: ReleasedTable, column: str, added: Mapping[str, int]) -> Iterator[Located]:
    """Yield the values of some files with the files that they stand in, by value."""
    if not added:
        return
    engine.register("added_files", pa.table({"filename": list(added), "file_row": pa.array(added.values(), pa.uint32())}))
    reader = engine.execute(
        f"SELECT DISTINCT {column} AS value, file_row FROM ({table_scan(list(added), table, filename=True)}) JOIN added_files USING (filename)"
        f" WHERE {column} IS NOT NULL ORDER BY ALL"
    ).to_arrow_reader(BATCH_ROWS)
    for batch in reader:
        values, files = batch.column(0).to_pylist(), batch.column(1).to_numpy()
        ends = [*(place for place in range(1, len(values)) if values[place] != values[place - 1]), len(values)]
        for first, end in itertools.pairwise([0, *ends]):
            yield values[first], files[first:end]
    engine.unregister("added_files")


def _merged(old: Iterable[Located], new: Iterable[Located]) -> Iterator[Located]:
    """Merge two runs, each sorted by value, into one with each value once."""
    for value, group in itertools.groupby(heapq.merge(old, new, key=lambda one: one[0]), key=lambda one: one[0]):
        parts = [files for _, files in group]
        yield value, parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))


def unpacked(files: bytes) -> NDArray[np.uint32]:
    """Return the numbers of files that a row holds."""
    return np.frombuffer(files, "<u4")
