"""What is counted, and how it is shown."""

from __future__ import annotations

from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families

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
