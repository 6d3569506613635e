"""The address that clients reach the server at."""

from __future__ import annotations

import re

from fastapi import HTTPException, Request

_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")


def base_url(request: Request, public_url: str) -> str:
    """Return the public address, or where there is none the one of this request; without a slash at its end.

    Raises:
        HTTPException: 400, the Host header names no host.
    """
    host = request.headers.get("host", "")
    if not public_url and not _HOST.fullmatch(host):
        raise HTTPException(400, "the Host header names no host")
    return public_url.rstrip("/") or f"{request.url.scheme}://{host}{request.scope.get('root_path', '')}"
