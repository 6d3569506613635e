"""ETags, If-None-Match and Cache-Control: which answers may be kept, and when 304 says enough."""

from __future__ import annotations

import hashlib

from fastapi import Request, Response

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"


def bytes_response(request: Request, body: bytes, media_type: str, cache_control: str) -> Response:
    """Answer with a document, under an ETag that is its SHA-256; 304 to a client that has it."""
    headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "Cache-Control": cache_control}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def is_known(request: Request, etag: str) -> bool:
    """Tell whether If-None-Match names this ETag (compared weakly) or anything; only of what is there."""
    return is_named(request, etag) or knows_any(request)


def is_named(request: Request, etag: str) -> bool:
    """Tell whether If-None-Match names this ETag, compared weakly."""
    return etag in (item.strip().removeprefix("W/") for item in request.headers.get("if-none-match", "").split(","))


def knows_any(request: Request) -> bool:
    """Tell whether If-None-Match is `*`: the client has an answer already, if there is one."""
    return request.headers.get("if-none-match", "").strip() == "*"
