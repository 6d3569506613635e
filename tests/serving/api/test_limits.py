"""What a client may ask of the application as a whole, and what every answer tells."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from released_lake import ReleasedLake
from web_servers import AppClient, started

from catalog.settings import LimitSettings
from serving.app import EXPOSED_HEADERS, create_app
from serving.replica.keeper import make_replica

PEER = "127.0.0.1"
FEW = LimitSettings(requests_per_s=0.001, requests_burst=3, files_per_s=0.001, files_burst=5)
EXPOSED = {"RateLimit", "RateLimit-Policy", "Osslake-Cost", "Osslake-Release", "X-Request-Id", "Retry-After"}


@pytest.fixture(scope="module")
def lake(released_lake: ReleasedLake) -> ReleasedLake:
    """Return the small lake, with its serving replica."""
    make_replica(released_lake.settings)
    return released_lake


@pytest.fixture
def client(lake: ReleasedLake) -> Iterator[AppClient]:
    """Return the application with its default limits."""
    with serving(lake) as opened:
        yield opened


def serving(lake: ReleasedLake, **serve: Any) -> Any:
    """Return the application with other settings of serving, in one worker."""
    changed = lake.settings.serve.model_copy(update={"workers": 1} | serve)
    return started(create_app(lake.settings.model_copy(update={"serve": changed})))


def test_an_answer_tells_what_it_cost_and_the_policies(client: AppClient) -> None:
    """Each answer of the REST API bears its cost and the policies that it falls under; files bear theirs."""
    answer = client.get("/v1/projects")
    assert answer.headers["osslake-cost"] == "1"
    assert answer.headers["ratelimit-policy"] == '"default";q=200;w=4, "cost";q=6000;w=60;qu="osslake-cost"'
    assert client.get("/latest.json").headers["ratelimit-policy"] == '"files";q=5000;w=5'


def test_an_answer_tells_what_is_left(lake: ReleasedLake) -> None:
    """With each request one less is left, and it takes the longer until all is there again."""
    with serving(lake, limits=FEW.model_copy(update={"cost_per_minute": 0})) as client:
        told = [client.get("/v1/projects").headers["ratelimit"] for _ in range(3)]
    assert told == ['"default";r=2;t=1000', '"default";r=1;t=2000', '"default";r=0;t=3000']


def test_an_answer_that_the_client_has_costs_a_unit(client: AppClient) -> None:
    """A 304 costs what the smallest answer does, and so does an error."""
    etag = client.get("/v1/projects").headers["etag"]
    answer = client.get("/v1/projects", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.headers["osslake-cost"]) == (304, "1")
    assert client.get("/v1/projects", params={"nothing": "eq.1"}).headers["osslake-cost"] == "1"


def test_too_many_requests_are_a_problem_that_says_when_to_come_again(lake: ReleasedLake) -> None:
    """The request after the burst is 429 with Retry-After, as a problem that names the policy; health is told all the same."""
    with serving(lake, limits=FEW) as client:
        assert [client.get("/v1/projects").status_code for _ in range(3)] == [200] * 3
        answer = client.get("/v1/projects", headers={"Origin": "https://elsewhere.example", "X-Request-Id": "refused-1"})
        assert (answer.status_code, answer.headers["content-type"]) == (429, "application/problem+json")
        assert answer.json()["violated-policies"] == ["default"]
        assert answer.json()["type"].endswith("#quota-exceeded")
        assert 900 <= int(answer.headers["retry-after"]) <= 1_000
        assert answer.headers["ratelimit"].startswith('"default";r=0;')
        assert (answer.headers["x-request-id"], answer.headers["osslake-cost"]) == ("refused-1", "0")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert [client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
        assert 'osslake_http_refused_requests_total{policy="default"} 1.0' in client.get("/metrics").text


def test_files_have_a_policy_of_their_own(lake: ReleasedLake) -> None:
    """Who may ask the API no more may still read files, until that is too much too: then in Iceberg's form below the catalog."""
    with serving(lake, limits=FEW) as client:
        assert {client.get("/v1/projects").status_code for _ in range(5)} == {200, 429}
        assert [client.get("/latest.json").status_code for _ in range(4)] == [200] * 4
        assert client.get("/v1/config").status_code == 200
        answer = client.get("/v1/config")
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, 429)
        assert answer.headers["ratelimit-policy"].startswith('"files"')


def test_a_budget_that_is_spent_is_waited_for(lake: ReleasedLake) -> None:
    """Answers cost their budget, whatever the number of requests."""
    with serving(lake, limits=LimitSettings(requests_per_s=0, cost_per_minute=2)) as client:
        answers = [client.get("/v1/projects") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["violated-policies"] == ["cost"]
    assert int(answers[2].headers["retry-after"]) in (29, 30)


def test_what_a_client_says_of_its_address_is_not_believed(lake: ReleasedLake) -> None:
    """Without trusted proxies no header makes one client look like many."""
    with serving(lake, limits=FEW) as client:
        said = [{"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"} for number in range(4)]
        assert [client.get("/v1/projects", headers=headers).status_code for headers in said] == [200, 200, 200, 429]


def test_a_trusted_proxys_clients_are_told_apart(lake: ReleasedLake) -> None:
    """Behind a trusted proxy each address that it names has its own limits; what stands before it, and the other header, is not looked at."""
    with serving(lake, limits=FEW, trusted_proxies=[ip_network(f"{PEER}/32")]) as client:
        asked = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(4)]
        assert [client.get("/v1/projects", headers=headers).status_code for headers in asked] == [200] * 4
        made_up = [{"X-Forwarded-For": f"198.51.100.{number}, 192.0.2.9", "Forwarded": f"for=198.51.100.{number}"} for number in range(4)]
        assert [client.get("/v1/projects", headers=headers).status_code for headers in made_up] == [200, 200, 200, 429]


def test_large_requests_are_refused(lake: ReleasedLake) -> None:
    """An address or headers above their limits are 414 and 431, as problems."""
    with serving(lake, limits=LimitSettings(url_bytes=100, header_bytes=1_000)) as client:
        long = client.get("/v1/projects", params={"project_name": "a" * 200})
        assert (long.status_code, long.json()["status"]) == (414, 414)
        large = client.get("/v1/projects", headers={"X-Large": "a" * 2_000})
        assert (large.status_code, large.json()["status"]) == (431, 431)
        assert "ratelimit" in large.headers
        assert client.get("/healthz", headers={"X-Large": "a" * 2_000}).status_code == 431


def test_large_answers_are_refused(lake: ReleasedLake) -> None:
    """An answer above its limit is 413, and costs what was done for it."""
    with serving(lake, limits=LimitSettings(answer_bytes=100)) as client:
        answer = client.get("/v1/projects")
    assert (answer.status_code, answer.headers["osslake-cost"]) == (413, "1")
    assert "100 bytes" in answer.json()["detail"]


def test_limits_are_published(client: AppClient) -> None:
    """`/v1/limits` says every limit with its unit, and how cost is counted; null is no limit."""
    told = client.get("/v1/limits").json()
    assert {one["name"]: (one["per_second"], one["at_once"]) for one in told["policies"]} == {
        "default": (50, 200),
        "files": (1_000, 5_000),
        "cost": (100, 6_000),
    }
    assert told["cost"]["rows_or_points_per_further_unit"] == 1_000
    assert (told["answer"]["series_per_call"], told["request"]["url_bytes"]) == (100, 16_384)


def test_heads_and_options_bear_the_headers_too(client: AppClient) -> None:
    """HEAD tells what GET would, without a body; OPTIONS tells the methods; both say what is left."""
    got, head = client.get("/v1/projects"), client.request("HEAD", "/v1/projects")
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers[name] for name in ("content-length", "etag", "osslake-cost")} == {
        name: got.headers[name] for name in ("content-length", "etag", "osslake-cost")
    }
    options = client.request("OPTIONS", "/v1/projects")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert "ratelimit" in head.headers
    assert "ratelimit" in options.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", ["/v1/projects", "/v1/limits", "/v1/status", "/healthz", "/readyz", "/metrics", "/nothing"])
def test_what_writes_is_refused(client: AppClient, method: str, path: str) -> None:
    """No method that could change anything is allowed, on any path, and the refusal names those that are."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.headers["x-request-id"]


def test_browsers_may_read_the_headers(client: AppClient) -> None:
    """The new headers are named to browsers."""
    answer = client.get("/v1/projects", headers={"Origin": "https://elsewhere.example"})
    assert set(EXPOSED_HEADERS) >= EXPOSED
    assert set(answer.headers["access-control-expose-headers"].split(", ")) >= EXPOSED


@pytest.mark.parametrize(("given", "is_kept"), [("abc-DEF_1.2", True), ("short", False), ("a" * 65, False), ("a b c d e f", False)])
def test_a_requests_id_is_told_back(client: AppClient, given: str, is_kept: bool) -> None:
    """X-Request-Id is the client's own where it is of a plain form, else one made here; errors bear it too."""
    for path in ("/v1/projects", "/nothing", "/v1/projects?nothing=eq.1"):
        told = client.get(path, headers={"X-Request-Id": given}).headers["x-request-id"]
        assert (told == given) == is_kept
        assert 8 <= len(told) <= 64


def test_an_unforeseen_error_bears_all_headers(lake: ReleasedLake, capfd: pytest.CaptureFixture[str]) -> None:
    """A 500 is a problem with request id, limits and CORS headers; its traceback is in the log, not in the answer."""
    app = create_app(lake.settings)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("a secret")

    with started(app) as client:
        answer = client.get("/broken", headers={"Origin": "https://elsewhere.example"})
    assert (answer.status_code, answer.json()["detail"]) == (500, "the server failed with RuntimeError")
    assert {"x-request-id", "ratelimit", "access-control-allow-origin"} <= set(answer.headers)
    assert "a secret" not in answer.text
    assert '"request.failed"' in capfd.readouterr().err
