"""Answers that were made, kept for who asks the same: an answer follows from its ETag alone, so none of them ever grows stale."""

from __future__ import annotations

from dataclasses import dataclass

from serving.recent import Recent

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
        self._most_bytes = most_bytes
        self._answers: Recent[KeptAnswer] = Recent(most_bytes, _size)

    @property
    def size(self) -> int:
        """Bytes that they take together, about."""
        return self._answers.size

    def get(self, etag: str) -> KeptAnswer | None:
        """Return the answer with an ETag, if it is kept."""
        return self._answers.get(etag)

    def put(self, etag: str, answer: KeptAnswer) -> None:
        """Keep an answer, unless it is large."""
        if _size(answer) * _SHARE <= self._most_bytes:
            self._answers.put(etag, answer)


def _size(answer: KeptAnswer) -> int:
    return len(answer.content) + _OVERHEAD
