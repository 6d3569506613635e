"""The OpenAPI document and its page: what they say is so, and their examples can be run as they stand."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import orjson
import pytest
from web_servers import AppClient

from serving.api.reference import SUFFIX, example_path
from serving.resources import RESOURCES


@pytest.fixture
def document(models: AppClient) -> dict[str, Any]:
    """Return the document."""
    found: dict[str, Any] = models.get("/openapi.json").json()
    return found


def test_every_example_has_an_answer(models: AppClient, document: dict[str, Any]) -> None:
    """Each operation's example is answered with 200, with the members that its schema requires, in each of its media types."""
    asked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
            options = {"content": orjson.dumps(content)} if content else {}
            for media_type, body in operation["responses"]["200"]["content"].items():
                answer = models.request(
                    method.upper(), example_path(path, operation["parameters"]), headers={"Accept": media_type}, **options
                )
                assert answer.status_code == 200, (path, answer.text)
                told = answer.headers["content-type"].partition(";")[0]
                if path.endswith(SUFFIX):  # which names the format, whatever Accept says
                    assert told in operation["responses"]["200"]["content"]
                    break
                assert told == media_type
                assert not body["schema"].get("required") or set(body["schema"]["required"]) == set(answer.json())
                asked += 1
    assert asked > 40


def test_every_server_of_an_operation_answers_it(models: AppClient, document: dict[str, Any]) -> None:
    """What takes a release stands below the release's path too, without that parameter; the rest has one server."""
    for path, methods in document["paths"].items():
        for operation in (one for method, one in methods.items() if method == "get"):
            is_pinned = any(one["name"] == "release" for one in operation["parameters"])
            roots = [
                server["url"].format(**{name: one["default"] for name, one in server.get("variables", {}).items()})
                for server in operation.get("servers", [{"url": "/"}])
            ]
            assert len(roots) == 1 + is_pinned, path
            for root in roots:
                asked = f"{root.rstrip('/')}{example_path(path, operation['parameters'])}"
                assert models.get(asked).status_code == 200, asked


def test_the_answers_data_fits_its_schema(models: AppClient, document: dict[str, Any]) -> None:
    """Rows have the members that the schema names, and no others."""
    schemas = document["components"]["schemas"]
    rows = models.get("/v1/projects").json()["data"]
    assert {frozenset(row) for row in rows} == {frozenset(schemas["projects_v1"]["properties"])}


def test_all_resources_of_the_release_are_described(models: AppClient, document: dict[str, Any]) -> None:
    """Each list that answers is in the document, and no other is."""
    for resource in RESOURCES:
        assert (f"/v1/{resource.path}" in document["paths"]) == (models.get(f"/v1/{resource.path}").status_code == 200), resource.path


def test_a_table_that_the_release_lacks_is_told(api: AppClient) -> None:
    """A list whose table isn't in the release is 404, not an error of the server's."""
    answer = api.get("/v1/gaps")
    assert (answer.status_code, "source_gaps_v1" in answer.json()["detail"]) == (404, True)


def test_the_page_shows_every_operation_with_a_command(models: AppClient, document: dict[str, Any]) -> None:
    """The page for people has a heading and a command for each operation, fetches nothing and runs nothing."""
    answer = models.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    commands = re.findall(r"<pre[^>]*>curl -s (?:-X POST )?&#x27;http://testserver([^ ]*?)&#x27;", answer.text)
    assert len(commands) == sum(len(methods) for path, methods in document["paths"].items() if not path.endswith(SUFFIX))
    for command in commands:
        assert "lookup" in command or models.get(unescape(command)).status_code == 200, command
    assert "<script" not in answer.text
    assert "src=" not in answer.text


def test_what_is_not_there_is_told_in_one_form(models: AppClient) -> None:
    """Below a release too, a format that isn't made and a key with any sign are problems of this API's, not of the Iceberg catalog's."""
    release = models.get("/v1/projects?limit=1").json()["release_id"]
    for root in ("/v1", f"/releases/{release}/v1"):
        for path in ("projects.pdf", "series.pdf", "projects/a%0Ab", "artifacts/a/%0A/b", "metrics/a%0Ab"):
            answer = models.get(f"{root}/{path}")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), (root, path)
