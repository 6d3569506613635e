"""DCAT-AP 3: a release as a catalogue of data sets, as portals of public data take it (JSON-LD).

What is named by an address says of which class it is, since a portal checks that in the document alone. Of what DCAT-AP recommends, contact, place and
availability are left out: a lake doesn't know them.
"""

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
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
PARQUET = "application/vnd.apache.parquet"
_MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
_ICEBERG = "https://raw.githubusercontent.com/apache/iceberg/main/open-api/rest-catalog-open-api.yaml"
_AUTHORITY = "http://publications.europa.eu/resource/authority"
_TITLES = {"parquet": "Parquet", "ndjson": "NDJSON", "csv": "CSV", "arrow": "Arrow IPC stream"}
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
        "dct:language": _named("dct:LinguisticSystem", f"{_AUTHORITY}/language/ENG"),
        **_terms(shown),
        "foaf:homepage": _named("foaf:Document", f"{base}/"),
        "dcat:themeTaxonomy": _named("skos:ConceptScheme", f"{_AUTHORITY}/data-theme") | {"dct:title": _text("Data theme")},
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
        "dct:language": _named("dct:LinguisticSystem", f"{_AUTHORITY}/language/ENG"),
        "dcat:landingPage": _named("foaf:Document", address),
        "dcat:version": str(release.sequence),
        "dcat:theme": _named("skos:Concept", f"{_AUTHORITY}/data-theme/TECH") | {"skos:prefLabel": _text("Science and technology")},
        "dcat:keyword": [_text(table.stage), _text("open source")],
        "dcat:distribution": [_parquet(release, table, address, base), *(_rows(release, table, address, name) for name in ROW_FORMATS)],
    }


def _parquet(release: Release, table: ReleasedTable, address: str, base: str) -> dict[str, Any]:
    """Return the Parquet files as a distribution; where it is one, with its own address and checksum."""
    told = _distribution(release, table, f"{address}#parquet", "parquet", PARQUET) | {"dcat:accessURL": {"@id": address}}
    files = table.data_files
    told["dcat:byteSize"] = {"@value": str(sum(file.size_bytes for file in files)), "@type": "xsd:nonNegativeInteger"}
    if len(files) == 1:
        told["dcat:downloadURL"] = {"@id": f"{base}{file_url(release, files[0].path)}"}
        told["spdx:checksum"] = {
            "@type": "spdx:Checksum",
            "spdx:algorithm": _named("spdx:ChecksumAlgorithm", _SHA256),
            "spdx:checksumValue": {"@value": files[0].sha256, "@type": "xsd:hexBinary"},
        }
    return told


def _rows(release: Release, table: ReleasedTable, address: str, name: str) -> dict[str, Any]:
    media_type = FORMATS[name].media_type.partition(";")[0]
    place = {"@id": f"{address}/rows.{name}"}
    return _distribution(release, table, f"{address}#{name}", name, media_type) | {"dcat:accessURL": place, "dcat:downloadURL": place}


def _distribution(release: Release, table: ReleasedTable, address: str, name: str, media_type: str) -> dict[str, Any]:
    title = _TITLES[name]
    told = {
        "@id": address,
        "@type": "dcat:Distribution",
        "dct:title": _text(f"{table.full_name} as {title}"),
        "dct:description": _text(f"All {table.row_count:,} rows of {table.full_name} as {title}."),
        "dct:license": _licence(table.licence),
        "dct:issued": _time(release),
        "dct:format": {"@type": "dct:MediaTypeOrExtent", "rdfs:label": title},
    }
    if not media_type.startswith("application/x-"):  # those have no address: nobody registered them
        told["dcat:mediaType"] = _named("dct:MediaType", f"{_MEDIA_TYPES}{media_type}")
    return told


def _terms(tables: list[ReleasedTable]) -> dict[str, Any]:
    """Return what the catalogue may be used under: the one licence of its data sets, or that each has its own, since a catalogue may have but one."""
    licences = licences_of(tables)
    if len(licences) == 1:
        return {"dct:license": _licence(licences[0])}
    return {"dct:rights": {"@type": "dct:RightsStatement", "rdfs:label": _text("Each data set says its own licence.")}}


def _service(release: Release, tables: list[ReleasedTable], base: str) -> dict[str, Any]:
    root = f"{base}/releases/{release.id}"
    return {
        "@id": f"{root}/v1#iceberg",
        "@type": "dcat:DataService",
        "dct:title": _text("Iceberg REST catalog"),
        "dcat:endpointURL": {"@id": root},
        "dcat:endpointDescription": {"@id": _ICEBERG},
        "dcat:servesDataset": [{"@id": f"{root}/v1/datasets/{table.full_name}"} for table in tables],
    }


def _publisher(release: Release, base: str) -> dict[str, Any]:
    return {"@id": f"{base}/#publisher", "@type": "foaf:Agent", "foaf:name": _text(release.document.dataset)}


def _licence(licence: str) -> dict[str, Any]:
    address = spdx_url(licence)
    return _named("dct:LicenseDocument", address) if address else {"@type": "dct:LicenseDocument", "dct:title": _text(licence)}


def _named(kind: str, address: str) -> dict[str, Any]:
    """Return what stands for something by its address."""
    return {"@id": address, "@type": kind}


def _time(release: Release) -> dict[str, str]:
    return {"@value": f"{release.created_at:%Y-%m-%dT%H:%M:%SZ}", "@type": "xsd:dateTime"}


def _text(text: str) -> dict[str, str]:
    return {"@value": text, "@language": "en"}
