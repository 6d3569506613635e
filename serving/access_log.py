"""The access log: a JSON object a line for each request, written at once, so that lines of several workers never mix."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.types import Scope

from serving.visits import Visit

STANDARD_ERROR = 2
MAX_CHARACTERS = 500
"""Of a path and of a query string."""
MAX_AGENT = 200
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


class AccessLog:
    """Writes lines to a file descriptor; where that can't be written, requests are answered all the same."""

    def __init__(self, descriptor: int = STANDARD_ERROR) -> None:
        self._descriptor = descriptor

    def write(self, scope: Scope, visit: Visit, answer: dict[str, Any]) -> None:
        """Write the line of a request.

        Args:
            answer: status (0: none was sent), bytes, duration_ms, release_id and cost (None where they don't apply).
        """
        line = {
            "event": "request",
            "time": datetime.now(UTC),
            "request_id": visit.request_id,
            "method": scope["method"],
            "path": scope["path"][:MAX_CHARACTERS],
            "query": scope["query_string"][:MAX_CHARACTERS].decode("latin-1"),
            "client": visit.client,
            "user_agent": visit.user_agent[:MAX_AGENT],
            **answer,
        }
        with suppress(OSError, orjson.JSONEncodeError):
            os.write(self._descriptor, orjson.dumps(line, option=_OPTIONS))
