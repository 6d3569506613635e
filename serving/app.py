"""The web application: releases of one lake, read-only, over HTTP.

    /v1/..., /latest/v1/..., /releases/<id>/v1/...   Iceberg REST catalog (catalog/rest_catalog.py)
    /<dataset>/...                                   the logical bucket: data, manifests, metadata, release documents
    /latest.json, /releases/<id>.json, .sig.json     the release documents, at a place that needs no dataset's name
    /healthz                                         whether it is up, and which release it shows

Each answer comes from one release; a new one is seen without a restart.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from starlette.middleware.cors import CORSMiddleware

from catalog.bucket import open_bucket
from catalog.errors import ReleaseError
from catalog.releases import LATEST_KEY
from catalog.settings import Settings
from serving.data_files import file_response
from serving.iceberg import IcebergCatalog, iceberg_routes
from serving.methods import METHODS, ReadingMethods
from serving.problems import add_error_handlers
from serving.releases import ServedReleases

EXPOSED_HEADERS = ("Accept-Ranges", "Content-Length", "Content-Range", "ETag", "Last-Modified", "Retry-After")


def create_app(settings: Settings, public_url: str = "") -> FastAPI:
    """Return the application for a lake.

    Args:
        settings: the lake's.
        public_url: the address that clients are told; empty: the one that they asked at.
    """
    app = FastAPI(title="osslake", description=__doc__, docs_url=None, redoc_url=None, redirect_slashes=False)
    releases = ServedReleases(settings)
    app.add_middleware(ReadingMethods)
    app.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=METHODS, allow_headers=["*"], expose_headers=EXPOSED_HEADERS, max_age=86400
    )
    add_error_handlers(app)
    app.include_router(iceberg_routes(IcebergCatalog(settings, releases, public_url)))
    _add_documents(app, settings, releases)
    return app


def _add_documents(app: FastAPI, settings: Settings, releases: ServedReleases) -> None:
    """Add the routes to files: health, release documents, and the bucket."""
    bucket = open_bucket(settings)

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz(response: Response) -> dict[str, Any]:
        response.headers["Cache-Control"] = "no-store"
        try:
            return {"status": "ok", "release": releases.newest().id}
        except ReleaseError:
            return {"status": "ok", "release": None}

    @app.api_route("/latest.json", methods=["GET", "HEAD"])
    def latest(request: Request) -> Response:
        return file_response(request, bucket, LATEST_KEY, releases)

    @app.api_route("/releases/{name}", methods=["GET", "HEAD"])
    def release_document(request: Request, name: str) -> Response:
        return file_response(request, bucket, f"releases/{name}", releases)

    @app.api_route("/{dataset}/{key:path}", methods=["GET", "HEAD"])
    def bucket_file(request: Request, dataset: str, key: str) -> Response:
        if dataset != settings.dataset:
            raise HTTPException(404, f"there is no {dataset}; the bucket here is {settings.dataset}")
        return file_response(request, bucket, key, releases)
