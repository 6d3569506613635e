"""How a replica lays a release's tables down in SQLite: names, types, and the values that stand for dates, times and truth values.

content            one row: release, format, when it was built, and the release's document
tables             each table of the marts: its content digest, and where its rows lie
<table>            its columns, in the order of the release's grain (rowid counts from 1), and `_json`, the row as the API prints it
series_entities    entity_row, level, entity_id
series_metrics     metric_row, metric_name, metric_id, unit
series_<level>     (entity_row, metric_row) -> points (packed.py)
located_...        what the data files of large tables hold (whereabouts.py)
search...          names to be searched (search.py)
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.arrow_types import ARROW_TYPES
from catalog.release_document import ReleasedTable

JSON_COLUMN = "_json"
EPOCH = date(1970, 1, 1)
_SQLITE_TYPES = {
    "string": "TEXT",
    "long": "INTEGER",
    "int": "INTEGER",
    "double": "REAL",
    "boolean": "INTEGER",
    "date": "INTEGER",
    "timestamptz": "INTEGER",
}


def columns_of(table: ReleasedTable) -> dict[str, str]:
    """Return the columns of a table by their ids: name -> Iceberg type."""
    fields = sorted(table.schema_["fields"], key=lambda field: int(field["id"]))
    return {field["name"]: str(field["type"]) for field in fields}


def sqlite_type(kind: str) -> str:
    """Return SQLite's type for an Iceberg type."""
    return _SQLITE_TYPES[kind]


def stored_values(column: pa.Array, kind: str) -> list[Any]:
    """Return a column's values as SQLite keeps them: days since 1970, microseconds since 1970, 0 and 1."""
    if kind == "date":
        column = column.cast(pa.int32())
    elif kind == "timestamptz":
        column = column.cast(ARROW_TYPES[kind]).cast(pa.int64())
    elif kind == "boolean":
        column = column.cast(pa.int8())
    values: list[Any] = column.to_pylist()
    return values


def stored_value(value: Any) -> Any:
    """Return one value as SQLite keeps it."""
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    if isinstance(value, date):
        return (value - EPOCH).days
    return int(value) if isinstance(value, bool) else value


def loaded_value(value: Any, kind: str) -> Any:
    """Return what SQLite keeps as a value of the Iceberg type."""
    if value is None:
        return None
    if kind == "timestamptz":
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    if kind == "date":
        return EPOCH + timedelta(days=value)
    return bool(value) if kind == "boolean" else value


def arrow_column(values: list[Any], kind: str) -> pa.Array:
    """Return values of SQLite as a column of the Iceberg type."""
    if kind == "boolean":
        return pc.cast(pa.array(values, pa.int8()), pa.bool_())
    if kind == "date":
        return pa.array(values, pa.int32()).cast(pa.date32())
    return pa.array(values, ARROW_TYPES[kind])
