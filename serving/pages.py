"""Answers that are pages for people."""

from __future__ import annotations

from fastapi import Request, Response

from catalog.pages import MEDIA_TYPE, POLICY
from serving.conditional import REVALIDATE, bytes_response

PAGE_HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}


def page_response(request: Request, content: bytes) -> Response:
    """Answer with a page."""
    response = bytes_response(request, content, MEDIA_TYPE, REVALIDATE)
    response.headers.update(PAGE_HEADERS)
    return response
