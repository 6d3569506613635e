"""From an entry's text to the artifact that it names.

The host of a URL decides what the artifact is, since it can name nothing else: an npm URL under `crates` is an npm
package, a GitLab URL under `github` a repository of GitLab. The field decides where the host can't: under `go`,
`github.com/owner/name` is a module. A URL at any other host is a misfit, and so is a page that is no artifact's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from catalog.addresses.artifacts import Artifact, Misfit
from catalog.addresses.forges import FORGES, artifact_on_forge
from catalog.addresses.registries import REGISTRIES, go_module
from catalog.addresses.remotes import parse_remote

LONGEST = 2_000
"""Characters of a URL: keys hold it, and a key of PostgreSQL takes up to 2,704 bytes."""
URL_FIELDS = frozenset({"github", "npm", "crates", "pypi", "go", "open_collective", "defillama"})

_BLANKS = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]+")
_EVM_ADDRESS = re.compile(r"0x[0-9a-f]{40}\Z")
_NETWORK = re.compile(r"[a-z][a-z0-9_]{1,63}\Z")
_FORMER_NETWORKS = {"arbitrum": "arbitrum_one", "ethereum": "mainnet", "polygon": "matic"}
_SCHEMES = frozenset({"http", "https", "git", "ssh"})


@lru_cache(maxsize=65_536)
def artifact_at(field: str, text: str) -> Artifact | Misfit:
    """Return the artifact that a URL in a list such as `github` or `npm` names; blanks in it play no part."""
    if len(text) > LONGEST:
        return Misfit("bad_url", f"a text of {len(text):,} characters, {text[:40]!r}..., is no URL")
    place = _split(text)
    if place is None:
        return Misfit("bad_url", f"{text!r} is no URL")
    host, path = place
    if host in REGISTRIES:
        found = REGISTRIES[host](path)
    elif field == "go":
        found = go_module([host, *path])
    elif host in FORGES:
        found = artifact_on_forge(host, path)
    else:
        return Misfit("wrong_host", f"an entry of {field} can't be at {host!r}")
    return found or Misfit("not_an_artifact", f"{text!r} names nothing that {field} could list")


@lru_cache(maxsize=65_536)
def artifact_of_address(network: str, address: str) -> Artifact | Misfit:
    """Return the artifact of an address on a network; blanks, case and the network's former names play no part.

    `any_evm` is a network of its own, ANY_EVM: which chains it means depends on what is loaded, not on the directory.
    """
    network = _BLANKS.sub("", network).lower().replace("-", "_")
    network = _FORMER_NETWORKS.get(network, network)
    if not _NETWORK.match(network):
        return Misfit("bad_network", f"{network!r} is no network's name")
    compact = _BLANKS.sub("", address).lower()
    if not _EVM_ADDRESS.match(compact):
        return Misfit("bad_address", f"{compact!r}, of {len(compact)} characters, is not 0x and 40 hex digits")
    return Artifact(network.upper(), "address", None, compact, compact, None)


def _split(text: str) -> tuple[str, list[str]] | None:
    """Return a URL's host, without `www.`, and the parts of its path; None if it is no URL."""
    text = _BLANKS.sub("", text)
    if "://" not in text:
        remote = parse_remote(text)
        text = f"{remote.url}{'/.git' if text.endswith('/.git') else ''}" if remote else f"https://{text}"
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    if not host or parts.scheme.lower() not in _SCHEMES:
        return None
    return host, [part for part in unquote(parts.path).split("/") if part]
