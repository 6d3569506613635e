"""What is known of a request before it is answered: its id, who asks, and with what; read from its headers in one go."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from starlette.types import Scope

from serving.clients import Clients

KEY = "osslake.visit"
"""Where the middlewares find it in ASGI's scope."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


@dataclass(slots=True)
class Visit:
    """A request.

    Attributes:
        request_id: the client's own, where it is 8 to 64 letters, digits, dots, underlines and hyphens; else one made here.
        client: its address.
        user_agent: what it calls itself.
        header_bytes: of names and values.
    """

    request_id: str
    client: str
    user_agent: str
    header_bytes: int


def read_visit(scope: Scope, clients: Clients) -> Visit:
    """Return what a request's scope tells."""
    request_id = user_agent = said = b""
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"user-agent":
            user_agent = value
        elif name == b"x-request-id":
            request_id = value
        elif name == clients.header:
            said = said + b"," + value if said else value
    if not _REQUEST_ID.fullmatch(request_id):
        request_id = os.urandom(8).hex().encode()
    peer = scope.get("client")
    return Visit(request_id.decode(), clients.address(peer[0] if peer else "", said), user_agent.decode("latin-1"), size)
