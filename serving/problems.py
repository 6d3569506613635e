"""Errors as HTTP: problem+json (RFC 9457), and Iceberg's own form below the REST catalog."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from traceback import format_exc
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog.errors import OsslakeError, QueryError
from catalog.rest_catalog import error_answer
from serving.api.costs import COST_HEADER, cost_of
from serving.api.errors import RequestError
from serving.logs import log

_CATALOG_PATH = re.compile(
    r"/(v1/config$|v1/[0-9]{6,}-[0-9a-f]{64}/|v1/[^/]+/namespaces(/|$)|latest/v1/|releases/[^/]+/v1/(config$|namespaces(/|$)))"
)
_ICEBERG_KINDS = {400: "BadRequestException", 404: "NotFoundException", 405: "UnsupportedOperationException"}


def add_error_handlers(app: FastAPI) -> None:
    """Let every error leave the application in one of the two forms."""

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        return problem(request.url.path, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestError)
    def _asked_wrong(_: Request, error: RequestError) -> Response:
        return problem("", error.status, str(error), error.headers, **error.values)

    @app.exception_handler(OsslakeError)
    def _ours(request: Request, error: OsslakeError) -> Response:
        cost = {COST_HEADER: str(cost_of(is_query=True))} if isinstance(error, QueryError) else {}
        return problem(request.url.path, 503, str(error), {"Retry-After": "5"} | cost)


class UnforeseenErrors:
    """Middleware that answers 500 for what nothing else caught, below those that give answers their headers; the log gets the traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; an answer that had begun is cut, so that nobody takes it for whole."""
        is_begun = False

        async def watched(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http":
                raise
            log("request.failed", path=scope["path"][:500], error=str(error), traceback=format_exc())
            if is_begun:
                raise
            await problem(scope["path"], 500, f"the server failed with {type(error).__name__}")(scope, receive, send)


def is_of_catalog(path: str) -> bool:
    """Tell whether a path is one of the Iceberg REST catalog, whose errors have its own form."""
    return _CATALOG_PATH.match(path) is not None


def problem(path: str, status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """Return an error's response in the form that belongs to the path; an empty one is the REST API's."""
    kept = {"Cache-Control": "no-store"} | dict(headers or {})
    if is_of_catalog(path):
        kind = _ICEBERG_KINDS.get(status, "ServiceFailureException")
        return Response(error_answer(status, kind, detail).body, status, kept, "application/json")
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **members}
    return Response(orjson.dumps(body), status, kept, "application/problem+json")
