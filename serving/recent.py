"""Things that are kept by name, those that were asked for last, as many as fit into a bound."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Recent(Generic[Thing]):
    """Things by name; safe to use from several threads.

    Args:
        most: size that they may have together; one alone is kept whatever its size.
        size_of: tells the size of one.
    """

    def __init__(self, most: int, size_of: Callable[[Thing], int]) -> None:
        self._most, self._size_of = most, size_of
        self.size = 0
        self._things: OrderedDict[str, Thing] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str) -> Thing | None:
        """Return what is kept under a name."""
        with self._lock:
            found = self._things.get(name)
            if found is not None:
                self._things.move_to_end(name)
            return found

    def put(self, name: str, thing: Thing) -> None:
        """Keep a thing, unless one of its name is kept; those that nobody asked for the longest time are let go."""
        with self._lock:
            if name in self._things:
                return
            self._things[name] = thing
            self.size += self._size_of(thing)
            while self.size > self._most and len(self._things) > 1:
                self.size -= self._size_of(self._things.popitem(last=False)[1])
