"""Repositories and owners in the URLs of forges."""

from __future__ import annotations

import re

from catalog.addresses.artifacts import Artifact

FORGES = {"github.com": "GITHUB", "gitlab.com": "GITLAB", "codeberg.org": "CODEBERG", "bitbucket.org": "BITBUCKET"}

_OWNER = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}\Z")
_REPOSITORY = re.compile(r"(?!\.{1,2}\Z)[a-z0-9._-]{1,100}\Z")
_PART = re.compile(r"[a-z0-9_][a-z0-9_.+-]{0,254}\Z")
_BEFORE_OWNER = ("orgs", "users", "sponsors")
_PAGES = frozenset(
    {
        *("about", "apps", "collections", "enterprise", "explore", "features", "issues", "join", "login"),
        *("marketplace", "notifications", "organizations", "pricing", "pulls", "search", "settings"),
        *("topics", "trending"),
    }
)


def artifact_on_forge(host: str, path: list[str]) -> Artifact | None:
    """Return the repository or the owner at a path, in lower case; what follows the repository's name plays no part."""
    path = [part.lower() for part in path]
    return _on_github(path) if host == "github.com" else _on_other(host, path)


def _on_github(path: list[str]) -> Artifact | None:
    """Read `/owner/name/...`, `/owner`, `/orgs/owner/...`; pages of GitHub's own are no owners."""
    if path[:1] and path[0] in _BEFORE_OWNER:
        path = path[1:2]
    owner, *names = path[:2] or [""]
    owner = owner.removeprefix("@")
    if owner in _PAGES or not _OWNER.match(owner):
        return None
    if not names:
        return _owner("github.com", owner)
    name = names[0].removesuffix(".git")
    return _repository("github.com", [owner], name) if _REPOSITORY.match(name) else None


def _on_other(host: str, path: list[str]) -> Artifact | None:
    """Read `/owner/name/...`; groups of GitLab may be nested, and pages of a project stand after `/-/`."""
    path = path[: path.index("-")] if "-" in path else path
    path = path if host == "gitlab.com" else path[:2]
    if not path or not all(_PART.match(part) for part in path):
        return None
    *owners, name = path
    if not owners:
        return _owner(host, name)
    name = name.removesuffix(".git")
    return _repository(host, owners, name) if name else None


def _owner(host: str, owner: str) -> Artifact:
    return Artifact(FORGES[host], "account_name", None, owner, owner, f"https://{host}/{owner}")


def _repository(host: str, owners: list[str], name: str) -> Artifact:
    namespace = "/".join(owners)
    key = f"{namespace}/{name}"
    return Artifact(FORGES[host], "repository_name", namespace, name, key, f"https://{host}/{key}")
