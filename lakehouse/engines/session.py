"""What an engine offers around the models: SQL that DuckDB and Trino take alike, and control tables that are replaced whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from catalog.duck import quoted
from catalog.errors import OsslakeError

if TYPE_CHECKING:
    from lakehouse.raw_binding import RawPin

PINNED = "pinned"
_MOST_SQL_CHARACTERS = 500_000


class Session(ABC):
    """A connection to an engine. Control tables are small; each statement changes one of them, whole or not at all."""

    @abstractmethod
    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement that both engines understand and return its rows.

        Raises:
            TransformError: the engine refuses it.
        """

    @abstractmethod
    def bind_raw(self, pins: Mapping[str, RawPin]) -> None:
        """Make a view `pinned.<table>` over each raw table as it is in the pinned snapshot."""

    @abstractmethod
    def scan(self, pin: RawPin, files: Mapping[str, int | None], snapshot_id: int | None) -> str:
        """Return a query over some of a raw table's data files, all of which stand in one snapshot."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Group statements where the engine can; elsewhere their order must be such that a kill between any two does no harm."""
        yield

    def value(self, query: str) -> Any:
        """Return the first column of a query's first row; None without rows."""
        found = self.rows(query)
        return found[0][0] if found else None

    def append(self, table: str, query: str) -> None:
        """Add the rows of a query to a control table."""
        self.rows(f"INSERT INTO control.{table} {query}")

    def replace(self, table: str, query: str) -> None:
        """Let a control table hold the rows of a query, and nothing else."""
        self.rows(f"CREATE OR REPLACE TABLE control.{table} AS {query}")

    def replace_values(self, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """Let a control table hold these rows. More than a statement can hold are added in further ones.

        Args:
            columns: names and SQL types, as after CREATE TABLE.
        """
        first, *more = _batches(rows)
        self.replace(table, values_query(columns, first))
        for batch in more:
            self.append(table, values_query(columns, batch))

    def clear(self, table: str) -> None:
        """Empty a control table."""
        self.rows(f"DELETE FROM control.{table}")


class Engine(ABC):
    """Where models run."""

    name: str

    @abstractmethod
    def gateway(self) -> Any:
        """Return SQLMesh's gateway: the connection of the models and that of SQLMesh's own state."""

    @abstractmethod
    def prepare(self, context: Any) -> None:
        """Make SQLMesh's own connection ready to read the lake."""

    @abstractmethod
    def session(self) -> AbstractContextManager[Session]:
        """Open a connection; on DuckDB nothing else may have the lake's file open meanwhile.

        Raises:
            EngineUnavailableError: the engine can't be reached.
        """

    def silence(self, error: BaseException) -> OsslakeError | None:  # noqa: ARG002 - for engines that need a server
        """Return our own error where one comes of a server that didn't answer; None where it comes of something else."""
        return None

    @abstractmethod
    def cancel_others(self, tag: str) -> None:
        """Cancel what earlier holders of the lake left running; `tag` marks the queries of this one.

        Raises:
            TransformError: it can't be cancelled.
        """

    @abstractmethod
    def is_built(self) -> bool:
        """Tell whether there is anything that a transformation made."""


def values_query(columns: str, rows: Sequence[Sequence[Any]]) -> str:
    """Return a query that gives literal rows under declared names and types; also without rows."""
    declared = [column.strip().split(" ", 1) for column in columns.split(",")]
    names = ", ".join(name for name, _ in declared)
    casts = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in declared)
    listed = ", ".join(f"({_literals(row)})" for row in rows or [[None] * len(declared)])
    return f"SELECT {casts} FROM (VALUES {listed}) AS literal_rows({names}){'' if rows else ' WHERE false'}"


def _literals(row: Sequence[Any]) -> str:
    return ", ".join(_literal(value) for value in row)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return str(value) if isinstance(value, int) else f"'{quoted(str(value))}'"


def _batches(rows: Sequence[Sequence[Any]]) -> list[list[Sequence[Any]]]:
    """Cut rows into statements of bearable length; one batch at least."""
    batches: list[list[Sequence[Any]]] = [[]]
    length = 0
    for row in rows:
        length += len(_literals(row))
        if length > _MOST_SQL_CHARACTERS and batches[-1]:
            batches.append([])
            length = len(_literals(row))
        batches[-1].append(row)
    return batches
