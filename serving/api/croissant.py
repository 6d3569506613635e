"""Croissant 1.0 (mlcommons.org/croissant/1.0): a release, or one of its tables, as machine-learning tools take it.

Each Parquet file is a FileObject with its SHA-256, and a RecordSet whose Fields are the table's columns. Of a table of many files one RecordSet alone is
told, over a FileSet of them: that is in the specification's sense, but mlcroissant, its reference implementation, reads FileSets of archives and repositories
only, and finds no record in one of plain files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from catalog.releases import Release, ReleasedFile, ReleasedTable
from serving.api.datasets import file_url
from serving.api.licences import licences_of, spdx_url

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
PARQUET = "application/x-parquet"
"""What Croissant's readers know Parquet by: to mlcroissant the name that IANA registered is an unknown format."""
MOST_RECORD_SETS = 200
"""Files of a table up to which each is a RecordSet."""
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
    "equivalentProperty": "cr:equivalentProperty",
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
    "samplingRate": "cr:samplingRate",
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
        "citeAs": f"{document.dataset}, release {release.id} of {release.created_at:%Y-%m-%d}, {root}",
        "license": [spdx_url(one) or {"@type": "sc:CreativeWork", "name": one} for one in licences_of(tables)],
        "creator": publisher,
        "publisher": publisher,
        "datePublished": f"{release.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "version": f"{release.sequence}.0.0",
        "isLiveDataset": False,
        "keywords": ["open source", "metrics", "lakehouse"],
        "distribution": [one for table in tables for one in _distribution(release, table, base)],
        "recordSet": [one for table in tables for one in _record_sets(table)],
    }


def _distribution(release: Release, table: ReleasedTable, base: str) -> list[dict[str, Any]]:
    files = [_file_object(release, file, base) for file in table.data_files]
    if len(files) <= MOST_RECORD_SETS:
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


def _record_sets(table: ReleasedTable) -> list[dict[str, Any]]:
    """Return what holds a table's rows: the table, or where it has several files each of them."""
    whole, files = f"{table.full_name}/records", table.data_files
    if not files:
        return [_record_set(table, whole, None) | {"data": []}]
    if len(files) == 1:
        return [_record_set(table, whole, {"fileObject": {"@id": _file_id(files[0])}})]
    if len(files) > MOST_RECORD_SETS:
        return [_record_set(table, whole, {"fileSet": {"@id": table.full_name}})]
    return [_record_set(table, f"{whole}/{part}", {"fileObject": {"@id": _file_id(file)}}, part) for part, file in _parts(files)]


def _parts(files: Sequence[ReleasedFile]) -> list[tuple[str, ReleasedFile]]:
    """Return files by names of their own: their partition, with a number where it has several."""
    counts = Counter(file.partition for file in files)
    seen: Counter[str | None] = Counter()
    parts = []
    for file in sorted(files, key=lambda one: (one.partition or "", one.path)):
        seen[file.partition] += 1
        numbered = [str(seen[file.partition])] if counts[file.partition] > 1 else []
        parts.append(("/".join([*([file.partition] if file.partition else []), *numbered]), file))
    return parts


def _record_set(table: ReleasedTable, address: str, source: dict[str, Any] | None, part: str = "") -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": address,
        "name": f"{table.full_name}/{part}" if part else table.full_name,
        "description": f"{table.description} Rows of {part}." if part else table.description,
        "key": [{"@id": f"{address}/{name}"} for name in table.grain],
        "field": [_field(address, field, source) for field in table.schema_["fields"]],
    }


def _field(records: str, field: dict[str, Any], source: dict[str, Any] | None) -> dict[str, Any]:
    kind = field["type"]
    is_list = isinstance(kind, dict)
    told = {
        "@type": "cr:Field",
        "@id": f"{records}/{field['name']}",
        "name": field["name"],
        "description": field.get("doc", ""),
        "dataType": _TYPES[kind["element"] if is_list else kind],
    }
    if is_list:
        told["repeated"] = True
    if source is not None:
        told["source"] = source | {"extract": {"column": field["name"]}}
    return told


def _file_id(file: ReleasedFile) -> str:
    """Return a file's path below the logical bucket."""
    return file.path.split("/", 3)[3]
