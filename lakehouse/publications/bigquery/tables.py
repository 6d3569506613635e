"""What a table of a release looks like in BigQuery: columns, partitions, clusters, descriptions, labels; and which tables there are ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from google.cloud import bigquery

from catalog.errors import PublishError
from catalog.release_document import ReleasedTable
from catalog.releases import Release

SQL_TYPES = {
    "string": "STRING",
    "long": "INTEGER",
    "int": "INTEGER",
    "double": "FLOAT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamptz": "TIMESTAMP",
}
"""Iceberg's type -> BigQuery's, as its API calls it (in SQL INT64, FLOAT64, BOOL)."""
OWNER_LABEL, RELEASE_LABEL, SCHEMA_LABEL, ROLE_LABEL = "osslake", "release", "schema_version", "role"
STAGING, EXTERNAL = "staging", "external"
"""Roles of tables that hold no rows of a release for good; one that does has none."""
_CLUSTERED = 4
_PARTITIONS = {"year": "YEAR", "month": "MONTH", "day": "DAY"}
_LABEL_CHARACTERS = 63
_TABLE_CHARACTERS, _COLUMN_CHARACTERS = 16_384, 1_024


def columns_of(table: ReleasedTable) -> list[bigquery.SchemaField]:
    """Return a table's columns, all nullable, with their comments.

    Raises:
        PublishError: a column's type has no place there.
    """
    return [_column(table, field) for field in table.schema_["fields"]]


def _column(table: ReleasedTable, field: dict[str, Any]) -> bigquery.SchemaField:
    kind = field["type"] if isinstance(field["type"], str) else field["type"]["type"]
    if kind not in SQL_TYPES:
        raise PublishError(
            f"{table.full_name}: column {field['name']} is a {kind}, which is not published to BigQuery; known are {', '.join(SQL_TYPES)}",
            table=table.full_name,
        )
    return bigquery.SchemaField(field["name"], SQL_TYPES[kind], description=str(field.get("doc", ""))[:_COLUMN_CHARACTERS])


def released_table(reference: bigquery.TableReference, table: ReleasedTable, release: Release) -> bigquery.Table:
    """Return a table of a release as it is to be created, without rows."""
    made = bigquery.Table(reference, schema=columns_of(table))
    made.time_partitioning = _partitioning(table)
    made.clustering_fields = _clusters(table)
    made.description = described(table)
    made.labels = labels_of(table, release)
    return made


def _partitioning(table: ReleasedTable) -> bigquery.TimePartitioning | None:
    fields = table.partition_spec["fields"]
    if not fields:
        return None
    names = {field["id"]: field["name"] for field in table.schema_["fields"]}
    return bigquery.TimePartitioning(type_=_PARTITIONS[fields[0]["transform"]], field=names[fields[0]["source-id"]])


def _clusters(table: ReleasedTable) -> list[str] | None:
    """Return the first columns of the grain that rows can be clustered by."""
    fitting = {column.name for column in columns_of(table) if column.field_type != "FLOAT"}
    return [name for name in table.grain if name in fitting][:_CLUSTERED] or None


def described(table: ReleasedTable) -> str:
    """Return a table's description: what a row is, its grain, its licence."""
    grain = f"A row for each {', '.join(table.grain)}." if table.grain else ""
    return " ".join(part for part in (table.description, grain, f"Licence: {table.licence}.") if part)[:_TABLE_CHARACTERS]


def labels_of(table: ReleasedTable, release: Release) -> dict[str, str]:
    """Return a table's labels: whose it is, the release's number with the beginning of its hash, major and minor version of the schema."""
    major = re.search(r"_v(\d+)$", table.name)
    version = f"{major.group(1) if major else 0}-{table.schema_['schema-id']}"
    return {OWNER_LABEL: owner(release), RELEASE_LABEL: release_label(release), SCHEMA_LABEL: version}


def release_label(release: Release) -> str:
    """Return a release's id as far as a label may hold it."""
    sequence, _, sha256 = release.id.partition("-")
    return f"{sequence}-{sha256[:16]}"


def owner(release: Release) -> str:
    """Return what tells the tables of this lake from others: the logical bucket's name."""
    return release.document.dataset[:_LABEL_CHARACTERS]


def missing_columns(found: Sequence[bigquery.SchemaField], table: ReleasedTable) -> list[bigquery.SchemaField]:
    """Return the columns that a table with these lacks to take a release's rows.

    Raises:
        PublishError: a column that it has is of another type, or one that it lacks has no place there.
    """
    there = {column.name: column for column in found}
    missing = []
    for column in columns_of(table):
        if column.name not in there:
            missing.append(column)
        elif there[column.name].field_type != column.field_type:
            raise PublishError(
                f"{table.name}: column {column.name} is {there[column.name].field_type} in BigQuery, and {column.field_type} in the release;"
                " drop that table there, and publish again",
                table=table.name,
            )
    return missing


def commented(columns: Sequence[bigquery.SchemaField], table: ReleasedTable) -> list[bigquery.SchemaField]:
    """Return columns as they are there, with the comments of the release; those that the release lacks stay."""
    wanted = {column.name: column for column in columns_of(table)}
    return [wanted.get(column.name, column) for column in columns]
