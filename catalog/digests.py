"""Content digests: what a table says, as one number, whatever engine, layout, order and time it was written with.

The definition is docs/formats/release.md: of a row the MD5 of its columns as text, of a file the sum of its rows' numbers
modulo 2^128 with the row count, of a table the sum over its files. DuckDB computes it at about 1.7 million rows a second.
The digest tells changes; against tampering stand the files' SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.duck import DuckConnection, DuckError, identifier, quoted, scan_sql
from catalog.errors import ReleaseError

if TYPE_CHECKING:
    from pyiceberg.schema import Schema

MODULUS = 1 << 128
_LOW_HALF = (1 << 64) - 1


@dataclass(frozen=True)
class FileDigest:
    """Row count and digest of a file, a partition or a table; two of them add up."""

    row_count: int = 0
    digest: int = 0

    def __add__(self, other: FileDigest) -> FileDigest:
        """Digest of the rows of both."""
        return FileDigest(self.row_count + other.row_count, (self.digest + other.digest) % MODULUS)

    @property
    def hex(self) -> str:
        """The digest as 32 hex digits."""
        return f"{self.digest:032x}"


def total(digests: Iterable[FileDigest]) -> FileDigest:
    """Return the digest of all these rows together."""
    return sum(digests, FileDigest())


def row_digest_sql(columns: Sequence[tuple[str, str]]) -> str:
    """Return DuckDB's expression for the text of a row, of which the MD5 is taken.

    Args:
        columns: (name, Iceberg type) of the content columns, in field-id order. Values are cast to these types first.

    Raises:
        ReleaseError: no columns, or a type that has no text.
    """
    if not columns:
        raise ReleaseError("a content digest needs at least one column")
    return f"concat_ws(chr(31), {', '.join(_text_sql(name, kind) for name, kind in columns)})"


def _text_sql(name: str, kind: str) -> str:
    column = identifier(name)
    texts = {
        "string": f"{column}::VARCHAR",
        "long": f"{column}::BIGINT::VARCHAR",
        "int": f"{column}::INTEGER::VARCHAR",
        "boolean": f"{column}::BOOLEAN::VARCHAR",
        "date": f"{column}::DATE::VARCHAR",
        "timestamptz": f"epoch_us({column}::TIMESTAMPTZ)::VARCHAR",
        "double": (
            f"CASE WHEN isnan({column}::DOUBLE) THEN error('column {quoted(column)} holds NaN, which no digest takes') "
            f"WHEN {column}::DOUBLE = 0 THEN '0.0' ELSE {column}::DOUBLE::VARCHAR END"
        ),
        "list<string>": f"'[' || array_to_string(list_transform({column}, lambda x: coalesce(x, chr(0)) || chr(30)), '') || ']'",
    }
    if kind not in texts:
        raise ReleaseError(f"column {name!r}: type {kind} has no text in a content digest; known are {', '.join(texts)}", column=name)
    return f"coalesce({texts[kind]}, chr(0))"


def digest_query(
    connection: DuckConnection, sql_relation: str, columns: Sequence[tuple[str, str]], group_by: str | None = None, *, table: str = ""
) -> dict[object, FileDigest]:
    """Compute the digests of a relation's rows, by group.

    Args:
        connection: an open connection, with its TimeZone set to UTC.
        sql_relation: what can stand after FROM: a table's name, or a query in parentheses.
        columns: as of `row_digest_sql`.
        group_by: an expression over the relation's columns; its values are the answer's keys. None: one group, None.
        table: the table's name, for error messages.

    Raises:
        ReleaseError: a double is NaN, or the relation lacks a column; the message names table and column.
    """
    group = group_by or "NULL"
    row = row_digest_sql(columns)
    query = (
        f"SELECT key, count(*), sum((number & {_LOW_HALF})::UBIGINT), sum((number >> 64)::UBIGINT) "
        f"FROM (SELECT {group} AS key, md5_number({row}) AS number FROM {sql_relation}) GROUP BY key"
    )
    try:
        answer = connection.execute(query).fetchall()
    except DuckError as error:
        raise ReleaseError(f"no content digest of {table or 'these rows'}: {error}", table=table) from error
    digests: dict[object, FileDigest] = {key: FileDigest(count, (low + (high << 64)) % MODULUS) for key, count, low, high in answer}
    return digests or ({} if group_by else {None: FileDigest()})


def digest_files(
    connection: DuckConnection, paths: Sequence[str], schema: Schema, content_columns: Sequence[str], *, table: str = ""
) -> dict[str, FileDigest]:
    """Compute the digests of Parquet files in one query.

    Args:
        connection: an open connection, with its TimeZone set to UTC.
        paths: the files, as DuckDB can open them; they are the answer's keys.
        schema: the Iceberg schema that the files are read under; a column that a file lacks is NULL.
        content_columns: names of the columns that count; their order is that of the field ids.
        table: the table's name, for error messages.

    Raises:
        ReleaseError: a double is NaN, or a file can't be read; the message names table and column.
    """
    if not paths:
        return {}
    relation = f"({scan_sql(paths, schema, filename=True)})"
    found = digest_query(connection, relation, digest_columns(schema, content_columns), "filename", table=table)
    return {path: found.get(path, FileDigest()) for path in paths}


def digest_columns(schema: Schema, content_columns: Sequence[str]) -> list[tuple[str, str]]:
    """Return (name, type) of a schema's content columns in field-id order."""
    fields = sorted(schema.fields, key=lambda field: field.field_id)
    return [(field.name, str(field.field_type)) for field in fields if field.name in content_columns]
