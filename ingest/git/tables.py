"""Arrow tables for raw tables: rows become columns with the types that the catalog declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from catalog.arrow_types import ARROW_TYPES
from catalog.datasets import Column, Dataset
from catalog.raw_tables import REJECTED

_OF_THE_LOADER = frozenset({"_load_id", "_loaded_at"})


def loaded_columns(dataset: Dataset) -> list[Column]:
    """Return the columns that a load brings: all but those that the loader adds."""
    return [column for column in dataset.columns if column.name not in _OF_THE_LOADER]


def load_schema(dataset: Dataset) -> pa.Schema:
    """Return the Arrow schema of a load's rows for a raw table."""
    return pa.schema([pa.field(column.name, ARROW_TYPES[column.type]) for column in loaded_columns(dataset)])


def rejected_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows for `raw.rejected`, each given as a mapping of its columns."""
    return pa.Table.from_pylist(list(rows), schema=load_schema(REJECTED))
