"""The Iceberg REST catalog over HTTP; the documents are `catalog.rest_catalog`'s."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, unquote

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.convertors import PathConvertor, register_url_convertor

from catalog import rest_catalog
from catalog.bucket import bucket_key
from catalog.releases import Release
from catalog.rest_catalog import Answer
from catalog.settings import Settings
from serving.addresses import base_url
from serving.api.unknown_paths import no_path
from serving.conditional import IMMUTABLE, REVALIDATE, bytes_response
from serving.problems import is_of_catalog
from serving.releases import ServedReleases
from serving.threads import run_apart

CACHED_DOCUMENTS = 512
SNAPSHOTS = ("all", "refs")
"""What a client may ask of a table's snapshots: a release's table has one, which a reference names, so both are the same."""


class IcebergCatalog:
    """Documents of the releases of one lake, the latest asked for kept in memory."""

    def __init__(self, settings: Settings, releases: ServedReleases, public_url: str) -> None:
        self._dataset = settings.dataset
        self._releases = releases
        self._public_url = public_url
        self._answer = lru_cache(CACHED_DOCUMENTS)(self._make_answer)

    def respond(self, request: Request, path: str, release_id: str | None) -> Response:
        """Answer from one release: the one named by its id or number in the path's second part, or the newest."""
        release = self._releases.named(release_id) if release_id else self._releases.newest()
        if release is None:
            raise HTTPException(404, f"release {release_id} is not kept here")
        is_by_number = bool(release_id) and release_id != release.id
        if is_by_number:
            first, _, *rest = path.split("/")
            path = "/".join([first, release.id, *rest])
        cache_control = IMMUTABLE if rest_catalog.is_immutable(path) and not is_by_number else REVALIDATE
        answer = _answer_by_parameters(request, release, path) or self._answer(release.id, path, base_url(request, self._public_url))
        if answer.status == 204:
            return Response(status_code=204, headers={"Cache-Control": cache_control})
        if answer.status != 200:
            return Response(answer.body, answer.status, {"Cache-Control": "no-store"}, "application/json")
        return bytes_response(request, answer.body, "application/json", cache_control)

    def is_in_memory(self, release_id: str) -> bool:
        """Tell whether a release, by its id, is at hand; others may have to be read."""
        return self._releases.is_newest(release_id)

    def _make_answer(self, release_id: str, path: str, base_url: str) -> Answer:
        release = self._releases.kept(release_id)
        if release is None:
            raise HTTPException(404, f"release {release_id} is not kept here")
        return rest_catalog.answer(release, self._read, base_url, path)

    def _read(self, location: str) -> bytes:
        return self._releases.store.read(bucket_key(self._dataset, location))


def _answer_by_parameters(request: Request, release: Release, path: str) -> Answer | None:
    """Return the answer where it follows from more than the path; all pages of a list are one, as the specification allows."""
    below, asked = rest_catalog.below_root(release, path), request.query_params
    if below is None:
        return None
    if request.method == "HEAD":
        return rest_catalog.existence(release, below)
    if below == "namespaces" and asked.get("parent"):
        return rest_catalog.child_namespaces(asked["parent"])
    if asked.get("snapshots", "all").lower() not in SNAPSHOTS:
        return rest_catalog.error_answer(400, "BadRequestException", f"snapshots={asked['snapshots'][:50]} is neither all nor refs")
    return None


def asked_path(request: Request) -> str:
    """Return the path, without its first slash; a slash that belongs to a name stays encoded."""
    raw: bytes = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    return "/".join(unquote(part).replace("/", "%2F") for part in raw.decode("ascii", "replace").split("/")).removeprefix("/")


class _Anything(PathConvertor):
    """The rest of a path, line ends and all."""

    regex = "(?s:.*)"


register_url_convertor("anything", _Anything())


def iceberg_routes(catalog: IcebergCatalog) -> APIRouter:
    """Return the routes of the REST catalog."""
    router = APIRouter(tags=["Iceberg REST catalog"])

    async def answered(request: Request, release_id: str | None = None, *, is_in_memory: bool) -> Response:
        path = asked_path(request)
        run = run_in_threadpool if is_in_memory and not rest_catalog.reads_metadata(path) else run_apart
        return await run(catalog.respond, request, path, release_id)

    @router.api_route("/v1/config", methods=["GET", "HEAD"])
    @router.api_route("/latest/v1/{rest:anything}", methods=["GET", "HEAD"])
    async def newest(request: Request) -> Response:
        return await answered(request, is_in_memory=True)

    @router.api_route("/v1/{release_id}/{rest:anything}", methods=["GET", "HEAD"])
    @router.api_route("/releases/{release_id}/v1/{rest:anything}", methods=["GET", "HEAD"])
    async def kept(request: Request, release_id: str) -> Response:
        if not is_of_catalog(request.scope["path"]):
            raise no_path(request)
        return await answered(request, release_id, is_in_memory=catalog.is_in_memory(release_id))

    return router
