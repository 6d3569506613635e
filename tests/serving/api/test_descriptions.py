"""Croissant and DCAT-AP: what their specifications require is there, and every address leads where it says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from released_lake import ReleasedLake
from web_servers import AppClient, answering

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
    """The properties that Croissant 1.0 requires of a data set are there, and those of its context."""
    assert (croissant["@type"], croissant["conformsTo"]) == ("sc:Dataset", "http://mlcommons.org/croissant/1.0")
    assert all(croissant[name] for name in ("description", "license", "name", "url", "creator", "datePublished"))
    assert croissant["@context"]["@vocab"] == "https://schema.org/"
    assert croissant["@context"]["cr"] == "http://mlcommons.org/croissant/"
    assert croissant["version"] == f"{two_releases.releases[-1].sequence}.0.0"


def test_croissants_files_are_what_is_said(croissant: dict[str, Any], client: AppClient) -> None:
    """Each FileObject has its address, size, format and SHA-256, which its bytes have; a FileSet names the files that it is made of."""
    objects = {one["@id"]: one for one in croissant["distribution"] if one["@type"] == "cr:FileObject"}
    for one in objects.values():
        content = client.get(one["contentUrl"].removeprefix(HOST)).content
        assert one["contentUrl"].startswith(f"{HOST}/small-lake/")
        assert (hashlib.sha256(content).hexdigest(), f"{len(content)} B") == (one["sha256"], one["contentSize"])
        assert one["encodingFormat"] == "application/vnd.apache.parquet"
    for one in croissant["distribution"]:
        if one["@type"] == "cr:FileSet":
            assert {part["@id"] for part in one["containedIn"]} <= set(objects)
            assert one["includes"] == "*.parquet"


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
                assert (field["source"].get("fileObject") or field["source"]["fileSet"])["@id"] in ids
                assert field["source"]["extract"] == {"column": field["name"]}


def test_lists_are_repeated_fields(client: AppClient) -> None:
    """A column that is a list is a repeated field of its items' type."""
    (records,) = client.get("/v1/datasets/raw.demo__events/croissant").json()["recordSet"]
    tags = next(field for field in records["field"] if field["name"] == "tags")
    assert (tags["repeated"], tags["dataType"]) == (True, "sc:Text")


def test_dcat_has_what_it_requires(client: AppClient, two_releases: ReleasedLake) -> None:
    """Catalogue, data sets and distributions have what DCAT-AP makes mandatory, and licence, issued and publisher."""
    answer = client.get("/v1/dcat")
    told = answer.json()
    assert (answer.headers["content-type"], told["@type"]) == ("application/ld+json", "dcat:Catalog")
    assert {"dct:title", "dct:description", "dct:publisher", "dct:license", "dct:issued", "dcat:dataset"} <= set(told)
    assert told["dct:publisher"]["foaf:name"]["@value"] == "small-lake"
    names = [table.full_name for table in two_releases.releases[-1].tables if table.stage == "marts"]
    assert [one["dct:title"]["@value"] for one in told["dcat:dataset"]] == names
    for dataset in told["dcat:dataset"]:
        assert {"dct:title", "dct:description", "dct:publisher", "dct:issued", "dct:license"} <= set(dataset)
        for one in dataset["dcat:distribution"]:
            assert {"dcat:accessURL", "dct:license", "dcat:mediaType", "dct:issued"} <= set(one)


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
