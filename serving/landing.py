"""The page at `/`: which release is current, and how to read it from here."""

from __future__ import annotations

from fastapi import Request, Response

from catalog.errors import ReleaseError, VerificationError
from catalog.pages import MEDIA_TYPE, page
from catalog.release_page import release_page
from serving.addresses import base_url
from serving.pages import PAGE_HEADERS, page_response
from serving.releases import ServedReleases

_NOTHING = (
    "<p>Nothing was released here yet. <code>osslake run</code> loads, computes and releases; this page then says how to read it.</p>"
)


def landing_response(request: Request, dataset: str, releases: ServedReleases, public_url: str) -> Response:
    """Answer with the page of the newest release, or with 503 and a page that says that there is none yet.

    Raises:
        VerificationError: the release can't be trusted, and there is no good one before it.
        HTTPException: 400, the Host header names no host.
    """
    base = base_url(request, public_url)
    try:
        release = releases.newest()
    except VerificationError:
        raise
    except ReleaseError:
        return Response(page(dataset, _NOTHING), 503, PAGE_HEADERS | {"Cache-Control": "no-store", "Retry-After": "60"}, MEDIA_TYPE)
    return page_response(request, release_page(release, base, is_served=True))
