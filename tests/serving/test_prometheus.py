"""What is counted, and how it is shown."""

from __future__ import annotations

from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families
from released_lake import ReleasedLake
from web_servers import answering

from serving.api.routes import ROOTS
from serving.prometheus import Meters


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the values of a page of metrics, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_are_counted_by_their_routes_template() -> None:
    """Names of projects, unknown paths and made-up methods make no series of their own."""
    meters = Meters()
    route = SimpleNamespace(path="/v1/projects/{key}")
    for scope in ({"method": "GET", "route": route}, {"method": "GET", "route": route}, {"method": "GET"}, {"method": "BREW"}):
        meters.begin()
        meters.end(scope, 200, 10, 0.002)
    found = samples(meters.text([("osslake_release_age_seconds", "age", 5.0)]).decode())
    assert {key: value for key, value in found.items() if key[0] == "osslake_http_requests_total"} == {
        ("osslake_http_requests_total", (("method", "GET"), ("route", "/v1/projects/{key}"), ("status", "200"))): 2,
        ("osslake_http_requests_total", (("method", "GET"), ("route", "none"), ("status", "200"))): 1,
        ("osslake_http_requests_total", (("method", "other"), ("route", "none"), ("status", "200"))): 1,
    }
    assert found["osslake_http_answer_bytes_total", (("route", "none"),)] == 20
    assert found["osslake_http_request_seconds_bucket", (("le", "0.0025"), ("route", "none"))] == 2
    assert found["osslake_http_requests_in_flight", ()] == 0
    assert found["osslake_release_age_seconds", ()] == 5


def test_refusals_and_failed_builds_are_counted() -> None:
    """An operator sees how often clients were over a limit, and that replicas can't be made."""
    meters = Meters()
    meters.count_refusal("cost")
    meters.count_failed_build()
    found = samples(meters.text().decode())
    assert found["osslake_http_refused_requests_total", (("policy", "cost"),)] == 1
    assert found["osslake_replica_build_failures_total", ()] == 1


def test_each_route_of_the_application_is_counted_by_itself(released_lake: ReleasedLake) -> None:
    """Whatever names, releases and formats the addresses have, there is one series for each path of the API, and none is counted as no route."""
    release, roots = released_lake.releases[-1].id, ("/v1", f"/releases/{released_lake.releases[-1].id}/v1")
    below = {
        "projects": ("projects?limit=1", "projects?limit=2"),
        "projects.{suffix}": ("projects.csv", "projects.ndjson"),
        "key-metrics/projects": ("key-metrics/projects",),
        "projects/{key}": ("projects/p1", "projects/p2", "projects/nobody/at%20all"),
        "series": ("series?metric=a&project=b", "series"),
        "series.{suffix}": ("series.csv",),
        "search": ("search?q=a", "search?q=b"),
        "resolve": ("resolve?q=a",),
        "metrics/{name}": ("metrics/a",),
        "datasets/{name}/rows": ("datasets/marts.projects_v1/rows",),
        "explain": ("explain",),
    }
    with answering(released_lake.settings) as client:
        for root in roots:
            for paths in below.values():
                for path in paths:
                    client.get(f"{root}/{path}")
        client.request("POST", "/v1/lookup", content=b"[]")
        client.get("/nowhere")
        found = samples(client.get("/metrics").text)
    counted: dict[str, float] = {}
    for (name, labels), value in found.items():
        if name == "osslake_http_requests_total":
            route = dict(labels)["route"]
            counted[route] = counted.get(route, 0) + value
    expected = {f"{root}/{template}": len(paths) for root in ROOTS for template, paths in below.items()}
    assert {route: counted.get(route) for route in expected} == expected
    assert counted["/v1/lookup"] == 1
    assert counted.keys() - expected.keys() <= {"/v1/lookup", "/healthz", "/{dataset}/{key:path}", "none"}
    assert not any(release in route for route in counted)
