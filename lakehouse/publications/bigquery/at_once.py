"""The same work for several tables at once, in threads: who asks BigQuery mostly waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import TypeVar

AT_ONCE = 4
"""Requests at a time: Google's client keeps 10 connections, and BigQuery takes 100 requests a second from one user. More uploads share one line."""

Given = TypeVar("Given")
Made = TypeVar("Made")


def at_once(
    work: Callable[[Given], Made],
    given: Iterable[Given],
    *,
    came: Callable[[], None] = lambda: None,
    stop: Event | None = None,
) -> list[Made]:
    """Do work for each of several things, some of them at a time; return what it gave, as it came.

    Where work fails, or somebody interrupts, no more is begun, what goes on is awaited, and the first error is raised.

    Args:
        work: done in a thread of its own.
        given: the things; those that take longest come best first.
        came: called after each, in the caller's thread.
        stop: set when no more is wanted, so that work that goes on can leave off by `StoppedError`.
    """
    made = []
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="bigquery") as pool:
        futures = [pool.submit(work, one) for one in given]
        try:
            for future in as_completed(futures):
                made.append(future.result())
                came()
        finally:
            if stop:
                stop.set()
            pool.shutdown(cancel_futures=True)
    return made
