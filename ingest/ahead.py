"""Reading ahead: the next item is made in a thread while the last one is used, so that both keep a core busy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def read_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items while the next one is made; at most two exist at a time."""
    iterator = iter(items)
    end = object()
    pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    try:
        coming = pool.submit(next, iterator, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, iterator, end)
            yield item  # type: ignore[misc]  # `end` is told apart above
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # who ends early does not wait for an item that a server may keep back for long
