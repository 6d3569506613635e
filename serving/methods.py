"""Only reading: GET, HEAD and OPTIONS, whatever the path."""

from __future__ import annotations

import re

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.problems import problem

METHODS = ("GET", "HEAD", "OPTIONS")
_ALLOW = {"Allow": ", ".join(METHODS)}


_LOOKUP = re.compile(r"(/releases/[^/]+)?/v1/lookup")
"""The one path that is asked by POST, since a URL can't hold its question."""


class ReadingMethods:
    """Middleware that answers OPTIONS with what is allowed, and all that is not a way to read with 405."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass reading requests on."""
        if (
            scope["type"] != "http"
            or scope["method"] in ("GET", "HEAD")
            or (scope["method"] == "POST" and _LOOKUP.fullmatch(scope["path"]))
        ):
            await self.app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            allowed = {"Allow": "POST, OPTIONS"} if _LOOKUP.fullmatch(scope["path"]) else _ALLOW
            await Response(status_code=204, headers=allowed)(scope, receive, send)
        else:
            detail = f"{scope['method']} is not allowed: releases can only be read, by GET and HEAD"
            await problem(scope["path"], 405, detail, _ALLOW)(scope, receive, send)
