"""The middleware that refuses what is too much or too large, tells each client what it has left, and the document that says all limits (docs/api.md#limits)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog.settings import ServeSettings
from serving.api.costs import BASE, COST_HEADER, QUERY, ROWS_PER_UNIT
from serving.api.selections import MAX_LIMIT
from serving.clients import client_key
from serving.problems import problem
from serving.quotas import COST, FILES, Quotas, policies_of
from serving.visits import KEY, Visit

FREE = frozenset(("/healthz", "/readyz", "/metrics"))
"""Paths that may be asked at any time."""
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
_COST = COST_HEADER.lower().encode()


def is_file(path: str, dataset: str) -> bool:
    """Tell whether a path is one of the Iceberg catalog, of a release document, or of a file of the bucket."""
    if path.startswith("/v1/"):
        return path == "/v1/config" or path[4:5].isdigit()
    if path.startswith("/releases/"):
        below = path[10:].partition("/v1/")[2]
        return not below or below.startswith(("config", "namespaces"))
    return path.startswith((f"/{dataset}/", "/latest/v1/", "/latest.json"))


class Limits:
    """Middleware below `Reception`, which says who asks."""

    def __init__(
        self, app: ASGIApp, serve: ServeSettings, dataset: str, quotas: Quotas, count_refusal: Callable[[str], None] = lambda _: None
    ) -> None:
        self.app, self._limits, self._dataset, self._quotas = app, serve.limits, dataset, quotas
        self._count_refusal = count_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless it is too much."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, visit = scope["path"], scope[KEY]
        refusal = self._oversized(scope, visit)
        if path in FREE:
            await (refusal or self.app)(scope, receive, send)
            return
        client, of_file = client_key(visit.client), is_file(path, self._dataset)
        refusal = self._over_quota(path, client, of_file=of_file) or refusal

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self._headers(message["headers"], client, of_file=of_file)}
            await send(message)

        await (refusal or self.app)(scope, receive, told)

    def _headers(self, headers: list[tuple[bytes, bytes]], client: str, *, of_file: bool) -> list[tuple[bytes, bytes]]:
        """Charge an answer as it leaves, and return its headers with what is left."""
        if of_file:
            return [*headers, *self._quotas.headers(client, is_file=True)]
        cost = dict(headers).get(_COST)
        self._quotas.charge(client, BASE if cost is None else int(cost))
        told = [*headers, *self._quotas.headers(client, is_file=False)]
        return [*told, (_COST, b"%d" % BASE)] if cost is None else told

    def _over_quota(self, path: str, client: str, *, of_file: bool) -> Response | None:
        refused = self._quotas.refuse(client, is_file=of_file)
        if refused is None:
            return None
        policy, wait_s = refused
        self._count_refusal(policy.name)
        detail = f"that is more than one client may ask of this server; ask again in {wait_s} s (/v1/limits tells the limits)"
        members: dict[str, Any] = {"type": QUOTA_EXCEEDED, "violated-policies": [policy.name]}
        headers = {"Retry-After": str(wait_s)} | ({} if of_file else {COST_HEADER: "0"})
        return problem(path, 429, detail, headers, **members)

    def _oversized(self, scope: Scope, visit: Visit) -> Response | None:
        limits = self._limits
        size = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        if limits.url_bytes and size > limits.url_bytes:
            return problem(scope["path"], 414, f"path and query string may have {limits.url_bytes:,} bytes; these have {size:,}")
        if limits.header_bytes and visit.header_bytes > limits.header_bytes:
            return problem(scope["path"], 431, f"headers may have {limits.header_bytes:,} bytes; these have {visit.header_bytes:,}")
        return None


def told_limits(serve: ServeSettings) -> dict[str, Any]:
    """Return the document at `/v1/limits`; null stands where there is no limit."""
    limits, policies = serve.limits, policies_of(serve)
    units = {COST: "cost units", FILES: "requests for data files, release documents and the Iceberg catalog"}
    return {
        "client": "an IPv4 address, or the /64 network of an IPv6 address",
        "workers": serve.workers,
        "policies": [
            {
                "name": name,
                "unit": units.get(name, "requests for everything else"),
                "per_second": round(policy.buckets.rate * serve.workers, 3),
                "at_once": round(policy.buckets.burst * serve.workers),
                "at_once_per_worker": policy.quota,
                "window_s": policy.window_s,
            }
            for name, policy in policies.items()
        ],
        "policies_note": "a bucket for each client and worker, filled evenly: a worker grants its share, which the RateLimit headers show",
        "cost": {
            "header": COST_HEADER,
            "of_an_answer": BASE,
            "rows_or_points_per_further_unit": ROWS_PER_UNIT,
            "of_a_query_over_files": QUERY,
            "note": "taken when an answer begins; a query that was given up costs what one over files does; files cost nothing",
        },
        "request": {"url_bytes": limits.url_bytes or None, "header_bytes": limits.header_bytes or None},
        "answer": {
            "bytes": limits.answer_bytes or None,
            "query_seconds": limits.query_timeout_s or None,
            "rows_per_page": MAX_LIMIT,
            "series_per_call": limits.series or None,
            "points_per_call": limits.points or None,
        },
    }
