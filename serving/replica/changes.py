"""Which days of the tables of series differ between two releases."""

from __future__ import annotations

from catalog.partitions import bounds_of, partition_digests
from catalog.releases import Release, ReleasedTable
from serving.replica.layout import EPOCH
from serving.resources import SERIES_TABLES

Spans = dict[str, list[tuple[int, int]]]


def changed_spans(before: Release, release: Release) -> Spans:
    """Return for each table of series the days that differ, as (first, end) in days since 1970; a table that is to be read whole is left out."""
    old = {table.name: table for table in before.tables if table.stage == "marts" and table.name in SERIES_TABLES}
    spans: Spans = {}
    for table in release.tables:
        if table.stage == "marts" and table.name in old and _is_alike(old[table.name], table):
            first, second = partition_digests(old[table.name]), partition_digests(table)
            differing = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
            bounds = [bounds_of(table, name) for name in differing]
            spans[table.name] = [((one.first - EPOCH).days, (one.end - EPOCH).days) for one in bounds]
    return spans


def _is_alike(one: ReleasedTable, other: ReleasedTable) -> bool:
    """Tell whether both are cut by the same partitions of the days, and have the same columns."""
    is_cut = bool(other.partition_spec["fields"])
    return is_cut and (one.partition_spec["fields"], one.content_columns) == (other.partition_spec["fields"], other.content_columns)
