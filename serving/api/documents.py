"""JSON documents beside the rows: their envelope, and their answers where these depend on which release is current."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from fastapi import Request, Response

from catalog.releases import Release
from serving.api.answers import MAX_QUERY, RELEASE_HEADER, Asked, was_there
from serving.api.errors import RequestError, unknown
from serving.api.formats import PACKED_FROM, chosen_encoding, packed
from serving.conditional import REVALIDATE, is_known

JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def enveloped(release: Release, data: Any) -> bytes:
    """Return an answer in the envelope of all answers: the release that it comes from, its as-of date, and the data."""
    return orjson.dumps({"release_id": release.id, "as_of_date": release.as_of_date, "data": data}, option=JSON_OPTIONS) + b"\n"


def take_only(asked: Asked, *names: str) -> None:
    """Refuse parameters but these.

    Raises:
        RequestError: there is another one; near names are told.
    """
    for name, _ in asked.parameters:
        if name not in names:
            raise unknown("parameter", name, (*names, "release"), parameter=name)


def take_none(request: Request) -> None:
    """Refuse all parameters, of a question that no release is chosen for.

    Raises:
        RequestError: there is one.
    """
    text = request.scope["query_string"][:MAX_QUERY].decode("ascii", "replace")
    for name, _ in parse_qsl(text, keep_blank_values=True):
        raise unknown("parameter", name, (), parameter=name)


def document_response(request: Request, body: bytes, release: Release) -> Response:
    """Answer with a document that a later release may change, under an ETag of its bytes; 304 to a client that has it."""
    encoding = chosen_encoding(request.headers.get("accept-encoding", "")) if len(body) >= PACKED_FROM else ""
    digest = hashlib.blake2b(body + encoding.encode(), digest_size=16).hexdigest()
    headers = {"ETag": f'"{digest}"', "Cache-Control": REVALIDATE, "Vary": "Accept-Encoding", RELEASE_HEADER: release.id}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if encoding:
        body, headers["Content-Encoding"] = packed(body, encoding), encoding
    return Response(body, headers=headers, media_type="application/json")


def near_release(asked: str, sequences: Sequence[int]) -> RequestError:
    """Return the 404 for a release that isn't kept; 410 where one with that number was there."""
    listed = ", ".join(str(one) for one in sequences[:20]) + (", ..." if len(sequences) > 20 else "")
    status = 410 if was_there(asked, max(sequences, default=0)) else 404
    return RequestError(status, f"release {asked[:90]!r} is not kept; kept are {listed}", near=list(sequences[:3]))
