"""Packages, collectives and protocols in the URLs of registries.

npm's and crates.io's names and modules' paths keep their case, PyPI's are as PEP 503 has them, slugs are lower-case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from catalog.addresses.artifacts import Artifact
from catalog.addresses.forges import FORGES

_NPM = re.compile(r"[A-Za-z0-9._~!'()*-]{1,214}\Z")
_PYPI = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,212}[A-Za-z0-9])?\Z")
_CRATE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_MODULE = re.compile(r"(?=.{1,500}\Z)[a-z0-9.-]+\.[a-z]{2,}(?:/[A-Za-z0-9._~-]+)+\Z")
_AFTER_MODULE = re.compile(r"(?:\.git|/(?:tree|blob|releases|tags)(?:/.*)?)\Z")
_COLLECTIVE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,254}\Z")
_PROTOCOL = re.compile(r"[^\s@<>\"']{1,255}\Z")
_PYPI_PAGES = ("project", "p", "simple", "pypi")


def npm_package(path: list[str]) -> Artifact | None:
    """Read `/package/name` or `/package/@scope/name`, whatever follows; without `package`, only what has a scope."""
    scoped = path[1:] if path[:1] == ["package"] else path if path[:1] and path[0].startswith("@") else []
    scope = scoped[0] if scoped and scoped[0].startswith("@") else None
    name = "".join(scoped[1:2] if scope else scoped[:1])
    if not _NPM.match(name) or (scope and not _NPM.match(scope[1:])):
        return None
    key = f"{scope}/{name}" if scope else name
    return Artifact("NPM", "package", scope, name, key, f"https://www.npmjs.com/package/{key}")


def pypi_package(path: list[str]) -> Artifact | None:
    """Read `/project/name/`, `/p/name`, `/simple/name/` or the former `/pypi/name`."""
    name = path[1] if len(path) > 1 and path[0] in _PYPI_PAGES else ""
    if not _PYPI.match(name):
        return None
    name = re.sub(r"[-_.]+", "-", name).lower()
    return Artifact("PYPI", "package", None, name, name, f"https://pypi.org/project/{name}")


def crate(path: list[str]) -> Artifact | None:
    """Read `/crates/name`, whatever follows."""
    name = path[1] if len(path) > 1 and path[0] == "crates" else ""
    if not _CRATE.match(name):
        return None
    return Artifact("CRATES", "package", None, name, name, f"https://crates.io/crates/{name}")


def go_module(path: list[str]) -> Artifact | None:
    """Read a module's path; `@version`, and what follows a repository on a forge's page, play no part."""
    module = "/".join(path).partition("@")[0].strip("/")
    if path and path[0] in FORGES:
        module = _AFTER_MODULE.sub("", module)
    if not _MODULE.match(module):
        return None
    return Artifact("GO", "package", None, module, module, f"https://pkg.go.dev/{module}")


def collective(path: list[str]) -> Artifact | None:
    """Read `/slug`, whatever follows."""
    slug = path[0].lower() if path else ""
    if not _COLLECTIVE.match(slug):
        return None
    return Artifact("OPEN_COLLECTIVE", "account", None, slug, slug, f"https://opencollective.com/{slug}")


def protocol(path: list[str]) -> Artifact | None:
    """Read `/protocol/slug`; DefiLlama's slugs hold dots, brackets, `&` and `+`."""
    slug = path[1].lower() if len(path) > 1 and path[0] == "protocol" else ""
    if not _PROTOCOL.match(slug):
        return None
    address = f"https://defillama.com/protocol/{quote(slug, safe='()&+,.')}"
    return Artifact("DEFILLAMA", "protocol", None, slug, slug, address)


REGISTRIES: dict[str, Callable[[list[str]], Artifact | None]] = {
    "npmjs.com": npm_package,
    "npmjs.org": npm_package,
    "registry.npmjs.org": lambda path: npm_package(["package", *path]),
    "pypi.org": pypi_package,
    "pypi.python.org": pypi_package,
    "crates.io": crate,
    "pkg.go.dev": go_module,
    "opencollective.com": collective,
    "defillama.com": protocol,
}
