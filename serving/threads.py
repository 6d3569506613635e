"""Threads of their own for what waits for the lake's files, or takes long: however many do, those that ask a replica for little find a thread.

What may never end is done aside, by a thread that can be given up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

FILE_THREADS = 40
"""As many as Starlette has for everything else."""
_POOL = ThreadPoolExecutor(FILE_THREADS, "files")
P = ParamSpec("P")
T = TypeVar("T")


async def run_apart(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Return what a function returns that may wait for the store."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, partial(function, *arguments, **named))


async def iterate_apart(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces of an iterator that may wait for the store."""
    while (piece := await run_apart(next, pieces, None)) is not None:
        yield piece


class Aside:
    """A thread that does one thing after the other for somebody who may give it up; it then goes on alone, and keeps no process from ending.

    Args:
        name: the thread's.
        last: what it does at the end of the `with` block, when all before is done; nobody waits for it.
    """

    def __init__(self, name: str, last: Callable[[], object] | None = None) -> None:
        self._last = last
        self._wanted: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._last is not None:
            self._wanted.put((self._last, Future()))
        self._wanted.put(None)

    def result(self, function: Callable[[], T], wait_s: float, look_s: float, is_hopeless: Callable[[], bool]) -> T:
        """Return what a function returns.

        Args:
            function: what the thread is to do.
            wait_s: how long it may take.
            look_s: how often is looked whether to go on waiting is hopeless.
            is_hopeless: tells that.

        Raises:
            TimeoutError: it didn't end in time, or waiting is hopeless.
        """
        until, made = time.monotonic() + wait_s, Future[T]()
        self._wanted.put((function, made))
        while True:
            left_s = max(until - time.monotonic(), 0.0)
            try:
                return made.result(min(left_s, look_s))
            except TimeoutError:
                if made.done() or left_s <= look_s or is_hopeless():
                    raise

    def _work(self) -> None:
        while (wanted := self._wanted.get()) is not None:
            function, made = wanted
            try:
                made.set_result(function())
            except BaseException as error:
                made.set_exception(error)
