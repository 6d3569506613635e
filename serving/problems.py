"""Errors as HTTP: problem+json (RFC 9457), and Iceberg's own form below the REST catalog."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from catalog.errors import OsslakeError
from catalog.rest_catalog import error_answer

_CATALOG_PATH = re.compile(r"/(v1/config$|v1/[0-9]{6,}-[0-9a-f]{64}/|latest/v1/|releases/[^/]+/v1/)")
_ICEBERG_KINDS = {400: "BadRequestException", 404: "NotFoundException", 405: "UnsupportedOperationException"}


def add_error_handlers(app: FastAPI) -> None:
    """Let every error leave the application in one of the two forms."""

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        return problem(request.url.path, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(OsslakeError)
    def _ours(request: Request, error: OsslakeError) -> Response:
        return problem(request.url.path, 503, str(error), {"Retry-After": "5"})

    @app.exception_handler(Exception)
    def _unforeseen(request: Request, error: Exception) -> Response:
        return problem(request.url.path, 500, f"the server failed with {type(error).__name__}")


def problem(path: str, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error's response in the form that belongs to the path."""
    kept = {"Cache-Control": "no-store"} | dict(headers or {})
    if _CATALOG_PATH.match(path):
        kind = _ICEBERG_KINDS.get(status, "ServiceFailureException")
        return Response(error_answer(status, kind, detail).body, status, kept, "application/json")
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(orjson.dumps(body), status, kept, "application/problem+json")
