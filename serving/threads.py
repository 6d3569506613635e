"""Threads of their own for what waits for the lake's files, or takes long: however many do, those that ask a replica for little find a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

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
