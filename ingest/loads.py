"""A load: what one unit of a source (hour files, a directory, a repository) brings to the raw tables.

A load's id is derived from what it loads, never from the clock, so that loading the same again is found out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True)
class Replaced:
    """Rows that a load takes the place of: those whose `column` is one of `values`."""

    column: str
    values: frozenset[str]


@dataclass(frozen=True)
class Load:
    """Rows for raw tables, committed exactly once.

    Attributes:
        id: from `load_id`.
        source: gharchive, oss_directory or git.
        tables: raw table's name to its rows, without the columns `_load_id` and `_loaded_at`; loaded in this order,
            so the table that serves as the source's cursor comes last.
        cursor: how far the source has been read with this load, by name; it stands in the summary of each snapshot beside the id.
        replaces: raw table's name to the rows that go in the same commit (also for tables without new rows).
        units: how many units of the source it brings: hours, directories or repositories.
        files: how many source files (or repositories) it read.
        bytes: how many bytes it read.
        rejected: reason to count.
        notes: what a person should know: files that were cut, the first records that were rejected.
        record_tables: the tables whose rows are the source's records (not its ledger, not what is derived from a record).
    """

    id: str
    source: str
    tables: Mapping[str, pa.Table]
    cursor: Mapping[str, str] = field(default_factory=dict)
    replaces: Mapping[str, Replaced] = field(default_factory=dict)
    files: int = 1
    units: int = 1
    bytes: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    record_tables: frozenset[str] = frozenset()


def load_id(source: str, *parts: str) -> str:
    """Return the id of a load: SHA-256 hex over the source's name and what tells its content apart."""
    return hashlib.sha256("\x1f".join((source, *parts)).encode()).hexdigest()


Loads = Iterator[Load]
