"""Released tables as data sets: what each says, its columns, where it comes from, and its files to download."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import orjson

from catalog.bucket import bucket_key
from catalog.release_document import STAGES
from catalog.releases import Release, ReleasedFile, ReleasedTable
from serving.api.answers import Asked, Body
from serving.api.documents import JSON_OPTIONS, take_only
from serving.api.errors import RequestError, unknown
from serving.api.lineage import models_of, raw_tables
from serving.api.lists import envelope

ROW_FORMATS = ("ndjson", "csv", "arrow")


def datasets_answer(asked: Asked) -> Body:
    """Return all released tables, or with `stage=` those of a stage; without their files.

    Raises:
        RequestError: no such stage, or another parameter.
    """
    take_only(asked, "stage")
    stage = asked.value("stage")
    if stage and stage not in STAGES:
        raise unknown("stage", stage, STAGES, parameter="stage")
    tables = [table for table in asked.replica.release.tables if stage in ("", table.stage)]
    return _body(asked, [told_dataset(asked, table) for table in tables])


def dataset_answer(asked: Asked, name: str) -> Body:
    """Return one released table with its files, by partition.

    Raises:
        RequestError: 404, there is no such table; near names are told.
    """
    take_only(asked)
    table = named_table(asked.replica.release, name)
    files = sorted(table.data_files, key=lambda file: (file.partition or "", file.path))
    told = [_told_file(asked.replica.release, file) for file in files]
    return _body(asked, told_dataset(asked, table) | {"files": told})


def named_table(release: Release, name: str) -> ReleasedTable:
    """Return a table of a release by `stage.name`.

    Raises:
        RequestError: 404, there is none; near names are told.
    """
    for table in release.tables:
        if table.full_name == name:
            return table
    names = [table.full_name for table in release.tables]
    plain = [one for one in names if one.partition(".")[2] == name]
    if plain:
        raise RequestError(404, f"there is no dataset {name!r}; is {' or '.join(plain)} meant?", near=plain)
    raise unknown("dataset", name, names, status=404)


def told_dataset(asked: Asked, table: ReleasedTable) -> dict[str, Any]:
    """Return what is said of a table."""
    release, root = asked.replica.release, f"{asked.root}/datasets/{table.full_name}"
    inputs = raw_tables(models_of(asked.replica), table.full_name)
    return {
        "name": table.full_name,
        "stage": table.stage,
        "table": table.name,
        "description": table.description,
        "licence": table.licence,
        "sources": [_told_source(release, name) for name in inputs],
        "grain": table.grain,
        "columns": [told_column(field) for field in table.schema_["fields"]],
        "partitioned_by": [field["name"] for field in table.partition_spec["fields"]],
        "row_count": table.row_count,
        "size_bytes": sum(file.size_bytes for file in table.data_files),
        "file_count": len(table.data_files),
        "content_digest": table.content_digest,
        "snapshot_id": table.snapshot_id,
        "url": root,
        "rows": {name: f"{root}/rows.{name}" for name in ROW_FORMATS},
        "croissant": f"{root}/croissant",
        "iceberg_metadata": file_url(release, table.metadata_file),
    }


def told_column(field: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of a column of Iceberg's schema."""
    return {"name": field["name"], "type": type_text(field["type"]), "is_required": field["required"], "description": field.get("doc", "")}


def type_text(kind: Any) -> str:
    """Return an Iceberg type as text: `long`, `list<string>`."""
    return f"list<{type_text(kind['element'])}>" if isinstance(kind, dict) else str(kind)


def file_url(release: Release, path: str) -> str:
    """Return where the file under a path of a release is read from this server."""
    dataset = release.document.dataset
    return f"/{dataset}/{quote(bucket_key(dataset, path))}"


def _told_source(release: Release, name: str) -> dict[str, Any]:
    """Return a raw table that a table is made of, with the licence that asks for attribution."""
    found: Iterable[str] = (table.licence for table in release.tables if table.full_name == name)
    return {"name": name, "source": name.removeprefix("raw.").partition("__")[0], "licence": next(iter(found), None)}


def _told_file(release: Release, file: ReleasedFile) -> dict[str, Any]:
    return {
        "url": file_url(release, file.path),
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "row_count": file.row_count,
        "partition": file.partition,
        "content_digest": file.content_digest,
    }


def _body(asked: Asked, data: Any) -> Body:
    return Body(envelope(asked, orjson.dumps(data, option=JSON_OPTIONS)))
