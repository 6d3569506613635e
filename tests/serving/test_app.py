"""The application as a whole: who may ask what, in which form errors come, and that each answer is of one release."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from released_lake import PROJECTS, ReleasedLake
from web_servers import START_TIMEOUT_S, AppClient, granian

from catalog.settings import Settings
from serving.app import create_app

TABLE = "latest/v1/namespaces/marts/tables/projects_v1"


@pytest.fixture
def client(released_lake: ReleasedLake) -> AppClient:
    """Return the application without a socket."""
    return AppClient(create_app(released_lake.settings))


def test_browsers_may_read_from_anywhere(base_url: str, released_lake: ReleasedLake) -> None:
    """Answers bear the header that lets pages of other hosts read them, with the headers that range readers need."""
    file = released_lake.releases[-1].tables[0].data_files[0]
    for path in ("v1/config", file.path.removeprefix("s3://"), "nothing"):
        headers = httpx.get(f"{base_url}/{path}", headers={"Origin": "https://elsewhere.example"}).headers
        assert headers["access-control-allow-origin"] == "*"
        assert {"Content-Range", "ETag", "Content-Length"} <= set(headers["access-control-expose-headers"].split(", "))


def test_a_browsers_question_before_a_range_is_answered(base_url: str) -> None:
    """The preflight request for a Range header is allowed."""
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
    answer = httpx.options(f"{base_url}/v1/config", headers=asked)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "GET" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] in ("*", "range")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
@pytest.mark.parametrize("path", ["v1/config", "small-lake/latest.json", TABLE, "nothing"])
def test_other_methods_are_refused(base_url: str, method: str, path: str) -> None:
    """What is not a way to read is 405, whatever the path."""
    assert httpx.request(method, f"{base_url}/{path}").status_code == 405


def test_options_tells_what_is_allowed(client: AppClient) -> None:
    """OPTIONS and a refusal name the methods that there are."""
    assert client.request("OPTIONS", "/v1/config").headers["allow"] == "GET, HEAD, OPTIONS"
    assert client.request("POST", "/v1/config").headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (TABLE.replace("projects", "nothing"), "NoSuchTableException"),
        ("latest/v1/namespaces/nowhere/tables", "NoSuchNamespaceException"),
        ("latest/v1/namespaces/nowhere", "NoSuchNamespaceException"),
    ],
)
def test_what_the_catalog_lacks_is_an_iceberg_error(base_url: str, path: str, kind: str) -> None:
    """Errors below the catalog's addresses are Iceberg's, and may not be kept."""
    answer = httpx.get(f"{base_url}/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert (answer.json()["error"]["type"], answer.json()["error"]["code"]) == (kind, 404)
    assert answer.headers["cache-control"] == "no-store"
    assert httpx.head(f"{base_url}/{path}").status_code == 404


@pytest.mark.parametrize("path", ["v1/000001-{zeros}/namespaces", "releases/000001-{zeros}/v1/config", "releases/nothing/v1/config"])
def test_a_release_that_is_not_kept_is_an_iceberg_error(client: AppClient, path: str) -> None:
    """A release id that isn't kept is 404 in Iceberg's form."""
    answer = client.get("/" + path.format(zeros="0" * 64))
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == 404


def test_other_errors_are_problems(client: AppClient) -> None:
    """Elsewhere an error is problem+json with title, status and what is wrong."""
    answer = client.get("/other-lake/latest.json")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no other-lake; the bucket here is small-lake",
    }


def test_namespaces_have_none_below(client: AppClient) -> None:
    """The question for namespaces below one is answered by none; below one that isn't there, by an error."""
    assert client.get("/latest/v1/namespaces", params={"parent": "marts"}).json() == {"namespaces": []}
    assert client.get("/latest/v1/namespaces", params={"parent": "nowhere"}).status_code == 404


def test_documents_may_be_kept_as_long_as_they_hold(base_url: str, released_lake: ReleasedLake) -> None:
    """Documents below a release's id are for ever; those that lead to the newest are asked for again, at the price of a 304."""
    release_id = released_lake.releases[0].id
    for root in (f"v1/{release_id}", f"releases/{release_id}/v1"):
        assert "immutable" in httpx.get(f"{base_url}/{root}/namespaces").headers["cache-control"]
    for path in ("v1/config", TABLE):
        answer = httpx.get(f"{base_url}/{path}")
        assert answer.headers["cache-control"] == "no-cache"
        assert httpx.get(f"{base_url}/{path}", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    config = httpx.get(f"{base_url}/v1/config")
    assert httpx.head(f"{base_url}/v1/config").headers["content-length"] == str(len(config.content))


def test_clients_are_told_the_address_that_they_asked_at(released_lake: ReleasedLake, client: AppClient) -> None:
    """The bucket's place is the host of the request, unless the server knows its public address."""
    assert (
        client.get(f"/{TABLE}", headers={"Host": "data.example.org:8080"}).json()["config"]["s3.endpoint"] == "http://data.example.org:8080"
    )
    public = AppClient(create_app(released_lake.settings, "https://public.example.org/oss/"))
    assert public.get(f"/{TABLE}").json()["config"]["s3.endpoint"] == "https://public.example.org/oss"


@pytest.mark.parametrize("host", ["a b", 'x"y', "a/b", "user@host", ""])
def test_a_host_that_is_none_is_refused(client: AppClient, host: str) -> None:
    """A Host header that names no host never gets into a document."""
    assert client.get(f"/{TABLE}", headers={"Host": host}).status_code == 400


def test_health_tells_the_release(client: AppClient, released_lake: ReleasedLake) -> None:
    """`/healthz` names the release that is shown."""
    assert client.get("/healthz").json() == {"status": "ok", "release": released_lake.releases[-1].id}


def test_a_lake_without_a_release_says_so(tmp_path: Path) -> None:
    """Before the first release the server is up, and the catalog answers 503 with what to do."""
    client = AppClient(create_app(Settings(folder=tmp_path, dataset="small-lake")))
    assert client.get("/healthz").json() == {"status": "ok", "release": None}
    assert client.get("/latest.json").status_code == 404
    answer = client.get("/v1/config")
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "ServiceFailureException")
    assert "osslake release create" in answer.json()["error"]["message"]


def test_a_new_release_is_seen_without_a_restart(tmp_path: Path) -> None:
    """A release shows as soon as it is made; the one before stays readable below its id."""
    lake = ReleasedLake(tmp_path)
    client = AppClient(create_app(lake.settings))
    first = lake.release_first()
    assert client.get("/v1/config").json()["overrides"]["prefix"] == first.id
    before = client.get(f"/v1/{first.id}/namespaces/marts/tables/projects_v1").json()
    second = lake.release_second()
    assert client.get("/v1/config").json()["overrides"]["prefix"] == second.id
    assert client.get("/latest.json").json()["id"] == second.id
    assert client.get(f"/v1/{first.id}/namespaces/marts/tables/projects_v1").json() == before


def test_the_last_good_release_goes_on_being_served(tmp_path: Path) -> None:
    """Where `latest.json` is gone or damaged, or names a document that is not what its id says, the release before is shown on."""
    lake = ReleasedLake(tmp_path)
    client = AppClient(create_app(lake.settings))
    good = lake.release_first()
    assert client.get("/v1/config").json()["overrides"]["prefix"] == good.id
    newer = lake.release_second()
    document = lake.settings.warehouse / "releases" / f"{newer.id}.json"
    latest = lake.settings.warehouse / "latest.json"
    document.write_bytes(document.read_bytes().replace(b"projects_v1", b"projects_v2", 1))
    assert client.get("/v1/config").json()["overrides"]["prefix"] == good.id
    latest.write_text("{")
    assert client.get("/v1/config").json()["overrides"]["prefix"] == good.id
    latest.unlink()
    assert client.get(f"/{TABLE}").status_code == 200
    assert client.get("/healthz").json()["release"] == good.id


def test_a_damaged_metadata_file_is_not_passed_on(tmp_path: Path) -> None:
    """A table whose metadata file is not the released one is 503, in Iceberg's form, and never half an answer."""
    lake = ReleasedLake(tmp_path)
    release = lake.release_first()
    table = next(table for table in release.tables if table.name == "projects_v1")
    path = lake.path(table.metadata_file)
    path.write_bytes(path.read_bytes() + b" ")
    answer = AppClient(create_app(lake.settings)).get(f"/{TABLE}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, 503)


def test_readers_see_one_release_while_it_is_switched(tmp_path: Path) -> None:
    """Two workers under load during a new release: no answer fails, and each table is of one release or the other."""
    lake = ReleasedLake(tmp_path)
    first, seen, stop = lake.release_first(), set[tuple[str, int]](), threading.Event()
    errors: list[Any] = []

    def read(url: str) -> None:
        with httpx.Client() as client:
            while not stop.is_set():
                answer = client.get(f"{url}/{TABLE}")
                if answer.status_code != 200:
                    errors.append(answer.text)
                    continue
                metadata = answer.json()["metadata"]
                seen.add((answer.json()["metadata-location"], metadata["current-snapshot-id"]))

    with granian(lake.settings.folder, workers=2) as url:
        threads = [threading.Thread(target=read, args=(url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            _wait_until(lambda: len(seen) == 1)
            second = lake.release_second()
            _wait_until(lambda: len(seen) == 2)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    pinned = {
        (table.metadata_file, int(table.snapshot_id))
        for release in (first, second)
        for table in release.tables
        if table.name == PROJECTS.name
    }
    assert errors == []
    assert seen == pinned


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_port_that_is_taken_is_a_clear_error(released_lake: ReleasedLake, api_url: str) -> None:
    """A second server on one port ends at once, with a message that names the address."""
    import serving
    from catalog.errors import SettingsError

    port = int(api_url.rsplit(":", 1)[1])
    with pytest.raises(SettingsError, match=rf"can't listen at 127\.0\.0\.1:{port}"):
        serving.run(released_lake.settings, "127.0.0.1", port)
