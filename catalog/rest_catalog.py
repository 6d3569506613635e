"""The read-only Iceberg REST catalog of a release: one pure function from addresses to JSON documents.

Addresses below a base such as `https://host/prefix`:

    releases/<id>/v1/...   a kept release, for a client that is told its address; immutable
    v1/<id>/...            the same documents, where `v1/config` leads a client to; immutable
    latest/v1/...          the newest release, for a client that keeps its configuration for good (Trino)
    v1/config              which release is the newest: its id stands as `overrides.prefix`

Data, manifests and metadata are named by paths of one logical bucket, `s3://<dataset>/...`. Each answer that hands out a
table says where that bucket is: path style below the base, so `<base>/<dataset>/...`, without credentials.
Defined by the REST catalog's OpenAPI document of Apache Iceberg; only its GET and HEAD operations are here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from catalog.errors import VerificationError
from catalog.release_document import STAGES
from catalog.releases import Release, ReleasedTable

ENDPOINTS = (
    "GET /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "HEAD /v1/{prefix}/namespaces/{namespace}",
    "GET /v1/{prefix}/namespaces/{namespace}/tables",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",
)
ReadMetadata = Callable[[str], bytes]


@dataclass(frozen=True)
class Answer:
    """An HTTP status and the JSON body that goes with it."""

    status: int
    body: bytes


def documents(release: Release, read_metadata: ReadMetadata, base_url: str, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the documents at paths, with their paths.

    Args:
        release: what is served.
        read_metadata: reads the bytes of a table's metadata file, given its virtual path.
        base_url: the public address that all paths are below, without a slash at its end.
        paths: those of `immutable_paths` or of `changing_paths`.

    Raises:
        VerificationError: a metadata file is not the one that the release lists.
    """
    for path in paths:
        yield path, answer(release, read_metadata, base_url, path).body


def immutable_paths(release: Release) -> list[str]:
    """Return the paths of the documents that never change once the release is made."""
    kept = f"releases/{release.id}/v1"
    return [*_paths_below(f"v1/{release.id}", release), *_paths_below(kept, release), f"{kept}/config"]


def changing_paths(release: Release) -> list[str]:
    """Return the paths of the documents that lead to the newest release, in the order in which they are to be moved to a new one."""
    return [*_paths_below("latest/v1", release), "latest/v1/config", "v1/config"]


def _paths_below(root: str, release: Release) -> list[str]:
    namespaces = [path for stage in STAGES for path in (f"{root}/namespaces/{stage}", f"{root}/namespaces/{stage}/tables")]
    tables = [f"{root}/namespaces/{table.stage}/tables/{table.name}" for table in release.tables]
    return [f"{root}/namespaces", *namespaces, *tables]


def is_immutable(path: str) -> bool:
    """Tell whether the document at a path is the same for ever."""
    return path != "v1/config" and not path.startswith("latest/")


def reads_metadata(path: str) -> bool:
    """Tell whether the document at a path is made of a file of the lake; the others follow from the release."""
    return path.split("/")[-2:-1] == ["tables"]


def answer(release: Release, read_metadata: ReadMetadata, base_url: str, path: str) -> Answer:
    """Return the document at one path, or Iceberg's error document with status 404. Arguments as for `documents`."""
    if path == "v1/config":
        return _found(_config({"prefix": release.id}))
    below = below_root(release, path)
    if below is None:
        return error_answer(404, "NotFoundException", f"there is nothing at {path}")
    return _below_root(release, read_metadata, base_url, below)


def below_root(release: Release, path: str) -> str | None:
    """Return what stands below the release's root in a path (`namespaces/marts`); None where it is below none."""
    for root in (f"v1/{release.id}/", f"releases/{release.id}/v1/", "latest/v1/"):
        if path.startswith(root):
            return path.removeprefix(root)
    return None


def existence(release: Release, below: str) -> Answer | None:
    """Return whether there is a namespace or a table: 204, or Iceberg's error; None where the path names neither."""
    match below.split("/"):
        case ["namespaces", stage, "tables", name] if stage in STAGES:
            return _there() if _find_table(release, stage, name) else _no_table(release, stage, name)
        case ["namespaces", stage] | ["namespaces", stage, "tables", _]:
            return _there() if stage in STAGES else _no_namespace(stage)
    return None


def _below_root(release: Release, read_metadata: ReadMetadata, base_url: str, path: str) -> Answer:
    match path.split("/"):
        case ["config"]:
            return _found(_config({}))
        case ["namespaces"]:
            return _found({"namespaces": [[stage] for stage in STAGES]})
        case ["namespaces", stage, *_] if stage not in STAGES:
            return _no_namespace(stage)
        case ["namespaces", stage]:
            return _found({"namespace": [stage], "properties": {"release": release.id, "as_of_date": str(release.as_of_date)}})
        case ["namespaces", stage, "tables"]:
            names = [table.name for table in release.tables if table.stage == stage]
            return _found({"identifiers": [{"namespace": [stage], "name": name} for name in names]})
        case ["namespaces", stage, "tables", name]:
            return _table_answer(release, read_metadata, base_url, stage, name)
    return error_answer(404, "NotFoundException", f"this read-only catalog has no {path}")


def child_namespaces(parent: str) -> Answer:
    """Return the namespaces below one: none, or Iceberg's error if it doesn't exist; static files can only answer with all."""
    return _found({"namespaces": []}) if parent in STAGES else _no_namespace(parent)


def _no_namespace(name: str) -> Answer:
    return error_answer(404, "NoSuchNamespaceException", f"namespace {name} does not exist; there are {', '.join(STAGES)}")


def _table_answer(release: Release, read_metadata: ReadMetadata, base_url: str, stage: str, name: str) -> Answer:
    table = _find_table(release, stage, name)
    if table is None:
        return _no_table(release, stage, name)
    metadata = pinned_metadata(table, read_metadata(table.metadata_file))
    return _found({"metadata-location": table.metadata_file, "metadata": metadata, "config": vended_config(base_url)})


def _find_table(release: Release, stage: str, name: str) -> ReleasedTable | None:
    return next((table for table in release.tables if (table.stage, table.name) == (stage, name)), None)


def _no_table(release: Release, stage: str, name: str) -> Answer:
    return error_answer(404, "NoSuchTableException", f"table {stage}.{name} does not exist in release {release.id}")


def pinned_metadata(table: ReleasedTable, content: bytes) -> dict[str, Any]:
    """Return a table's metadata as the release pins it: one snapshot, the current one; no history whose files aren't released.

    Raises:
        VerificationError: the content is not that of the metadata file that the release lists.
    """
    expected = next((file.sha256 for file in table.files if file.path == table.metadata_file), None)
    if hashlib.sha256(content).hexdigest() != expected:
        raise VerificationError(
            f"{table.metadata_file} is not the file that the release lists (SHA-256 {expected})", path=table.metadata_file
        )
    metadata: dict[str, Any] = orjson.loads(content)
    snapshot_id = int(table.snapshot_id)
    metadata["snapshots"] = [one for one in metadata["snapshots"] if one["snapshot-id"] == snapshot_id]
    metadata["current-snapshot-id"] = snapshot_id
    metadata["refs"] = {"main": {"snapshot-id": snapshot_id, "type": "branch"}}
    for history in ("snapshot-log", "metadata-log", "statistics", "partition-statistics"):
        metadata[history] = []
    return metadata


def vended_config(base_url: str) -> dict[str, str]:
    """Return where the logical bucket is and that it takes no credentials, in the words of DuckDB, PyIceberg and Java."""
    return {
        "s3.endpoint": base_url,
        "s3.path-style-access": "true",
        "s3.region": "us-east-1",
        "client.region": "us-east-1",
        "s3.anonymous": "true",
        "client.credentials-provider": "software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider",
    }


def error_answer(status: int, kind: str, message: str) -> Answer:
    """Return Iceberg's error document; `kind` is the name of an exception of its Java library."""
    return Answer(status, orjson.dumps({"error": {"message": message, "type": kind, "code": status}}))


def _config(overrides: dict[str, str]) -> dict[str, Any]:
    return {"defaults": {}, "overrides": overrides, "endpoints": list(ENDPOINTS)}


def _found(document: dict[str, Any]) -> Answer:
    return Answer(200, orjson.dumps(document))


def _there() -> Answer:
    return Answer(204, b"")
