"""Where requests come in and answers go out: each gets its id, is measured, and is logged."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access_log import AccessLog
from serving.api.answers import RELEASE_HEADER
from serving.api.costs import COST_HEADER
from serving.clients import Clients
from serving.prometheus import Meters
from serving.visits import KEY, read_visit

REQUEST_ID_HEADER = "X-Request-Id"
_REQUEST_ID = REQUEST_ID_HEADER.lower().encode()
_RELEASE, _COST = RELEASE_HEADER.lower().encode(), COST_HEADER.lower().encode()


class Reception:
    """Middleware around all others."""

    def __init__(self, app: ASGIApp, clients: Clients, meters: Meters, log: AccessLog | None) -> None:
        self.app, self.clients, self.meters, self.log = app, clients, meters, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and look at its answer as it leaves."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        scope[KEY] = visit = read_visit(scope, self.clients)
        answer = _Answer(send, visit.request_id.encode())
        self.meters.begin()
        try:
            await self.app(scope, receive, answer.send)
        finally:
            duration_s = perf_counter() - started
            size = 0 if scope["method"] == "HEAD" else answer.size
            self.meters.end(scope, answer.status, size, duration_s)
            if self.log is not None:
                self.log.write(scope, visit, answer.told(size, duration_s))


class _Answer:
    """An answer on its way out."""

    __slots__ = ("_request_id", "_send", "cost", "length", "release_id", "size", "status")

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send, self._request_id = send, request_id
        self.status = self.size = self.length = 0
        self.release_id = self.cost = b""

    async def send(self, message: Message) -> None:
        """Send a part of it; its head with the request's id."""
        kind = message["type"]
        if kind == "http.response.body":
            self.size += len(message.get("body", b""))
        elif kind == "http.response.start":
            self.status = message["status"]
            headers = dict(message["headers"])
            self.release_id, self.cost = headers.get(_RELEASE, b""), headers.get(_COST, b"")
            self.length = int(headers.get(b"content-length", 0))
            message = {**message, "headers": [*message["headers"], (_REQUEST_ID, self._request_id)]}
        elif kind == "http.response.pathsend":  # the server reads the file itself
            self.size += self.length
        await self._send(message)

    def told(self, size: int, duration_s: float) -> dict[str, Any]:
        """Return what the log tells of it."""
        return {
            "status": self.status,
            "bytes": size,
            "duration_ms": round(duration_s * 1e3, 3),
            "release_id": self.release_id.decode() or None,
            "cost": int(self.cost) if self.cost else None,
        }
