"""The paths of the REST API, each below `/v1/` and, of a release that is named in the path, below `/releases/<id>/v1/`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor

from serving.api import resolve, search
from serving.api.answers import Answers, Asked, Body
from serving.api.documents import take_only
from serving.api.errors import RequestError
from serving.api.formats import FORMATS
from serving.api.lists import Lists
from serving.api.series import SeriesAnswers, is_quick
from serving.api.unknown_paths import no_path
from serving.resources import RESOURCES
from serving.templates import add_counted
from serving.threads import run_apart

METHODS = ["GET", "HEAD"]
ROOTS = ("/v1", "/releases/{release_id}/v1")
LOOKUP = "lookup"
MAX_LOOKUP_BYTES = 1_200_000
Make = Callable[[Asked], Body]
BY_PATH = {resource.path: resource for resource in RESOURCES}


def _read_as(pattern: str) -> Convertor[str]:
    """Return what reads a part of a path that a pattern describes, as it stands."""

    class Text(Convertor[str]):
        regex = pattern

        def convert(self, value: str) -> str:
            return value

        def to_string(self, value: str) -> str:
            return value

    return Text()


def _one_of(words: Iterable[str]) -> Convertor[str]:
    """Return what reads one of some words in a path: a single route for all of them is found much sooner than one for each."""
    return _read_as("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)))


register_url_convertor("resource", _one_of(BY_PATH))
# A metric is more than its row: serving/api/metric.py.
register_url_convertor("named_resource", _one_of(resource.path for resource in RESOURCES if resource.keys and resource.path != "metrics"))
# Whatever is left of a path, ends of lines too, which Starlette's own `path` doesn't read.
register_url_convertor("key", _read_as(r"[\s\S]*"))


def api_routes(answers: Answers, lists: Lists) -> APIRouter:
    """Return the routes. They are Starlette's own: FastAPI's would spend as long on reading parameters as the answer takes."""
    router = APIRouter()
    series = SeriesAnswers()
    _add(router, answers, "series", lambda _: series.respond, lambda _: False)
    _add(
        router,
        answers,
        "{resource:resource}",
        lambda path: partial(lists.page, resource=BY_PATH[path]),
        lambda asked: lists.is_query(asked, BY_PATH[asked.path]),
    )
    _add_rows(router, answers, lists)
    for path, make in (("search", search.respond), ("resolve", resolve.respond)):
        _add_document(router, answers, path, make)
    _add_lookup(router, answers)
    return router


def _add(router: APIRouter, answers: Answers, template: str, make: Callable[[str], Make], is_query: Callable[[Asked], bool]) -> None:
    """Add a path in its formats; what isn't quick is done in a thread, so that it keeps nobody waiting, and what may take long in one of those for that."""
    made: dict[str, Make] = {}

    async def handle(request: Request) -> Response:
        path, suffix = request.path_params.get("resource", template), request.path_params.get("suffix", "")
        if suffix and suffix not in FORMATS:
            raise no_path(request)
        if path not in made:
            made[path] = make(path)
        pending = answers.begin(request, path, suffix=suffix)
        if response := answers.at_hand(request, pending):
            return response
        if _is_quick(request, path, pending.asked):
            return answers.finish(pending, made[path])
        run = run_apart if is_query(pending.asked) else run_in_threadpool
        return await run(answers.finish, pending, made[path])

    words = BY_PATH if "{" in template else ()
    for root in ROOTS:
        add_counted(router, f"{root}/{template}", handle, METHODS, words)
        add_counted(router, f"{root}/{template}.{{suffix}}", handle, METHODS, words)


def _add_rows(router: APIRouter, answers: Answers, lists: Lists) -> None:
    """Add the look-up of one row by its name or id; both may hold slashes."""

    async def handle(request: Request) -> Response:
        resource, value = BY_PATH[request.path_params["resource"]], request.path_params["key"]
        return answers.respond(request, f"{resource.path}/{value}", partial(lists.row, resource=resource, value=value), offered=("json",))

    for root in ROOTS:
        add_counted(router, f"{root}/{{resource:named_resource}}/{{key:key}}", handle, METHODS, BY_PATH)


def _add_document(router: APIRouter, answers: Answers, path: str, make: Make) -> None:
    """Add a path that is answered in JSON alone."""

    async def handle(request: Request) -> Response:
        return await run_in_threadpool(answers.respond, request, path, make, offered=("json",))

    for root in ROOTS:
        add_counted(router, f"{root}/{path}", handle, METHODS)


def _add_lookup(router: APIRouter, answers: Answers) -> None:
    """Add the look-up of many names, which come as a JSON array, since a URL can't hold as many."""

    async def handle(request: Request) -> Response:
        take_only(answers.begin(request, LOOKUP, offered=("json",)).asked)
        texts = await _read_names(request)
        return await run_in_threadpool(
            answers.respond, request, LOOKUP, partial(resolve.respond_all, texts=texts), offered=("json",), besides=texts
        )

    async def refuse(_: Request) -> Response:
        raise RequestError(405, 'names are looked up by POST, as a JSON array: ["uniswap", "pkg:npm/left-pad"]', {"Allow": "POST, OPTIONS"})

    for root in ROOTS:
        add_counted(router, f"{root}/{LOOKUP}", handle, ["POST"])
        add_counted(router, f"{root}/{LOOKUP}", refuse, METHODS)


async def _read_names(request: Request) -> list[str]:
    """Return the array of strings that a request holds.

    Raises:
        RequestError: it holds something else, or too much.
    """
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_LOOKUP_BYTES:
            raise RequestError(413, f"a look-up may have {MAX_LOOKUP_BYTES:,} bytes")
    try:
        names = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, f'the body is no JSON ({error}); ["uniswap", "pkg:npm/left-pad"] would be right') from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RequestError(400, 'the body is to be an array of texts: ["uniswap", "pkg:npm/left-pad"]')
    return names


def _is_quick(request: Request, path: str, asked: Asked) -> bool:
    """Tell whether an index answers at once, so that a thread would cost more: some series, or a page without conditions."""
    if path == "series":
        return is_quick(asked)
    query: bytes = request.scope["query_string"]
    is_plain = not (b"." in query or b"order=" in query or b"select=" in query)
    return is_plain and asked.format.name == "json" and not BY_PATH[path].is_large
