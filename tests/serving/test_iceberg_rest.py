"""The Iceberg part of the server, held against the reading half of the REST catalog's specification."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml
from released_lake import ReleasedLake
from web_servers import UNLIMITED, granian

from catalog.release_document import STAGES
from serving.releases import ServedReleases

SPECIFICATION = Path(__file__).with_name("iceberg_rest_read.yaml")
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,"
    "positive_data_acceptance,unsupported_method"
)
NAMED_IN_PATH = "/v1/{prefix}/"


@pytest.fixture(scope="module")
def url(released_lake: ReleasedLake) -> Iterator[str]:
    """Address of a server that refuses nothing for its number."""
    with granian(released_lake.settings.folder, limits=UNLIMITED, access_log=False) as address:
        yield address


def specification(lake: ReleasedLake, address: str, *, has_prefix: bool) -> dict[str, Any]:
    """Return the document for a server, with names of what it has; without a prefix where the address itself says which release is meant."""
    text = SPECIFICATION.read_text()
    if not has_prefix:
        text = text.replace(NAMED_IN_PATH, "/v1/").replace('{$ref: "#/components/parameters/prefix"}, ', "")
        text = text.replace('[{$ref: "#/components/parameters/prefix"}]', "[]").replace(
            '      - {$ref: "#/components/parameters/prefix"}\n', ""
        )
    document: dict[str, Any] = yaml.safe_load(text) | {"servers": [{"url": address}]}
    schemas = document["components"]["schemas"]
    schemas["AskedPrefix"]["enum"] = [release.id for release in lake.releases]
    schemas["AskedNamespace"]["anyOf"][0]["enum"] = list(STAGES)
    schemas["AskedTable"]["anyOf"][0]["enum"] = [table.name for table in lake.releases[-1].tables]
    return document


@pytest.mark.parametrize("root", ["", "/releases/{id}"])
def test_every_answer_is_as_the_specification_says(released_lake: ReleasedLake, url: str, root: str, tmp_path: Path) -> None:
    """Schemathesis finds no answer below `/v1`, or below a release that is named, that isn't in the specification."""
    address = url + root.format(id=released_lake.releases[0].id)
    document = tmp_path / "specification.json"
    document.write_text(json.dumps(specification(released_lake, address, has_prefix=not root)))
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(document), "--url", address, "--checks", CHECKS]
    limits = ["--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--seed", "1", "--no-color"]
    done = subprocess.run([*command, *limits], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize("below", ["namespaces/marts", "namespaces/marts/tables/projects_v1"])
def test_what_is_there_is_told_without_a_body(url: str, below: str) -> None:
    """HEAD is 204 where a namespace or a table is there, as the specification asks, and 404 where it isn't."""
    answer = httpx.head(f"{url}/latest/v1/{below}")
    assert (answer.status_code, "content-length" in answer.headers) == (204, False)
    assert httpx.head(f"{url}/latest/v1/{below}x").status_code == 404


@pytest.mark.parametrize(
    ("below", "kind"),
    [
        ("namespaces/marts%2Ftables", "NoSuchNamespaceException"),
        ("namespaces/marts%3Fx", "NoSuchNamespaceException"),
        ("namespaces/marts/tables/projects_v1%3Fx", "NoSuchTableException"),
        ("namespaces/marts/tables/projects_v1%23x", "NoSuchTableException"),
        ("namespaces/marts/tables/projects_v1%0A", "NoSuchTableException"),
        ("namespaces/marts/tables/namespaces?parent=raw", "NoSuchTableException"),
    ],
)
def test_a_name_is_taken_as_it_stands(url: str, below: str, kind: str) -> None:
    """Signs that mean something in addresses are, encoded, part of a name: what bears it isn't there."""
    answer = httpx.get(f"{url}/latest/v1/{below}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, kind)


def test_snapshots_are_all_or_those_of_references(url: str) -> None:
    """A released table has one snapshot, which a reference names: both words give the same; another word is refused."""
    table = f"{url}/latest/v1/namespaces/marts/tables/projects_v1"
    plain, *others = (httpx.get(table, params=asked) for asked in ({}, {"snapshots": "all"}, {"snapshots": "refs"}))
    assert plain.status_code == 200
    assert [other.content for other in others] == [plain.content] * 2
    refused = httpx.get(table, params={"snapshots": "some"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "BadRequestException")


def test_a_release_is_known_by_its_number(released_lake: ReleasedLake, url: str) -> None:
    """A number leads to the same answers as the id, which alone is the same in every lake; one that is no release's is 404."""
    for release in released_lake.releases:
        for below in ("v1/config", "v1/namespaces", "v1/namespaces/marts/tables/projects_v1"):
            by_number, by_id = (httpx.get(f"{url}/releases/{name}/{below}") for name in (release.sequence, release.id))
            assert (by_number.status_code, by_number.content) == (200, by_id.content)
            assert ["immutable" in answer.headers["cache-control"] for answer in (by_number, by_id)] == [False, True]
        assert httpx.get(f"{url}/v1/{release.sequence}/namespaces").status_code == 200
    for name in ("99", "0", "\u0661", "1" * 5000, "1_0"):
        assert httpx.get(f"{url}/releases/{quote(name)}/v1/config").status_code == 404
        assert httpx.get(f"{url}/v1/releases/{quote(name)}").status_code == 404


def test_a_document_that_never_was_current_has_no_number(tmp_path: Path) -> None:
    """What a killed run left beside a release of the same number hides it from nobody, and isn't taken for it."""
    lake = ReleasedLake(tmp_path)
    releases = [lake.release_first(), lake.release_second()]
    left = lake.settings.warehouse / "releases" / f"{1:06d}-{'0' * 64}.json"
    left.write_bytes(releases[0].content)
    served = ServedReleases(lake.settings)
    assert [found.id for number in ("1", "2") if (found := served.named(number))] == [release.id for release in releases]
    assert [served.named(name) for name in ("3", "0")] == [None, None]


@pytest.mark.parametrize("path", ["releases/{id}/v1/projcts", "v1/nothing/tables"])
def test_what_is_none_of_the_catalog_is_a_problem(released_lake: ReleasedLake, url: str, path: str) -> None:
    """Beside the catalog's paths errors are those of the REST API; below a release's id at `/v1` they are the catalog's."""
    release = released_lake.releases[0].id
    answer = httpx.get(f"{url}/{path.format(id=release)}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    below = httpx.get(f"{url}/v1/{release}/projcts")
    assert (below.status_code, below.json()["error"]["type"]) == (404, "NotFoundException")


def test_a_prefix_that_is_none_is_an_iceberg_error(url: str) -> None:
    """Below a prefix that `/v1/config` never told, errors have Iceberg's form too."""
    answer = httpx.get(f"{url}/v1/nothing/namespaces")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert answer.json()["error"]["type"] == "NotFoundException"
