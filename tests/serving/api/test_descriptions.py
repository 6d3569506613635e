"""Croissant and DCAT-AP: what their specifications require is there, and every address leads where it says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from released_lake import ReleasedLake
from web_servers import AppClient, answering

from serving.api.croissant import croissant as described
from serving.api.dcat import dcat
from serving.api.licences import spdx_url

HOST = "http://testserver"


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects of a document."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


@pytest.fixture(params=["/v1/croissant", "/v1/datasets/raw.demo__events/croissant", "/v1/datasets/marts.source_gaps_v1/croissant"])
def croissant(request: pytest.FixtureRequest, client: AppClient) -> dict[str, Any]:
    """Return each kind of Croissant document: of the release, of a table of several files, of one without rows."""
    answer = client.get(request.param)
    assert answer.headers["content-type"] == "application/ld+json"
    document: dict[str, Any] = answer.json()
    return document


def test_croissant_has_what_it_requires(croissant: dict[str, Any], two_releases: ReleasedLake) -> None:
    """The properties that Croissant 1.0 requires or recommends of a data set are there, and those of its context."""
    assert (croissant["@type"], croissant["conformsTo"]) == ("sc:Dataset", "http://mlcommons.org/croissant/1.0")
    assert all(croissant[name] for name in ("description", "license", "name", "url", "creator", "datePublished", "citeAs"))
    assert croissant["@context"]["@vocab"] == "https://schema.org/"
    assert croissant["@context"]["cr"] == "http://mlcommons.org/croissant/"
    assert {"equivalentProperty", "samplingRate"} <= set(croissant["@context"])  # mlcroissant warns of a context without them
    assert croissant["version"] == f"{two_releases.releases[-1].sequence}.0.0"


def test_croissants_files_are_what_is_said(croissant: dict[str, Any], client: AppClient) -> None:
    """Each FileObject has its address, size, SHA-256, which its bytes have, and the name of Parquet that mlcroissant knows."""
    objects = {one["@id"]: one for one in croissant["distribution"] if one["@type"] == "cr:FileObject"}
    for one in objects.values():
        content = client.get(one["contentUrl"].removeprefix(HOST)).content
        assert one["contentUrl"].startswith(f"{HOST}/small-lake/")
        assert (hashlib.sha256(content).hexdigest(), f"{len(content)} B") == (one["sha256"], one["contentSize"])
        assert one["encodingFormat"] == "application/x-parquet"
    assert len(objects) == len(croissant["distribution"])


def test_croissants_fields_lead_to_files(croissant: dict[str, Any]) -> None:
    """Ids are used once; each field has name, type and source, and what it and a key refer to is there."""
    typed = [node for node in nodes(croissant) if "@type" in node and "@id" in node]
    ids = [node["@id"] for node in typed]
    assert len(ids) == len(set(ids))
    for records in croissant["recordSet"]:
        fields = {field["@id"] for field in records["field"]}
        assert {key["@id"] for key in records["key"]} <= fields
        for field in records["field"]:
            assert re.fullmatch(r"sc:(Text|Integer|Float|Boolean|Date|DateTime)", field["dataType"])
            assert ("source" in field) != (records.get("data") == [])
            if "source" in field:
                assert field["source"]["fileObject"]["@id"] in ids
                assert field["source"]["extract"] == {"column": field["name"]}


def test_each_file_is_a_record_set(client: AppClient) -> None:
    """All files of a table are read by one record set each, called as its partition."""
    told = client.get("/v1/datasets/raw.demo__events/croissant").json()
    assert [one["name"] for one in told["recordSet"]] == ["raw.demo__events/2024-01-01", "raw.demo__events/2024-01-02"]
    sources = [{field["source"]["fileObject"]["@id"] for field in one["field"]} for one in told["recordSet"]]
    assert [len(one) for one in sources] == [1, 1]
    assert set().union(*sources) == {one["@id"] for one in told["distribution"]}


def test_files_of_one_partition_are_numbered(two_releases: ReleasedLake) -> None:
    """Two files of a partition are two record sets of different names."""
    release = two_releases.releases[-1]
    table = next(one for one in release.tables if one.full_name == "raw.demo__events")
    files = [file.model_copy(update={"partition": "2024-01-01"}) if file.partition else file for file in table.files]
    told = described(release, [table.model_copy(update={"files": files})], HOST, table.full_name)
    assert [one["@id"].partition("/records/")[2] for one in told["recordSet"]] == ["2024-01-01/1", "2024-01-01/2"]


def test_many_files_are_one_record_set(two_releases: ReleasedLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table of more files than are told one by one there is one record set, over a set of all its files."""
    monkeypatch.setattr("serving.api.croissant.MOST_RECORD_SETS", 1)
    release = two_releases.releases[-1]
    table = next(one for one in release.tables if one.full_name == "raw.demo__events")
    told = described(release, [table], HOST, table.full_name)
    *objects, whole = told["distribution"]
    assert [part["@id"] for part in whole["containedIn"]] == [one["@id"] for one in objects]
    (records,) = told["recordSet"]
    assert {field["source"]["fileSet"]["@id"] for field in records["field"]} == {whole["@id"]} == {table.full_name}


def test_lists_are_repeated_fields(client: AppClient) -> None:
    """A column that is a list is a repeated field of its items' type."""
    records, _ = client.get("/v1/datasets/raw.demo__events/croissant").json()["recordSet"]
    tags = next(field for field in records["field"] if field["name"] == "tags")
    assert (tags["repeated"], tags["dataType"]) == (True, "sc:Text")


def test_dcat_has_what_it_requires(client: AppClient, two_releases: ReleasedLake) -> None:
    """Catalogue, data sets and distributions have what DCAT-AP makes mandatory, and what it recommends as far as a lake knows it."""
    answer = client.get("/v1/dcat")
    told = answer.json()
    assert (answer.headers["content-type"], told["@type"]) == ("application/ld+json", "dcat:Catalog")
    assert {"dct:title", "dct:description", "dct:publisher", "dct:issued", "dct:language", "dcat:themeTaxonomy", "dcat:dataset"} <= set(
        told
    )
    assert told["dct:publisher"]["foaf:name"]["@value"] == "small-lake"
    names = [table.full_name for table in two_releases.releases[-1].tables if table.stage == "marts"]
    assert [one["dct:title"]["@value"] for one in told["dcat:dataset"]] == names
    for dataset in told["dcat:dataset"]:
        assert {"dct:title", "dct:description", "dct:publisher", "dct:issued", "dct:license", "dcat:theme"} <= set(dataset)
        for one in dataset["dcat:distribution"]:
            assert {"dcat:accessURL", "dct:license", "dct:format", "dct:issued", "dct:description"} <= set(one)
            assert ("dcat:mediaType" in one) != one["@id"].endswith("#ndjson")  # which is no registered media type


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("dct:publisher", "foaf:Agent"),
        ("foaf:homepage", "foaf:Document"),
        ("dcat:landingPage", "foaf:Document"),
        ("dct:license", "dct:LicenseDocument"),
        ("dct:language", "dct:LinguisticSystem"),
        ("dcat:mediaType", "dct:MediaType"),
        ("dct:format", "dct:MediaTypeOrExtent"),
        ("dcat:theme", "skos:Concept"),
        ("spdx:algorithm", "spdx:ChecksumAlgorithm"),
    ],
)
def test_dcats_values_are_of_their_class(client: AppClient, name: str, kind: str) -> None:
    """What a property leads to says that it is of the class that DCAT-AP's shapes ask for."""
    found = [node[name] for node in nodes(client.get("/v1/dcat").json()) if name in node]
    assert {value["@type"] for value in found} == {kind}


@pytest.mark.parametrize(("licences", "names"), [(["MIT", "MIT"], {"dct:license"}), (["MIT", "CC0-1.0"], {"dct:rights"})])
def test_a_catalogue_has_one_licence_at_most(two_releases: ReleasedLake, licences: list[str], names: set[str]) -> None:
    """The licence of all data sets is the catalogue's; where they differ, it says that each has its own."""
    release = two_releases.releases[-1]
    tables = [table.model_copy(update={"licence": licence}) for table, licence in zip(release.tables, licences, strict=False)]
    told = dcat(release, tables, HOST)
    assert {"dct:license", "dct:rights"} & set(told) == names
    assert all(isinstance(told[name], dict) for name in names)


def test_dcats_addresses_lead_somewhere(client: AppClient) -> None:
    """Every page and download that the catalogue names is there, and a file has the checksum that stands beside it."""
    for node in nodes(client.get("/v1/dcat").json()):
        for name in ("dcat:accessURL", "dcat:downloadURL", "dcat:landingPage"):
            if name in node:
                answer = client.get(node[name]["@id"].removeprefix(HOST))
                assert answer.status_code == 200
                if name == "dcat:downloadURL" and "spdx:checksum" in node:
                    assert hashlib.sha256(answer.content).hexdigest() == node["spdx:checksum"]["spdx:checksumValue"]["@value"]


def test_addresses_are_those_that_clients_are_told(two_releases: ReleasedLake, client: AppClient) -> None:
    """Behind a proxy the public address stands in the documents, and their ETag is another."""
    with answering(two_releases.settings, "https://data.example/lake/") as public:
        for path in ("/v1/croissant", "/v1/dcat"):
            told = public.get(path)
            assert HOST not in told.text
            assert "https://data.example/lake/releases/" in told.text
            assert told.headers["etag"] != client.get(path).headers["etag"]


@pytest.mark.parametrize("path", ["/v1/croissant", "/v1/dcat", "/v1/datasets/marts.projects_v1/croissant"])
def test_parameters_are_refused_and_answers_known(client: AppClient, path: str) -> None:
    """No parameter is known there; an ETag is answered by 304."""
    assert client.get(f"{path}?format=xml").status_code == 400
    assert client.get(path, headers={"If-None-Match": client.get(path).headers["etag"]}).status_code == 304


def test_an_unknown_data_set_has_no_croissant(client: AppClient) -> None:
    """The Croissant document of a table that isn't there is 404 with the near name."""
    answer = client.get("/v1/datasets/marts.project_v1/croissant")
    assert (answer.status_code, answer.json()["near"][0]) == (404, "marts.projects_v1")


@pytest.mark.parametrize(
    ("licence", "url"),
    [
        ("Apache-2.0", "https://spdx.org/licenses/Apache-2.0"),
        ("CC-BY-4.0 (GH Archive); content by GitHub's users", "https://spdx.org/licenses/CC-BY-4.0"),
        ("as the repository's", ""),
        ("MIT-like", ""),
    ],
)
def test_licences_have_addresses_where_they_are_known(licence: str, url: str) -> None:
    """A text that begins with an SPDX identifier has its address; any other has none."""
    assert spdx_url(licence) == url
