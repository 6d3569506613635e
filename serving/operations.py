"""The operator's paths: /healthz, /readyz, /metrics, /v1/status and /v1/limits."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from catalog.settings import ServeSettings
from serving.health import Health
from serving.limits import told_limits
from serving.prometheus import MEDIA_TYPE, Meters

METHODS = ["GET", "HEAD"]
_NO_STORE = {"Cache-Control": "no-store"}


def operator_routes(serve: ServeSettings, health: Health, meters: Meters) -> APIRouter:
    """Return the routes; those that look at the lake do so in a thread, since a store may be slow."""
    router = APIRouter(tags=["operation"])

    @router.api_route("/healthz", methods=METHODS)
    def healthz() -> Response:
        release = health.release()
        return _json({"status": "ok", "release": release.id if release else None})

    @router.api_route("/readyz", methods=METHODS)
    def readyz() -> Response:
        status, told = health.ready()
        return _json(told, status)

    @router.api_route("/metrics", methods=METHODS)
    async def metrics() -> Response:
        gauges = await run_in_threadpool(health.gauges)
        return Response(meters.text(gauges), media_type=MEDIA_TYPE, headers=_NO_STORE)

    @router.api_route("/v1/status", methods=METHODS)
    def status() -> Response:
        return _json(health.status())

    @router.api_route("/v1/limits", methods=METHODS)
    async def limits() -> Response:
        return _json(told_limits(serve))

    return router


def _json(told: dict[str, Any], status: int = 200) -> Response:
    headers = _NO_STORE | ({"Retry-After": "5"} if status == 503 else {})
    return Response(orjson.dumps(told), status, headers, "application/json")
