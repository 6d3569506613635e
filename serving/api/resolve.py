"""From what somebody has in hand to what the lake knows by it: a name, a former name, a repository's URL, a package URL, an address, an id.

The text is read as the directory's entries are (catalog/addresses), so that the same spellings lead to the same artifact.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from packageurl import PackageURL

from catalog.addresses.artifacts import Artifact
from catalog.addresses.entries import artifact_at
from serving.api.answers import Asked, Body
from serving.api.errors import RequestError, unknown
from serving.api.lists import envelope
from serving.replica.replica import Entity, Replica

MAX_TEXT = 1_000
MAX_NAMES = 1_000
ROWS_A_NAME = 20
"""What looking a name up counts for in the cost of an answer."""
_TOLD = 5
_HEX_ID = re.compile(r"[0-9a-f]{64}")
_OSO_ID = re.compile(r"[A-Za-z0-9+/_-]{43}=?")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_URLS = {"npm": "https://www.npmjs.com/package/{}", "pypi": "https://pypi.org/project/{}", "cargo": "https://crates.io/crates/{}"}
_FORGES = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}
_SHOWN = "artifact_id, oso_id, artifact_source, artifact_kind, artifact_namespace, artifact_name, artifact_url, canonical_artifact_id"


@dataclass(frozen=True)
class Read:
    """How a text was read: `as_` says as what, the rest where to look."""

    as_: str
    artifact: Artifact | None = None
    text: str = ""


def read_text(text: str) -> Read:
    """Return how a text is to be read."""
    text = text.strip()
    if text.startswith("pkg:"):
        return Read("package URL", _of_package_url(text), text)
    if _ADDRESS.fullmatch(text):
        return Read("address", None, text.lower())
    if _HEX_ID.fullmatch(text):
        return Read("id", None, text)
    if re.match(r"(https?|git|ssh)://|git@|(www\.)?(github|gitlab|npmjs|pypi|crates|bitbucket)\.", text):
        found = artifact_at("github", text)
        return Read("URL", found if isinstance(found, Artifact) else None, text)
    if _OSO_ID.fullmatch(text):
        return Read("oso_id", None, text.replace("-", "+").replace("_", "/"))
    return Read("name", None, text.lower())


def _of_package_url(text: str) -> Artifact | None:
    try:
        parts = PackageURL.from_string(text)
    except ValueError:
        return None
    name = "/".join(part for part in (parts.namespace, parts.name) if part)
    if parts.type == "golang":
        found = artifact_at("go", f"https://{name}")
    elif parts.type in _FORGES:
        found = artifact_at("github", f"https://{_FORGES[parts.type]}/{name}")
    elif parts.type in _URLS:
        found = artifact_at(parts.type, _URLS[parts.type].format(name))
    else:
        return None
    return found if isinstance(found, Artifact) else None


def resolve(replica: Replica, text: str) -> dict[str, Any]:
    """Return what a text means: how it was read, artifacts with their projects, projects, collections; empty lists where nothing is known."""
    read = read_text(text)
    artifacts = _artifacts(replica, read)
    found: dict[str, Any] = {
        "asked": text,
        "read_as": read.as_,
        "artifacts": [one | {"projects": _projects(replica, one)} for one in artifacts],
    }
    for level in ("project", "collection"):
        found[f"{level}s"] = _by_level(replica, level, read) if read.as_ in ("id", "oso_id", "name") else []
    return found


def artifact_meant(replica: Replica, text: str) -> Entity | None:
    """Return the one artifact that a text means; of several that bore a name, the one that an address leads to now.

    Raises:
        RequestError: it means several.
    """
    read = read_text(text)
    found = _artifacts(replica, read)
    if len(found) > 1 and read.artifact is None:
        told = ", ".join(f"{one['artifact_source']} {_name_of(one)} ({one['artifact_id']})" for one in found[:_TOLD])
        raise RequestError(400, f"artifact={text[:100]} means several: {told}; an id or a package URL means one", parameter="artifact")
    return Entity("artifact", found[0]["canonical_artifact_id"] or found[0]["artifact_id"], _name_of(found[0])) if found else None


def _name_of(artifact: dict[str, Any]) -> str:
    return "/".join(part for part in (artifact["artifact_namespace"], artifact["artifact_name"]) if part) or str(artifact["artifact_id"])


def _artifacts(replica: Replica, read: Read) -> list[dict[str, Any]]:
    """Return the artifacts that a text means, each once, by its canonical id, and by what of it they were found."""
    if "artifacts_v1" not in replica.tables:
        return []
    found: dict[str, str] = {}
    for artifact_id, matched in _candidates(replica, read):
        found.setdefault(artifact_id, matched)
    told = []
    for artifact_id, matched in found.items():
        rows = replica.look_up(f"SELECT {_SHOWN} FROM artifacts_v1 WHERE artifact_id = ? LIMIT 1", (artifact_id,))
        told += [dict(zip(_SHOWN.split(", "), row, strict=True)) | {"matched_by": matched} for row in rows]
    return told


def _candidates(replica: Replica, read: Read) -> list[tuple[str, str]]:
    """Return canonical ids with what they were found by."""
    if read.as_ in ("id", "oso_id"):
        key = "artifact_id" if read.as_ == "id" else "oso_id"
        rows = replica.look_up(f"SELECT coalesce(canonical_artifact_id, artifact_id) FROM artifacts_v1 WHERE {key} = ?", (read.text,))
        return [(one, read.as_) for (one,) in rows]
    if read.artifact is not None:
        return _of_artifact(replica, read.artifact)
    if read.as_ == "address":
        rows = replica.look_up(
            "SELECT coalesce(canonical_artifact_id, artifact_id) FROM artifacts_v1 WHERE artifact_name = ?", (read.text,)
        )
        return [(one, "address") for (one,) in rows]
    if read.as_ == "name":
        namespace, _, name = read.text.rpartition("/")
        return _by_name(replica, None, namespace or None, name)
    return []


def _of_artifact(replica: Replica, artifact: Artifact) -> list[tuple[str, str]]:
    """Return the ids of what an address names: by its names (which lead to the number that bears them now, or bore them), else by its own id."""
    named = _by_name(replica, artifact.source, artifact.namespace, artifact.name)
    if artifact.kind == "account_name":
        named = [one for one in named if "/" not in artifact.name]
    if named:
        return named
    artifact_id = hashlib.sha256("\x1f".join((artifact.source, artifact.kind, artifact.key)).encode()).hexdigest()
    rows = replica.look_up("SELECT coalesce(canonical_artifact_id, artifact_id) FROM artifacts_v1 WHERE artifact_id = ?", (artifact_id,))
    return [(one, "address") for (one,) in rows]


def _by_name(replica: Replica, source: str | None, namespace: str | None, name: str) -> list[tuple[str, str]]:
    """Return ids by name: who bears it now, then who bore it, the latest first."""
    found: list[tuple[str, str]] = []
    for column, table, matched, order in (
        ("coalesce(canonical_artifact_id, artifact_id)", "artifacts_v1", "name", "last_event_at IS NULL, last_event_at DESC"),
        ("canonical_artifact_id", "artifact_aliases_v1", "former_name", "last_seen_at IS NULL, last_seen_at DESC"),
    ):
        if table in replica.tables:
            rows = replica.look_up(
                f"SELECT {column} FROM {table} WHERE artifact_name = ?1 AND artifact_namespace IS NOT DISTINCT FROM ?2"
                f" AND (?3 IS NULL OR artifact_source = ?3) ORDER BY {order} LIMIT 20",
                (name, namespace, source),
            )
            found += [(one, matched) for (one,) in rows if one]
    return found


def _projects(replica: Replica, artifact: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the projects that list an artifact."""
    if "artifacts_by_project_v1" not in replica.tables:
        return []
    wanted = artifact["canonical_artifact_id"] or artifact["artifact_id"]
    rows = replica.look_up(
        "SELECT DISTINCT project_id, project_name FROM artifacts_by_project_v1 WHERE artifact_id = ? ORDER BY 2", (wanted,)
    )
    return [{"project_id": project_id, "project_name": name} for project_id, name in rows]


def _by_level(replica: Replica, level: str, read: Read) -> list[dict[str, Any]]:
    found = replica.entity(level, read.text)
    return [{f"{level}_id": found.id, f"{level}_name": found.name}] if found else []


def respond(asked: Asked) -> Body:
    """Answer `/v1/resolve?q=...`.

    Raises:
        RequestError: nothing is asked, a parameter isn't known, or nothing is known by this.
    """
    for name, _ in asked.parameters:
        if name != "q":
            raise unknown("parameter", name, ("q",), parameter=name)
    text = asked.value("q").strip()
    if not text or len(text) > MAX_TEXT:
        raise RequestError(
            400, "q is to be a name, a URL, a package URL, an address or an id: /v1/resolve?q=pkg:npm/left-pad", parameter="q"
        )
    found = resolve(asked.replica, text)
    if not (found["artifacts"] or found["projects"] or found["collections"]):
        raise RequestError(
            404, f"nothing is known by {text[:100]!r} (read as {found['read_as']}); /v1/search finds what is near a name", parameter="q"
        )
    return Body(envelope(asked, orjson.dumps(found)))


def respond_all(asked: Asked, texts: Sequence[str]) -> Body:
    """Answer `/v1/lookup`: what each of many texts means, in their order.

    Raises:
        RequestError: there are none, or too many of them.
    """
    if not texts or len(texts) > MAX_NAMES or any(not text.strip() or len(text) > MAX_TEXT for text in texts):
        raise RequestError(
            400, f"a look-up takes 1 to {MAX_NAMES:,} names, URLs, package URLs, addresses or ids, of {MAX_TEXT:,} characters at most"
        )
    return Body(
        envelope(asked, b"[" + b",\n".join(orjson.dumps(resolve(asked.replica, text)) for text in texts) + b"]"),
        rows=ROWS_A_NAME * len(texts),
    )
