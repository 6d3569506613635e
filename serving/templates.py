"""Which route a request took, as an operator counts it: by the route's template, never by what stands in the address."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

from fastapi import APIRouter, Request, Response
from starlette.types import Scope

KEY = "osslake.template"
"""Where it is found in ASGI's scope."""
NONE = "none"
"""Of a path that belongs to no route."""
WORD = "resource"
"""A parameter that stands for one of a few words: each of them is counted by itself."""
_TYPED = re.compile(r"\{(\w+):\w+\}")
Handle = Callable[[Request], Awaitable[Response]]


def add_counted(router: APIRouter, template: str, handle: Handle, methods: Iterable[str], words: Iterable[str] = ()) -> None:
    """Add a route of Starlette's own, which doesn't tell by itself which one it is.

    Args:
        words: what `resource` in the template may be.
    """
    plain = _TYPED.sub(r"{\1}", template)
    shown = {word: plain.replace(f"{{{WORD}}}", word) for word in words}

    async def counted(request: Request) -> Response:
        scope = request.scope
        scope[KEY] = shown[scope["path_params"][WORD]] if shown else plain
        return await handle(request)

    router.add_route(template, counted, methods=[*methods])


def template_of(scope: Scope) -> str:
    """Return the template of the route that a request took."""
    return str(scope.get(KEY) or getattr(scope.get("route"), "path", NONE))
