"""Croissant 1.0 (mlcommons.org/croissant/1.0): a release, or one of its tables, as machine-learning tools take it.

Each Parquet file is a FileObject with its SHA-256; a table of several files is a FileSet of them besides; each table is a RecordSet, each column a Field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.releases import Release, ReleasedFile, ReleasedTable
from serving.api.datasets import file_url
from serving.api.licences import licences_of, spdx_url

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
PARQUET = "application/vnd.apache.parquet"
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {
    "string": "sc:Text",
    "long": "sc:Integer",
    "int": "sc:Integer",
    "double": "sc:Float",
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "timestamptz": "sc:DateTime",
}


def croissant(release: Release, tables: Sequence[ReleasedTable], base: str, name: str = "") -> dict[str, Any]:
    """Return the description of tables of a release.

    Args:
        release: that they are of.
        tables: described with all their files.
        base: the server's address, without a slash at its end.
        name: of the one table that is described; empty: the release as a whole.
    """
    document, root = release.document, f"{base}/releases/{release.id}/v1"
    publisher = {"@type": "sc:Organization", "name": document.dataset, "url": f"{base}/"}
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "@id": f"{root}/datasets/{name}" if name else f"{root}/datasets",
        "conformsTo": CONFORMS_TO,
        "name": name.replace(".", "-") or document.dataset,
        "description": tables[0].description if name else f"Impact data of open-source software, of days up to {release.as_of_date}.",
        "url": f"{root}/datasets/{name}" if name else f"{base}/",
        "license": [spdx_url(one) or {"@type": "sc:CreativeWork", "name": one} for one in licences_of(tables)],
        "creator": publisher,
        "publisher": publisher,
        "datePublished": f"{release.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "version": f"{release.sequence}.0.0",
        "isLiveDataset": False,
        "keywords": ["open source", "metrics", "lakehouse"],
        "distribution": [one for table in tables for one in _distribution(release, table, base)],
        "recordSet": [_record_set(table) for table in tables],
    }


def _distribution(release: Release, table: ReleasedTable, base: str) -> list[dict[str, Any]]:
    files = [_file_object(release, file, base) for file in table.data_files]
    if len(files) < 2:
        return files
    whole = {
        "@type": "cr:FileSet",
        "@id": table.full_name,
        "name": table.full_name,
        "description": f"All Parquet files of {table.full_name}.",
        "containedIn": [{"@id": one["@id"]} for one in files],
        "encodingFormat": PARQUET,
        "includes": "*.parquet",
    }
    return [*files, whole]


def _file_object(release: Release, file: ReleasedFile, base: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": _file_id(file),
        "name": file.path.rpartition("/")[2],
        "contentUrl": f"{base}{file_url(release, file.path)}",
        "contentSize": f"{file.size_bytes} B",
        "encodingFormat": PARQUET,
        "sha256": file.sha256,
    }


def _record_set(table: ReleasedTable) -> dict[str, Any]:
    told = {
        "@type": "cr:RecordSet",
        "@id": f"{table.full_name}/records",
        "name": table.full_name,
        "description": table.description,
        "key": [{"@id": _field_id(table, name)} for name in table.grain],
        "field": [_field(table, field) for field in table.schema_["fields"]],
    }
    return told if table.data_files else told | {"data": []}


def _field(table: ReleasedTable, field: dict[str, Any]) -> dict[str, Any]:
    kind = field["type"]
    is_list = isinstance(kind, dict)
    told = {
        "@type": "cr:Field",
        "@id": _field_id(table, field["name"]),
        "name": field["name"],
        "description": field.get("doc", ""),
        "dataType": _TYPES[kind["element"] if is_list else kind],
    }
    if is_list:
        told["repeated"] = True
    if table.data_files:
        told["source"] = _source(table) | {"extract": {"column": field["name"]}}
    return told


def _source(table: ReleasedTable) -> dict[str, Any]:
    """Return what a table's columns are read from: its file, or the set of them."""
    if len(table.data_files) == 1:
        return {"fileObject": {"@id": _file_id(table.data_files[0])}}
    return {"fileSet": {"@id": table.full_name}}


def _file_id(file: ReleasedFile) -> str:
    """Return a file's path below the logical bucket."""
    return file.path.split("/", 3)[3]


def _field_id(table: ReleasedTable, column: str) -> str:
    return f"{table.full_name}/records/{column}"
