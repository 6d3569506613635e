"""The web application: releases of one lake, read-only, over HTTP.

    /                                                a page for people: the release, and how to read it (serving/landing.py)
    /v1/..., /latest/v1/..., /releases/<id>/v1/...   Iceberg REST catalog (catalog/rest_catalog.py)
    /<dataset>/...                                   the logical bucket: data, manifests, metadata, release documents
    /latest.json, /releases/<id>.json, .sig.json     the release documents, at a place that needs no dataset's name
    /v1/<resource>, ...                              the REST API (serving/api/), of one release below /releases/<id>/v1/ too
    /docs, /openapi.json                             what can be asked there
    /v1/status, /v1/limits                           how fresh the release is; what a client may ask
    /healthz, /readyz, /metrics                      for operators (serving/operations.py)

Each answer comes from one release; a new one is seen without a restart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
from fastapi import FastAPI, HTTPException, Request, Response
from starlette.middleware.cors import CORSMiddleware

from catalog.pages import page
from catalog.releases import LATEST_KEY
from catalog.settings import Settings
from serving.access_log import AccessLog
from serving.addresses import base_url
from serving.api.answers import RELEASE_HEADER, Answers
from serving.api.catalogue import catalogue_routes
from serving.api.catalogue_openapi import catalogue_operations
from serving.api.costs import COST_HEADER
from serving.api.cursors import Cursors
from serving.api.errors import RequestError
from serving.api.lists import Lists
from serving.api.openapi import Document, openapi_document
from serving.api.reference import reference_html
from serving.api.routes import api_routes
from serving.api.unknown_paths import is_of_api, no_path
from serving.clients import Clients
from serving.conditional import REVALIDATE, bytes_response
from serving.data_files import file_response
from serving.engine import Engine
from serving.health import Health
from serving.iceberg import IcebergCatalog, iceberg_routes
from serving.landing import landing_response
from serving.limits import Limits
from serving.methods import METHODS, ReadingMethods
from serving.operations import operator_routes
from serving.pages import page_response
from serving.problems import UnforeseenErrors, add_error_handlers
from serving.prometheus import Meters
from serving.quotas import Quotas
from serving.reception import REQUEST_ID_HEADER, Reception
from serving.releases import ServedReleases
from serving.replica.keeper import Replicas
from serving.replica.replica import once_for_each
from serving.threads import run_apart

EXPOSED_HEADERS = (
    *("Accept-Ranges", "Content-Length", "Content-Range", "ETag", "Last-Modified", "Link", "Retry-After", "RateLimit", "RateLimit-Policy"),
    *(COST_HEADER, RELEASE_HEADER, REQUEST_ID_HEADER),
)


def create_app(settings: Settings, public_url: str = "", meters_folder: Path | None = None) -> FastAPI:
    """Return the application for a lake.

    Args:
        settings: the lake's.
        public_url: the address that clients are told; empty: the one that they asked at.
        meters_folder: where several workers count together; None: this one counts for itself.
    """
    releases, meters = ServedReleases(settings), Meters(meters_folder)
    replicas = Replicas(settings, releases, meters.count_failed_build)

    @asynccontextmanager
    async def watched(_: FastAPI) -> AsyncIterator[None]:
        replicas.start()
        yield
        replicas.stop()

    app = FastAPI(
        title="osslake", description=__doc__, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=watched
    )
    _add_middleware(app, settings, meters)
    add_error_handlers(app)
    answers, engine = Answers(releases, replicas, settings.serve), Engine(settings, releases.store)
    # Routes are tried in their order, which takes as long as a look-up: what is asked most comes first.
    app.include_router(api_routes(answers, Lists(Cursors(settings.replicas), engine)))
    app.include_router(operator_routes(settings.serve, Health(settings.serve, releases, replicas), meters))
    app.include_router(catalogue_routes(answers, engine, public_url))
    app.include_router(iceberg_routes(IcebergCatalog(settings, releases, public_url)))
    _add_reference(app, settings, replicas, public_url)
    _add_landing(app, settings, releases, public_url)
    _add_documents(app, settings, releases)
    return app


def _add_reference(app: FastAPI, settings: Settings, replicas: Replicas, public_url: str) -> None:
    """Add the OpenAPI document and its page."""
    made = once_for_each(lambda replica: openapi_document(replica, (catalogue_operations,)))

    def document() -> Document:
        replica = replicas.current()
        if replica is None:
            raise RequestError(503, "the newest release is being prepared for this API", {"Retry-After": "5"})
        return made(replica)

    @app.api_route("/openapi.json", methods=["GET", "HEAD"])
    def openapi(request: Request) -> Response:
        return bytes_response(request, orjson.dumps(document()), "application/json", REVALIDATE)

    @app.api_route("/docs", methods=["GET", "HEAD"])
    def reference(request: Request) -> Response:
        content = reference_html(document(), base_url(request, public_url))
        return page_response(request, page(f"{settings.dataset}: REST API", content))


def _add_middleware(app: FastAPI, settings: Settings, meters: Meters) -> None:
    """Add the layers that a request passes, the innermost first."""
    serve = settings.serve
    app.add_middleware(ReadingMethods)
    app.add_middleware(UnforeseenErrors)
    app.add_middleware(Limits, serve=serve, dataset=settings.dataset, quotas=Quotas(serve), count_refusal=meters.count_refusal)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=[*METHODS, "POST"],
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
        max_age=86400,
    )
    clients = Clients(serve.trusted_proxies, serve.proxy_header)
    app.add_middleware(Reception, clients=clients, meters=meters, log=AccessLog() if serve.access_log else None)


def _add_landing(app: FastAPI, settings: Settings, releases: ServedReleases, public_url: str) -> None:
    """Add the page at `/`."""

    @app.api_route("/", methods=["GET", "HEAD"])
    def landing(request: Request) -> Response:
        return landing_response(request, settings.dataset, releases, public_url)


def _add_documents(app: FastAPI, settings: Settings, releases: ServedReleases) -> None:
    """Add the routes to files: release documents, and the bucket."""

    @app.api_route("/latest.json", methods=["GET", "HEAD"])
    async def latest(request: Request) -> Response:
        return await run_apart(file_response, request, LATEST_KEY, releases)

    @app.api_route("/releases/{name}", methods=["GET", "HEAD"])
    async def release_document(request: Request, name: str) -> Response:
        return await run_apart(file_response, request, f"releases/{name}", releases)

    @app.api_route("/v1", methods=["GET", "HEAD"])
    async def nothing(request: Request) -> Response:
        raise no_path(request)

    @app.api_route("/{dataset}/{key:path}", methods=["GET", "HEAD"])
    async def bucket_file(request: Request, dataset: str, key: str) -> Response:
        if dataset != settings.dataset and is_of_api(request.scope["path"]):
            raise no_path(request)
        if dataset != settings.dataset:
            raise HTTPException(404, f"there is no {dataset}; the bucket here is {settings.dataset}")
        return await run_apart(file_response, request, key, releases)
