"""Only reading: GET, HEAD and OPTIONS, whatever the path."""

from __future__ import annotations

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.problems import problem

METHODS = ("GET", "HEAD", "OPTIONS")
_ALLOW = {"Allow": ", ".join(METHODS)}


class ReadingMethods:
    """Middleware that answers OPTIONS with what is allowed, and all that is not a way to read with 405."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass reading requests on."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_ALLOW)(scope, receive, send)
        else:
            detail = f"{scope['method']} is not allowed: releases can only be read, by GET and HEAD"
            await problem(scope["path"], 405, detail, _ALLOW)(scope, receive, send)
