"""Answers that were made, kept for who asks the same: an answer follows from its ETag alone, so none of them ever grows stale."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

_SHARE = 16
"""One answer may take this part of the memory at most."""
_OVERHEAD = 1_000
"""Bytes that an answer takes beside its content, about."""


@dataclass(frozen=True)
class KeptAnswer:
    """An answer as it was sent: its bytes, packed where they were, and the headers that go with them."""

    content: bytes
    headers: dict[str, str]
    media_type: str


class KeptAnswers:
    """Answers by their ETag, those that were asked for last. What they take together is bounded."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._answers: OrderedDict[str, KeptAnswer] = OrderedDict()
        self._lock = Lock()

    @property
    def size(self) -> int:
        """Bytes that they take together, about."""
        return self._bytes

    def get(self, etag: str) -> KeptAnswer | None:
        """Return the answer with an ETag, if it is kept."""
        with self._lock:
            found = self._answers.get(etag)
            if found is not None:
                self._answers.move_to_end(etag)
            return found

    def put(self, etag: str, answer: KeptAnswer) -> None:
        """Keep an answer, unless it is large; those that nobody asked for the longest time are let go."""
        size = _size(answer)
        if size * _SHARE > self._most_bytes:
            return
        with self._lock:
            if etag in self._answers:
                return
            self._answers[etag] = answer
            self._bytes += size
            while self._bytes > self._most_bytes:
                self._bytes -= _size(self._answers.popitem(last=False)[1])


def _size(answer: KeptAnswer) -> int:
    return len(answer.content) + _OVERHEAD
