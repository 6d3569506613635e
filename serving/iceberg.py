"""The Iceberg REST catalog over HTTP; the documents are `catalog.rest_catalog`'s."""

from __future__ import annotations

from functools import lru_cache

from fastapi import APIRouter, HTTPException, Request, Response

from catalog import rest_catalog
from catalog.bucket import bucket_key, open_bucket
from catalog.rest_catalog import Answer
from catalog.settings import Settings
from serving.addresses import base_url
from serving.conditional import IMMUTABLE, REVALIDATE, bytes_response
from serving.releases import ServedReleases

CACHED_DOCUMENTS = 512


class IcebergCatalog:
    """Documents of the releases of one lake, the latest asked for kept in memory."""

    def __init__(self, settings: Settings, releases: ServedReleases, public_url: str) -> None:
        self._bucket = open_bucket(settings)
        self._dataset = settings.dataset
        self._releases = releases
        self._public_url = public_url
        self._answer = lru_cache(CACHED_DOCUMENTS)(self._make_answer)

    def respond(self, request: Request, path: str, release_id: str | None) -> Response:
        """Answer from one release: the one named, or the newest."""
        release = self._releases.kept(release_id) if release_id else self._releases.newest()
        if release is None:
            raise HTTPException(404, f"release {release_id} is not kept here")
        parent = request.query_params.get("parent")
        if path.endswith("/namespaces") and parent:
            answer = rest_catalog.child_namespaces(parent)
        else:
            answer = self._answer(release.id, path, base_url(request, self._public_url))
        if answer.status != 200:
            return Response(answer.body, answer.status, {"Cache-Control": "no-store"}, "application/json")
        cache_control = IMMUTABLE if rest_catalog.is_immutable(path) else REVALIDATE
        return bytes_response(request, answer.body, "application/json", cache_control)

    def _make_answer(self, release_id: str, path: str, base_url: str) -> Answer:
        release = self._releases.kept(release_id)
        if release is None:
            raise HTTPException(404, f"release {release_id} is not kept here")
        return rest_catalog.answer(release, self._read, base_url, path)

    def _read(self, location: str) -> bytes:
        return self._bucket.read(bucket_key(self._dataset, location))


def iceberg_routes(catalog: IcebergCatalog) -> APIRouter:
    """Return the routes of the REST catalog."""
    router = APIRouter(tags=["Iceberg REST catalog"])

    @router.api_route("/v1/config", methods=["GET", "HEAD"])
    @router.api_route("/latest/v1/{rest:path}", methods=["GET", "HEAD"])
    def newest(request: Request) -> Response:
        return catalog.respond(request, request.url.path.removeprefix("/"), None)

    @router.api_route("/v1/{release_id}/{rest:path}", methods=["GET", "HEAD"])
    @router.api_route("/releases/{release_id}/v1/{rest:path}", methods=["GET", "HEAD"])
    def kept(request: Request, release_id: str) -> Response:
        return catalog.respond(request, request.url.path.removeprefix("/"), release_id)

    return router
