"""Addresses of remotes: many spellings of one repository lead to one URL, without credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_SCP = re.compile(r"(?:[^/@:\s]+@)?(?P<host>[^/@:\s]{2,}):(?!//)/*(?P<path>.+)\Z")
_SCHEMES = frozenset({"http", "https", "ssh", "git", "git+ssh", "ssh+git", "git+https", "git+http"})
_CASELESS_HOSTS = frozenset({"github.com"})
_DEFAULT_PORTS = frozenset({None, 80, 443})


@dataclass(frozen=True)
class Remote:
    """Where a repository lives, normalised.

    Attributes:
        url: `https://host/path`, lower-case where the forge is known to fold case.
        host: lower-case, with a port if it is not the usual one.
        name: path without `.git`, lower-case: `owner/name`.
    """

    url: str
    host: str
    name: str


def parse_remote(address: str) -> Remote | None:
    """Return the remote that an address names; None if it names none (a local path, `file://`).

    Knows `https://`, `http://`, `git://`, `ssh://` and scp's `git@host:owner/name.git`.
    """
    address = address.strip()
    if "://" in address:
        return _from_url(address)
    match = _SCP.match(address)
    return _remote(match["host"], match["path"]) if match else None


def is_url(address: str) -> bool:
    """Tell whether an address has to be fetched, rather than being a path."""
    return "://" in address or bool(_SCP.match(address) and not address.startswith((".", "/", "~")))


def _from_url(address: str) -> Remote | None:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in _SCHEMES or not host:
        return None
    is_web = "http" in parts.scheme.lower()
    return _remote(f"{host}:{port}" if is_web and port not in _DEFAULT_PORTS else host, parts.path)


def _remote(host: str, path: str) -> Remote | None:
    host = host.lower().removeprefix("www.")
    path = re.sub(r"/+", "/", unquote(path)).strip("/").removesuffix(".git").rstrip("/")
    if not path or re.search(r"[\s\x00-\x1f]", host + path):
        return None
    shown = path.lower() if host in _CASELESS_HOSTS else path
    return Remote(f"https://{host}/{shown}", host, path.lower())
