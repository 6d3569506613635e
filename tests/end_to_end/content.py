"""What the rows of two releases say, compared without the release's own digests: which partitions hold rows that differ."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache

from catalog.duck import DuckConnection, connect, identifier
from catalog.query import open_release
from catalog.release_document import ReleasedTable
from end_to_end.lakes import STAGES, Lake

_LABELS = {"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}


@cache
def changed_partitions(lake: Lake, before: str, after: str) -> dict[str, set[str]]:
    """Return, for each table, the partitions in which a row came, went or changed between two releases ('' where a table has none)."""
    found = {}
    releases = {name: lake.release(one) for name, one in (("old", before), ("new", after))}
    with ExitStack() as stack:
        opened = {name: stack.enter_context(open_release(lake.settings, release, STAGES)) for name, release in releases.items()}
        for table in releases["new"].tables:
            if partitions := _changed(opened, table):
                found[table.full_name] = partitions
    return found


def _changed(opened: Mapping[str, DuckConnection], table: ReleasedTable) -> set[str]:
    columns = ", ".join(identifier(name) for name in table.content_columns)
    connection = connect()
    for name, release in opened.items():
        connection.register(name, release.execute(f"SELECT {columns} FROM {table.stage}.{table.name}").to_arrow_table())
    query = f"SELECT DISTINCT {_label(table)} FROM ((FROM old EXCEPT ALL FROM new) UNION ALL (FROM new EXCEPT ALL FROM old))"
    return {row[0] for row in connection.execute(query).fetchall()}


def _label(table: ReleasedTable) -> str:
    """Return an expression for the name of a row's partition, from the table's partition spec."""
    fields = table.partition_spec["fields"]
    if not fields:
        return "''"
    column = next(field["name"] for field in table.schema_["fields"] if field["id"] == fields[0]["source-id"])
    return f"strftime({identifier(column)}, '{_LABELS[fields[0]['transform']]}')"


def rewritten_partitions(lake: Lake, before: str, after: str) -> dict[str, set[str]]:
    """Return, for each table, the partitions whose data files are others in the later release."""
    old = {table.full_name: _files(table) for table in lake.release(before).tables}
    found = {}
    for table in lake.release(after).tables:
        partitions = {partition for _, partition in old[table.full_name] ^ _files(table)}
        if partitions:
            found[table.full_name] = partitions
    return found


def _files(table: ReleasedTable) -> set[tuple[str, str]]:
    return {(file.path, file.partition or "") for file in table.data_files}
