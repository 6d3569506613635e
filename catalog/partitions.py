"""The partitions of a released table: what is in each, and the days that it is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from catalog.digests import FileDigest
from catalog.errors import ReleaseError
from catalog.release_document import ReleasedTable

_BOUND = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")


@dataclass(frozen=True)
class PartitionBounds:
    """The days of a partition by year, month or day: from `first` on, before `end`, of a date column or (in UTC) a time column."""

    column: str
    first: date
    end: date


def partition_digests(table: ReleasedTable) -> dict[str, FileDigest]:
    """Return the row count and content digest of each partition of a table; "" is that of one without partitions."""
    partitions: dict[str, FileDigest] = {}
    for file in table.data_files:
        digest = FileDigest(file.row_count or 0, int(file.content_digest or "0", 16))
        partitions[file.partition or ""] = partitions.get(file.partition or "", FileDigest()) + digest
    return partitions


def cut_by(table: ReleasedTable) -> str | None:
    """Return the column by whose years, months or days a table is cut; None for a table that is not cut so."""
    fields = table.partition_spec["fields"]
    if len(fields) != 1 or fields[0]["transform"] not in ("year", "month", "day"):
        return None
    return next((str(field["name"]) for field in table.schema_["fields"] if field["id"] == fields[0]["source-id"]), None)


def bounds_of(table: ReleasedTable, partition: str) -> PartitionBounds:
    """Return the days of a partition of a table that is cut by year, month or day.

    Raises:
        ReleaseError: it is cut otherwise.
    """
    column, found = cut_by(table), _BOUND.fullmatch(partition)
    if column is None or not found:
        raise ReleaseError(f"{table.full_name}: partition {partition!r} is none by year, month or day", table=table.full_name)
    year, month, day = (int(part) if part else None for part in found.groups())
    first = date(year or 1, month or 1, day or 1)
    if day:
        return PartitionBounds(column, first, first + timedelta(days=1))
    return PartitionBounds(column, first, month_after(first) if month else date(first.year + 1, 1, 1))


def month_after(month: date) -> date:
    """Return the first day of the month after that which begins on a day."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
