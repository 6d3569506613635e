"""DuckDB for a lake: connections with the extensions from packages, and reading of data files under their Iceberg schema.

This module owns duckdb; SQLMesh alone opens its own connections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from catalog.errors import QueryError

if TYPE_CHECKING:
    from pyiceberg.schema import Schema

EXTENSIONS = ("avro", "httpfs", "iceberg")
SQL_TYPES = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "int": "INTEGER",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamptz": "TIMESTAMPTZ",
    "list<string>": "VARCHAR[]",
}
DuckConnection = duckdb.DuckDBPyConnection
DuckError = duckdb.Error
SERVER_ERRORS = 500
DuckReadError = duckdb.IOException
"""A file or an object can't be read."""


def connect(
    database: Path | str = ":memory:",
    *,
    read_only: bool = False,
    threads: int = 0,
    memory_limit: str = "",
    spills: bool = True,
    extensions: bool = False,
) -> DuckConnection:
    """Open DuckDB: UTC, nothing installed from the network, and with `extensions` those for Iceberg over HTTP.

    Without `spills` what doesn't fit into memory is an error; else it is written to files for a while.

    Raises:
        QueryError: the file is held by another process, or isn't DuckDB's.
    """
    config: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
    if threads:
        config["threads"] = threads
    if memory_limit:
        config["memory_limit"] = memory_limit
    if not spills:
        config["temp_directory"] = ""
    try:
        connection = duckdb.connect(str(database), read_only=read_only, config=config)
    except duckdb.Error as error:
        raise QueryError(f"DuckDB can't open {database}: {error}", path=str(database)) from error
    connection.execute("SET GLOBAL TimeZone = 'UTC'")  # cursors take it from there
    if extensions:
        load_extensions(connection)
    return connection


def load_extensions(connection: DuckConnection, names: Sequence[str] = EXTENSIONS) -> None:
    """Load extensions from their Python packages, in the order in which they need each other."""
    for name in names:
        file = files(f"duckdb_extension_{name}").joinpath("extensions", f"v{duckdb.__version__}", f"{name}.duckdb_extension")
        connection.execute(f"LOAD '{quoted(str(file))}'")


def add_s3(connection: DuckConnection, bucket: str, options: Mapping[str, str], timeout_s: float, attempts: int) -> None:
    """Let a connection read `s3://<bucket>/...`, for as long as it is open.

    Args:
        connection: an open connection.
        bucket: what the options are for.
        options: those of a secret of type s3: KEY_ID, SECRET, ENDPOINT (host and port), URL_STYLE and so on.
        timeout_s: longest silence of the store.
        attempts: how often a request is tried.
    """
    load_extensions(connection, ("httpfs",))
    told = ", ".join(f"{name} '{quoted(value)}'" for name, value in options.items())
    connection.execute(f"CREATE OR REPLACE SECRET osslake_storage (TYPE s3, SCOPE 's3://{quoted(bucket)}/', {told})")
    connection.execute(f"SET http_timeout = {max(int(timeout_s), 1)}")
    connection.execute(f"SET http_retries = {attempts - 1}")
    connection.execute("SET enable_http_metadata_cache = true")
    connection.execute("SET parquet_metadata_cache = true")


def is_unanswered(error: BaseException | None) -> bool:
    """Tell whether an error of DuckDB is that of a store which did not answer, or answered that it can't now."""
    if isinstance(error, duckdb.HTTPException):
        return error.status_code >= SERVER_ERRORS
    return isinstance(error, duckdb.IOException)


def quoted(text: str) -> str:
    """Return text for use between single quotes in SQL."""
    return text.replace("'", "''")


def identifier(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def scan_sql(paths: Sequence[str], schema: Schema, *, filename: bool = False) -> str:
    """Return a query that reads Parquet files under an Iceberg schema, fields being found by their ids.

    No paths: a query without rows and with the schema's columns.
    """
    if not paths:
        columns = ", ".join(f"NULL::{sql_type(field.field_type)} AS {identifier(field.name)}" for field in schema.fields)
        return f"SELECT {columns} WHERE false"
    listed = ", ".join(f"'{quoted(path)}'" for path in paths)
    entries = ", ".join(
        f"{field.field_id}: {{name: '{quoted(field.name)}', type: '{sql_type(field.field_type)}', default_value: NULL}}"
        for field in schema.fields
    )
    names = ", ".join(identifier(field.name) for field in schema.fields)
    extra = ", filename" if filename else ""
    return f"SELECT {names}{extra} FROM read_parquet([{listed}], schema = MAP {{{entries}}}{', filename = true' if filename else ''})"


def sql_type(iceberg_type: object) -> str:
    """Return DuckDB's type for an Iceberg type."""
    return SQL_TYPES[str(iceberg_type)]
