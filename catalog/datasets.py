"""How a table is declared: its columns with their meaning, its grain, its partitions, its licence.

Raw tables are declared in `catalog.raw_tables`. Intermediate tables and marts are declared where they are computed, in the
headers of their models, and arrive here by the same class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["string", "long", "int", "double", "boolean", "date", "timestamptz", "list<string>"]
Transform = Literal["day", "month", "year"]
Stage = Literal["raw", "intermediate", "marts"]


@dataclass(frozen=True)
class Column:
    """A column: Iceberg's type, and what it means.

    `is_content` is False for columns that tell of the loading (`_loaded_at`) and so stand outside the content digest.
    """

    name: str
    type: ColumnType
    comment: str
    is_required: bool = False
    is_content: bool = True


@dataclass(frozen=True)
class Partitioning:
    """One partition field: a transform of a date or a time column."""

    column: str
    transform: Transform


@dataclass(frozen=True)
class Dataset:
    """A declared table.

    Attributes:
        stage: its namespace.
        name: its name inside the namespace.
        description: what a row is, in a sentence or two.
        columns: in the order of their field ids, from 1.
        grain: the columns that name a row.
        partitioning: how it is cut into partitions, if it is.
        sorted_by: the columns by which the rows of a file are sorted before those of the grain.
        licence: SPDX expression or the upstream's own words.
        upstream: where the rows come from.
    """

    stage: Stage
    name: str
    description: str
    columns: tuple[Column, ...]
    grain: tuple[str, ...]
    partitioning: Partitioning | None = None
    sorted_by: tuple[str, ...] = ()
    licence: str = "Apache-2.0"
    upstream: str = ""

    @property
    def identifier(self) -> tuple[str, str]:
        """Namespace and name, as Iceberg's catalogs take them."""
        return (self.stage, self.name)

    @property
    def full_name(self) -> str:
        """`stage.name`."""
        return f"{self.stage}.{self.name}"

    @property
    def order(self) -> tuple[str, ...]:
        """Names of the columns by which the rows of a file are sorted; no two rows have the same place."""
        return tuple(dict.fromkeys((*self.sorted_by, *self.grain)))

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)
