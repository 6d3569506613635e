"""Queries of DuckDB that are ended at their time, and what is told of those that fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.duck import DuckConnection, DuckError
from catalog.errors import OsslakeError, QueryError, StorageError

AGAIN_S = 0.02
"""Between two interrupts of a query that goes on."""


def too_slow(timeout_s: float) -> QueryError:
    """Return the error of a question that was not answered in its time."""
    return QueryError(f"the query took more than {timeout_s:g} s; a narrower filter would do", timeout_s=timeout_s)


def failed_query(error: DuckError, read: str) -> OsslakeError:
    """Return what is told of a query that failed by itself.

    Args:
        error: DuckDB's.
        read: what it read.
    """
    if "Out of Memory Error" in str(error):
        return QueryError("the query needs more memory than it may have; a narrower filter would do")
    return StorageError(f"{read} can't be read: {' '.join(str(error).split())[:200]}")


@contextmanager
def ended_in_time(cursor: DuckConnection, timeout_s: float, read: str, waited_s: float = 0.0) -> Iterator[None]:
    """Interrupt what a cursor does in the block when its time is over; afterwards the cursor can be used again.

    Args:
        cursor: used in the block alone.
        timeout_s: for all queries of the block together.
        read: what the queries read, for the message.
        waited_s: what of that time is over.

    Raises:
        QueryError: it took too long, or too much memory.
        StorageError: what is read can't be read.
    """
    is_late, is_over, changing = threading.Event(), threading.Event(), threading.Lock()

    def end() -> None:
        while not is_over.wait(AGAIN_S if is_late.is_set() else 0.0):
            with changing:
                if not is_over.is_set():
                    is_late.set()
                    cursor.interrupt()  # which a query that is only about to begin forgets

    timer = threading.Timer(max(timeout_s - waited_s, 0.0), end)
    timer.start()
    try:
        yield
    except DuckError as error:
        raise (too_slow(timeout_s) if is_late.is_set() else failed_query(error, read)) from error
    finally:
        timer.cancel()
        with changing:
            is_over.set()
