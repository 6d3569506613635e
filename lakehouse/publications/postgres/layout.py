"""How a released table stands in PostgreSQL: types, key, indexes, the parts that hold its rows, and their names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from psycopg import sql

from catalog.canonical import canonical_json
from catalog.errors import PublishError
from catalog.partitions import bounds_of
from catalog.release_document import ReleasedTable
from lakehouse.publications.changes import TablePartition, partitions_of

TEXT = 'text COLLATE "C"'
"""Texts have the order of their bytes, as in the lake's other readers: indexes cost a third less, and no new version of the system's locales spoils them."""
TYPES = {  # in the words in which PostgreSQL tells them
    "string": TEXT,
    "long": "bigint",
    "int": "integer",
    "double": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamptz": "timestamp with time zone",
}
INDEXED = ("project_id", "collection_id", "artifact_id", "artifact_name", "metric_name")
"""Columns that readers look rows up by, and those whose names end so (`to_artifact_id`); what begins the key needs no index of its own."""
LAYOUT = 3
"""Part of a part's name: another layout of the same rows is another part."""
_NAME_LENGTH = 46
_HASH_DIGITS = 16


class Key(IntEnum):
    """What the grain's columns are made to, by what the rows allow: NULLs are no part of a primary key, and a grain may be declared and not hold."""

    PLAIN = 0
    UNIQUE = 1
    PRIMARY = 2


@dataclass(frozen=True)
class Part:
    """The rows of one partition of a table; `bounds` are None where it has but one."""

    name: str
    partition: TablePartition
    bounds: tuple[str, date, date] | None


@dataclass(frozen=True)
class TableLayout:
    """A table's columns with PostgreSQL's types, the columns of its key, how it is cut, and its parts by name."""

    released: ReleasedTable
    types: dict[str, str]
    key: tuple[str, ...]
    cut_by: str
    parts: dict[str, Part]

    @property
    def name(self) -> str:
        """The table's name."""
        return self.released.name

    @property
    def indexed(self) -> list[str]:
        """Columns with an index of their own."""
        return [name for name in self.types if name.endswith(INDEXED) and name != self.key[0]]

    @property
    def comments(self) -> dict[str, str]:
        """The table's comment under "", and those of its columns by name."""
        return {"": self.released.description} | {field["name"]: field.get("doc") or "" for field in self.released.schema_["fields"]}

    def columns(self) -> sql.Composed:
        """Return names and types, as CREATE TABLE takes them."""
        return sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in self.types.items())


def layout_of(table: ReleasedTable) -> TableLayout:
    """Return how a table stands in PostgreSQL.

    Raises:
        PublishError: a column is of a type that has none there, or the table is cut otherwise than by year, month or day.
    """
    fields = table.schema_["fields"]
    strange = next((field for field in fields if str(field["type"]) not in TYPES), None)
    if strange:
        raise PublishError(
            f"{table.full_name}: PostgreSQL has no type for column {strange['name']}, {strange['type']}", table=table.full_name
        )
    types = {field["name"]: TYPES[field["type"]] for field in fields}
    source = next((field["source-id"] for field in table.partition_spec["fields"]), None)
    column = next((field["name"] for field in fields if field["id"] == source), "")
    key = _key(table.grain, column)
    parts = [_part(table, partition) for partition in partitions_of(table)] if column else [_part(table, _all_rows(table))]
    cut_by = f"RANGE ({column})" if column else f"LIST ({table.grain[0]})"
    return TableLayout(table, types, key, cut_by, {part.name: part for part in parts})


def _key(grain: Sequence[str], cut_by: str) -> tuple[str, ...]:
    """Return the grain's columns, and the one that the table is cut by, which a partitioned table's key has to hold.

    What readers look rows up by stands first: the key then serves as its index, and costs half of what it costs in the grain's order,
    since files are sorted by what happened to whom, and when.
    """
    first = next((name for name in grain if name.endswith(INDEXED)), grain[0])
    outside = [cut_by] if cut_by and cut_by not in grain else []
    return tuple(dict.fromkeys([first, *outside, *grain]))


def _all_rows(table: ReleasedTable) -> TablePartition:
    """Return the only partition of a table that has none, without rows too."""
    return next(iter(partitions_of(table)), TablePartition("", "0" * 32, 0, ()))


def _part(table: ReleasedTable, partition: TablePartition) -> Part:
    bounds = bounds_of(table, partition.name) if partition.name else None
    content = {
        "layout": LAYOUT,
        "table": table.full_name,
        "columns": [[field["name"], field["type"]] for field in table.schema_["fields"]],
        "grain": table.grain,
        "partition": [partition.name, table.partition_spec["fields"]],
        "rows": [partition.row_count, partition.content_digest],
    }
    digits = hashlib.sha256(canonical_json(content)).hexdigest()[:_HASH_DIGITS]
    return Part(f"{table.name[:_NAME_LENGTH]}_{digits}", partition, (bounds.column, bounds.first, bounds.end) if bounds else None)
