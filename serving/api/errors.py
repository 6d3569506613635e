"""What a request that can't be answered raises: a status, and a sentence that says what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rapidfuzz import fuzz, process

_COMPARED = 200
"""Characters of a name that isn't known by which near ones are found."""


class RequestError(Exception):
    """A request can't be answered.

    Attributes:
        status: of the answer.
        values: members of the problem document beside `detail`.
        headers: of the answer.
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, **values: Any) -> None:
        super().__init__(detail)
        self.status, self.values, self.headers = status, values, headers or {}


def unknown(what: str, name: str, known: Iterable[str], status: int = 400, **values: Any) -> RequestError:
    """Return the error for a name that isn't known, with the names that are near it."""
    names = list(known)
    near = [one for one, _, _ in process.extract(name[:_COMPARED], names, scorer=fuzz.ratio, limit=3, score_cutoff=50.0)]
    shown = name if len(name) <= 100 else f"{name[:100]}..."
    if near:
        return RequestError(status, f"there is no {what} {shown!r}; is {' or '.join(near)} meant?", near=near, **values)
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return RequestError(status, f"there is no {what} {shown!r}" + (f"; known are {listed}" if names else ""), near=[], **values)
