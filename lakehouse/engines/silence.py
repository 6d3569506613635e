"""Servers that don't answer, told from those that refuse: SQLMesh wraps both alike, so the whole chain of causes is looked at."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.errors import AGAIN, EngineUnavailableError


def find_silence(error: BaseException, trino: str, postgres: str) -> EngineUnavailableError | None:
    """Return our own error where one comes of a server that didn't answer; None where it comes of something else.

    Args:
        error: what was caught.
        trino: where Trino is, as host and port.
        postgres: where the database of the models' state is.
    """
    from psycopg2 import InterfaceError, OperationalError
    from trino.exceptions import HttpError, TrinoConnectionError

    for cause in causes(error):
        if isinstance(cause, EngineUnavailableError):
            return cause
        said = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        if isinstance(cause, InterfaceError | OperationalError):
            return EngineUnavailableError(f"PostgreSQL at {postgres}, which keeps the models' state, does not answer: {said}; {AGAIN}")
        if isinstance(cause, HttpError | TrinoConnectionError):
            return EngineUnavailableError(f"Trino at {trino} does not answer ({said.partition(': ')[0]}); {AGAIN}")
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what it comes of, and so on."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
