"""Looking for texts in every byte of a folder: files as they are, and unpacked where they are packed (Parquet, DuckDB, SQLite, Avro, gzip, git)."""

from __future__ import annotations

import gzip
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.duck import DuckConnection, connect, identifier

Reader = Callable[[Path], Iterator[str]]


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file of a folder as text, and what its packed parts say, with the file's path."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes().decode("utf-8", "replace")
            for text in _unpacked(path):
                yield path, text
    for objects in sorted(folder.rglob("objects")):
        yield objects, _git_text(objects.parent)


def _unpacked(path: Path) -> Iterator[str]:
    head = path.read_bytes()[:16]
    readers: list[tuple[bytes, int, Reader]] = [
        (b"PAR1", 0, _parquet),
        (b"SQLite format 3", 0, _sqlite),
        (b"Obj\x01", 0, _avro),
        (b"\x1f\x8b", 0, _gzip),
        (b"DUCK", 8, _duckdb),
    ]
    for sign, at, read in readers:
        if head[at:].startswith(sign):
            yield from read(path)


def _parquet(path: Path) -> Iterator[str]:
    file = pq.ParquetFile(path)
    yield repr(file.metadata.metadata)
    for group in range(file.num_row_groups):
        yield from _columns(file.read_row_group(group))


def _columns(table: pa.Table) -> Iterator[str]:
    for column in table.columns:
        values = column
        while pa.types.is_list(values.type):
            values = pa.chunked_array([chunk.flatten() for chunk in values.chunks], values.type.value_type)
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or pa.types.is_binary(values.type):
            yield "\n".join(str(value) for value in values.to_pylist())


def _duckdb(path: Path) -> Iterator[str]:
    with connect(path, read_only=True) as connection:
        tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        for schema, name in tables:
            yield from _columns(connection.execute(f"FROM {identifier(schema)}.{identifier(name)}").to_arrow_table())
        yield repr(connection.execute("SELECT sql FROM duckdb_views() WHERE NOT internal").fetchall())


def _sqlite(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(path)
    yield "\n".join(connection.iterdump())
    connection.close()


def _avro(path: Path) -> Iterator[str]:
    yield repr(_with_extensions().execute(f"FROM read_avro('{path}')").fetchall())


@cache
def _with_extensions() -> DuckConnection:
    return connect(extensions=True)


def _gzip(path: Path) -> Iterator[str]:
    yield gzip.decompress(path.read_bytes()).decode("utf-8", "replace")


def _git_text(repository: Path) -> str:
    """Return all objects of a git repository as text."""
    command = ["git", "-C", str(repository), "cat-file", "--batch", "--batch-all-objects"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")
