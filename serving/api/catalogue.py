"""The paths that tell of releases, data sets, metrics and where numbers come from, beside those of rows and series."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.addresses import base_url
from serving.api.answers import Answers, Asked, Body
from serving.api.croissant import croissant
from serving.api.datasets import dataset_answer, datasets_answer, named_table
from serving.api.dcat import dcat
from serving.api.documents import take_only
from serving.api.explanations import explanation_answer
from serving.api.exports import Exports
from serving.api.formats import JSON_LD
from serving.api.metric import metric_answer
from serving.api.releases import ReleaseAnswers
from serving.api.routes import METHODS, ROOTS
from serving.engine import Engine
from serving.templates import add_counted
from serving.threads import run_apart

Respond = Callable[[Request], Response]


def catalogue_routes(answers: Answers, engine: Engine, public_url: str) -> APIRouter:
    """Return the routes.

    Args:
        answers: what gives answers of one release.
        engine: for whole tables, and for what stands behind a number.
        public_url: the address that clients are told; empty: the one that they asked at.
    """
    router = APIRouter()
    _add_releases(router, ReleaseAnswers(answers.releases))
    _add_datasets(router, answers, engine)
    _add_descriptions(router, answers, public_url)
    _add(router, "explain", _json(answers, lambda _: "explain", lambda _: partial(explanation_answer, engine)), is_of_files=True)
    _add(
        router,
        "metrics/{name}",
        _json(answers, lambda request: f"metrics/{_name(request)}", lambda request: partial(metric_answer, name=_name(request))),
    )
    return router


def _add(router: APIRouter, path: str, respond: Respond, *, is_of_files: bool = False) -> None:
    """Add a path below both roots; it is answered in a thread, and where the lake's files are read for it, in one of theirs."""
    run = run_apart if is_of_files else run_in_threadpool

    async def handle(request: Request) -> Response:
        return await run(respond, request)

    for root in ROOTS:
        add_counted(router, f"{root}/{path}", handle, METHODS)


def _json(answers: Answers, path: Callable[[Request], str], make: Callable[[Request], Callable[[Asked], Body]]) -> Respond:
    """Return what answers a request in JSON, from one release."""
    return lambda request: answers.respond(request, path(request), make(request), offered=("json",))


def _name(request: Request) -> str:
    return str(request.path_params["name"])


def _add_releases(router: APIRouter, releases: ReleaseAnswers) -> None:
    _add(router, "releases", releases.all, is_of_files=True)
    _add(router, "releases/{name}", lambda request: releases.one(request, _name(request)), is_of_files=True)
    _add(
        router,
        "releases/{name}/changes/{after}",
        lambda request: releases.changes(request, _name(request), request.path_params["after"]),
        is_of_files=True,
    )


def _add_datasets(router: APIRouter, answers: Answers, engine: Engine) -> None:
    exports = Exports(answers, engine)
    _add(router, "datasets", _json(answers, lambda _: "datasets", lambda _: datasets_answer))
    _add(
        router,
        "datasets/{name}",
        _json(answers, lambda request: f"datasets/{_name(request)}", lambda request: partial(dataset_answer, name=_name(request))),
    )
    _add(router, "datasets/{name}/rows", lambda request: exports.respond(request, _name(request)), is_of_files=True)
    _add(
        router,
        "datasets/{name}/rows.{suffix}",
        lambda request: exports.respond(request, _name(request), request.path_params["suffix"]),
        is_of_files=True,
    )


def _add_descriptions(router: APIRouter, answers: Answers, public_url: str) -> None:
    """Add Croissant and DCAT, which hold the server's address."""

    def whole(request: Request) -> Response:
        base = base_url(request, public_url)
        return answers.respond(request, "croissant", lambda asked: _described(asked, base), offered=("json",), besides=(base,))

    def one(request: Request) -> Response:
        base, name = base_url(request, public_url), _name(request)
        path = f"datasets/{name}/croissant"
        return answers.respond(request, path, lambda asked: _described(asked, base, name), offered=("json",), besides=(base,))

    def portal(request: Request) -> Response:
        base = base_url(request, public_url)
        return answers.respond(request, "dcat", lambda asked: _portal(asked, base), offered=("json",), besides=(base,))

    _add(router, "croissant", whole)
    _add(router, "datasets/{name}/croissant", one)
    _add(router, "dcat", portal)


def _described(asked: Asked, base: str, name: str = "") -> Body:
    take_only(asked)
    release = asked.replica.release
    tables = [named_table(release, name)] if name else [*asked.replica.tables.values()]
    return Body(orjson.dumps(croissant(release, tables, base, name)) + b"\n", media_type=JSON_LD)


def _portal(asked: Asked, base: str) -> Body:
    take_only(asked)
    return Body(orjson.dumps(dcat(asked.replica.release, asked.replica.tables.values(), base)) + b"\n", media_type=JSON_LD)
