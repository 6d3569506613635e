"""DCAT-AP: a release as a catalogue of data sets, as portals of public data take it (JSON-LD)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from catalog.releases import Release, ReleasedTable
from serving.api.datasets import ROW_FORMATS, file_url
from serving.api.formats import FORMATS
from serving.api.licences import licences_of, spdx_url

CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
PARQUET = "application/vnd.apache.parquet"
_MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
_SHA256 = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"


def dcat(release: Release, tables: Iterable[ReleasedTable], base: str) -> dict[str, Any]:
    """Return the catalogue of tables of a release.

    Args:
        release: that they are of.
        tables: each one a data set.
        base: the server's address, without a slash at its end.
    """
    document, root = release.document, f"{base}/releases/{release.id}/v1"
    shown = list(tables)
    return {
        "@context": CONTEXT,
        "@id": f"{root}/dcat",
        "@type": "dcat:Catalog",
        "dct:title": _text(document.dataset),
        "dct:description": _text(f"Impact data of open-source software, of days up to {release.as_of_date}."),
        "dct:publisher": _publisher(release, base),
        "dct:issued": _time(release),
        "dct:modified": _time(release),
        "dct:identifier": release.id,
        "dct:license": [_licence(one) for one in licences_of(shown)],
        "foaf:homepage": {"@id": f"{base}/"},
        "dcat:service": _service(release, shown, base),
        "dcat:dataset": [_dataset(release, table, base) for table in shown],
    }


def _dataset(release: Release, table: ReleasedTable, base: str) -> dict[str, Any]:
    address = f"{base}/releases/{release.id}/v1/datasets/{table.full_name}"
    return {
        "@id": address,
        "@type": "dcat:Dataset",
        "dct:title": _text(table.full_name),
        "dct:description": _text(table.description),
        "dct:identifier": f"{release.document.dataset}:{table.full_name}",
        "dct:publisher": _publisher(release, base),
        "dct:issued": _time(release),
        "dct:license": _licence(table.licence),
        "dcat:landingPage": {"@id": address},
        "dcat:version": str(release.sequence),
        "dcat:keyword": [_text(table.stage), _text("open source")],
        "dcat:distribution": [_parquet(release, table, address, base), *(_rows(release, table, address, name) for name in ROW_FORMATS)],
    }


def _parquet(release: Release, table: ReleasedTable, address: str, base: str) -> dict[str, Any]:
    """Return the Parquet files as a distribution; where it is one, with its own address and checksum."""
    told = _distribution(release, table, f"{address}#parquet", "Parquet", PARQUET) | {"dcat:accessURL": {"@id": address}}
    files = table.data_files
    told["dcat:byteSize"] = {"@value": str(sum(file.size_bytes for file in files)), "@type": "xsd:nonNegativeInteger"}
    if len(files) == 1:
        told["dcat:downloadURL"] = {"@id": f"{base}{file_url(release, files[0].path)}"}
        told["spdx:checksum"] = {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": _SHA256},
            "spdx:checksumValue": {"@value": files[0].sha256, "@type": "xsd:hexBinary"},
        }
    return told


def _rows(release: Release, table: ReleasedTable, address: str, name: str) -> dict[str, Any]:
    media_type = FORMATS[name].media_type.partition(";")[0]
    place = {"@id": f"{address}/rows.{name}"}
    return _distribution(release, table, f"{address}#{name}", name, media_type) | {"dcat:accessURL": place, "dcat:downloadURL": place}


def _distribution(release: Release, table: ReleasedTable, address: str, title: str, media_type: str) -> dict[str, Any]:
    return {
        "@id": address,
        "@type": "dcat:Distribution",
        "dct:title": _text(f"{table.full_name} as {title}"),
        "dct:license": _licence(table.licence),
        "dct:issued": _time(release),
        "dcat:mediaType": {"@id": f"{_MEDIA_TYPES}{media_type}"},
    }


def _service(release: Release, tables: list[ReleasedTable], base: str) -> dict[str, Any]:
    root = f"{base}/releases/{release.id}"
    return {
        "@id": f"{root}/v1#iceberg",
        "@type": "dcat:DataService",
        "dct:title": _text("Iceberg REST catalog"),
        "dcat:endpointURL": {"@id": root},
        "dcat:servesDataset": [{"@id": f"{root}/v1/datasets/{table.full_name}"} for table in tables],
    }


def _publisher(release: Release, base: str) -> dict[str, Any]:
    return {"@id": f"{base}/#publisher", "@type": "foaf:Agent", "foaf:name": _text(release.document.dataset)}


def _licence(licence: str) -> dict[str, Any]:
    address = spdx_url(licence)
    return {"@id": address} if address else {"@type": "dct:LicenseDocument", "dct:title": _text(licence)}


def _time(release: Release) -> dict[str, str]:
    return {"@value": f"{release.created_at:%Y-%m-%dT%H:%M:%SZ}", "@type": "xsd:dateTime"}


def _text(text: str) -> dict[str, str]:
    return {"@value": text, "@language": "en"}
