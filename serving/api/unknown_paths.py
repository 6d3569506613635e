"""What is told of a path below `/v1`, or below a release's, that isn't there: the nearest one that is, or the formats that there are."""

from __future__ import annotations

import re
from difflib import get_close_matches

from fastapi import Request

from serving.api.errors import RequestError
from serving.api.formats import FORMATS
from serving.resources import RESOURCES

_PLACE = re.compile(r"((?:/releases/[^/]+)?/v1)(?:/(.*))?", re.DOTALL)
_SHOWN = 100
_WITH_FORMATS = (*(resource.path for resource in RESOURCES), "series")
KNOWN = (*_WITH_FORMATS, "search", "resolve", "lookup", "explain", "releases", "datasets", "croissant", "dcat", "status", "limits")
"""The paths without a name in them, below `/v1/`."""


def is_of_api(path: str) -> bool:
    """Tell whether a path stands where the REST API's do."""
    return _PLACE.fullmatch(path) is not None


def no_path(request: Request) -> RequestError:
    """Return the 404 for a path of the REST API that isn't there."""
    path = request.scope["path"]
    match = _PLACE.fullmatch(path)
    root, below = (match[1], match[2] or "") if match else ("/v1", "")
    stem, _, suffix = below.rpartition(".")
    if stem in KNOWN:
        return RequestError(404, f"there is no .{suffix[:20]} of {root}/{stem}; {_formats(stem)}", near=[f"{root}/{stem}"])
    near = [f"{root}/{name}" for name in _near(below)]
    shown = path if len(path) <= _SHOWN else f"{path[:_SHOWN]}..."
    meant = f"is {near[0]} meant?" if near else "/docs shows every path"
    return RequestError(404, f"there is no {shown}; {meant}", near=near)


def _formats(path: str) -> str:
    return f"there are {', '.join(FORMATS)}" if path in _WITH_FORMATS else "it is JSON, and its path has no suffix"


def _near(below: str) -> list[str]:
    """Return the known paths that are near one, or near what it begins with, the nearest first; with its suffix where they have it."""
    stem, dot, suffix = below[:_SHOWN].rpartition(".")
    if suffix in FORMATS:
        return [f"{name}.{suffix}" for name in get_close_matches(stem, _WITH_FORMATS, cutoff=0.5)]
    whole = f"{stem}{dot}{suffix}"
    return get_close_matches(whole, KNOWN, cutoff=0.5) or get_close_matches(whole.partition("/")[0], KNOWN, cutoff=0.5)
