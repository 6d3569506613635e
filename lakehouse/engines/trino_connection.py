"""Connections to Trino of a run that holds the lake, down to each request.

A statement is posted and does not begin before its answer is asked for the first time, and nobody else sees it until then. So a run that stood
still in between must not ask either: not the statement is checked but each request.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from requests import PreparedRequest, Response, Session

from lakehouse.lock import check_tag


class HeldSession(Session):
    """HTTP for as long as the lake is held; what ends a query may be sent later too."""

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__()
        self._check = check

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        """Send a request."""
        if request.method in ("GET", "POST"):
            self._check()
        return super().send(request, **options)


def connect_held(*, source: str, **options: Any) -> Any:
    """Connect to Trino; the source, which is the tag of the run that holds the lake, marks all queries."""
    from trino.dbapi import connect

    session = HeldSession(partial(check_tag, source))
    return connect(**options, source=source, client_tags=[source], http_session=session)  # type: ignore[no-untyped-call]
