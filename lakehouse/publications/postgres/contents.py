"""What stands in the target's schemas: the release that is shown, our tables, their parts; and whether anything there is somebody else's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from catalog.errors import PublishError
from catalog.settings import PostgresTarget
from lakehouse.publications.postgres.layout import Key
from lakehouse.publications.publication import Shown

RELEASES = "releases"
MARK = "osslake: the rows of the tables in "
"""What the comment of a schema of parts begins with; the other schema's name follows."""
RELEASE_COLUMNS = {
    "release_id": ("text", "the release"),
    "sequence": ("bigint", "its place in the chain of releases, from 1"),
    "dataset": ("text", "the lake that it is of"),
    "as_of_date": ("date", "last day that its metrics speak of"),
    "created_at": ("timestamptz", "when it was made"),
    "published_at": ("timestamptz", "when it was published here"),
    "is_shown": ("boolean", "whether the tables of this schema are those of this release; true for one"),
    "tables": ("jsonb", "the tables of this schema that are the release's, and their rows"),
}


@dataclass(frozen=True)
class PublishedRelease:
    """A row of the table of releases."""

    release_id: str
    sequence: int
    dataset: str
    as_of_date: date
    created_at: datetime
    published_at: datetime
    is_shown: bool
    tables: dict[str, int]

    @property
    def shown(self) -> Shown:
        """Return the release as targets tell it."""
        return Shown(self.release_id, self.sequence, self.as_of_date)


@dataclass(frozen=True)
class PartState:
    """A part that is there: whose it is (empty: nobody's yet), and what its grain's columns were made to."""

    name: str
    table: str
    key: Key


@dataclass(frozen=True)
class Contents:
    """What is there: releases that were published (oldest first), our tables -> how they are cut, and all parts by name."""

    releases: list[PublishedRelease] = field(default_factory=list)
    tables: dict[str, str] = field(default_factory=dict)
    parts: dict[str, PartState] = field(default_factory=dict)

    @property
    def shown(self) -> PublishedRelease | None:
        """The release that the tables are of."""
        return next((release for release in self.releases if release.is_shown), None)

    def parts_of(self, table: str) -> list[str]:
        """Return the parts that hold a table's rows now."""
        return [part.name for part in self.parts.values() if part.table == table]


def parts_schema(target: PostgresTarget) -> str:
    """Return the schema that rows lie in."""
    return f"{target.schema_name}_parts"


def read_releases(connection: Connection[Any], schema: str) -> list[PublishedRelease]:
    """Return what was published to a schema, oldest first.

    Raises:
        PublishError: its table of releases isn't ours.
    """
    # What information_schema shows depends on the user's rights; without any, to_regclass is an error that says so.
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped", [f'"{schema}".{RELEASES}']
    ).fetchall()
    if not found:
        return []
    if not {name for (name,) in found} >= RELEASE_COLUMNS.keys():
        raise PublishError(f"{schema}.{RELEASES} is there, and osslake didn't make it; another schema would be right", schema=schema)
    with connection.cursor(row_factory=class_row(PublishedRelease)) as cursor:
        return cursor.execute(f'SELECT {", ".join(RELEASE_COLUMNS)} FROM "{schema}".{RELEASES} ORDER BY published_at').fetchall()


def read_contents(connection: Connection[Any], target: PostgresTarget, wanted: set[str]) -> Contents:
    """Return what is there.

    Args:
        connection: of PostgreSQL.
        target: which schemas.
        wanted: names of the tables that are to be there.

    Raises:
        PublishError: a schema or a table of a wanted name is somebody else's.
    """
    schema = target.schema_name
    _check_parts_schema(connection, target)
    releases = read_releases(connection, schema)
    tables = dict(
        connection.execute(
            "SELECT relname, CASE relkind WHEN 'p' THEN pg_get_partkeydef(oid) END FROM pg_class"
            " WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I')",
            [f'"{schema}"'],
        ).fetchall()
    )
    ours = {name for release in releases if release.is_shown for name in release.tables} | {RELEASES}
    if not releases and tables.get(RELEASES):  # ours, and somebody dropped the schema of the parts with all rows
        ours |= wanted
    for name in sorted(wanted | {RELEASES}):
        if name in tables and (name not in ours or tables[name] is None):
            raise PublishError(f"{schema}.{name} is there, and osslake didn't make it; rename it, or publish to another schema", table=name)
    return Contents(releases, {name: tables[name] for name in ours if tables.get(name)}, _parts(connection, target))


def _check_parts_schema(connection: Connection[Any], target: PostgresTarget) -> None:
    row = connection.execute(
        "SELECT obj_description(oid, 'pg_namespace'), EXISTS (SELECT FROM pg_class WHERE relnamespace = space.oid) FROM pg_namespace space"
        " WHERE nspname = %s",
        [parts_schema(target)],
    ).fetchone()
    if row and row[0] != MARK + target.schema_name and (row[0] is not None or row[1]):
        raise PublishError(
            f"the schema {parts_schema(target)} is there, and osslake didn't make it; another publish.postgres.schema_name would be right",
            schema=parts_schema(target),
        )


def _parts(connection: Connection[Any], target: PostgresTarget) -> dict[str, PartState]:
    """Return the parts; a key is told from the indexes."""
    rows = connection.execute(
        """
        SELECT part.relname, coalesce(owner.relname, ''),
            coalesce((SELECT max(CASE WHEN indisprimary THEN 2 WHEN indisunique THEN 1 ELSE 0 END) FROM pg_index WHERE indrelid = part.oid), 0)
        FROM pg_class part LEFT JOIN pg_inherits ON inhrelid = part.oid LEFT JOIN pg_class owner ON owner.oid = inhparent
        WHERE part.relnamespace = to_regnamespace(%s) AND part.relkind = 'r'
        """,
        [f'"{parts_schema(target)}"'],
    ).fetchall()
    return {name: PartState(name, owner, Key(key)) for name, owner, key in rows}
