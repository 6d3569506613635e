"""Policies and what clients are told of them, by a clock that the test sets."""

from __future__ import annotations

from catalog.settings import LimitSettings, ServeSettings
from serving.limits import is_file
from serving.quotas import COST, DEFAULT, FILES, Quotas, policies_of

LIMITS = LimitSettings(requests_per_s=10, requests_burst=40, files_per_s=100, files_burst=500, cost_per_minute=600)


class Clock:
    """A clock that stands until it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        """Return its time in seconds."""
        return self.now


def test_each_worker_grants_its_share() -> None:
    """Of two workers each has half of rate, burst and budget."""
    policies = policies_of(ServeSettings(workers=2, limits=LIMITS))
    assert {name: (one.buckets.rate, one.buckets.burst) for name, one in policies.items()} == {
        DEFAULT: (5, 20),
        FILES: (50, 250),
        COST: (5, 300),
    }
    assert policies[COST].shown == '"cost";q=300;w=60;qu="osslake-cost"'


def test_requests_are_refused_until_there_is_one_again() -> None:
    """After the burst a client is told when to come again; then it may."""
    clock = Clock()
    quotas = Quotas(ServeSettings(workers=1, limits=LIMITS), clock)
    assert [quotas.refuse("a", is_file=False) for _ in range(40)] == [None] * 40
    refused = quotas.refuse("a", is_file=False)
    assert refused is not None
    assert (refused[0].name, refused[1]) == (DEFAULT, 1)
    assert quotas.refuse("b", is_file=False) is None
    assert quotas.refuse("a", is_file=True) is None, "files are counted apart"
    clock.now += refused[1]
    assert quotas.refuse("a", is_file=False) is None


def test_cost_is_taken_from_the_budget_of_a_minute() -> None:
    """What answers cost is waited for; files go on."""
    clock = Clock()
    quotas = Quotas(ServeSettings(workers=1, limits=LIMITS), clock)
    quotas.charge("a", 700)
    refused = quotas.refuse("a", is_file=False)
    assert refused is not None
    assert (refused[0].name, refused[1]) == (COST, 11)
    assert quotas.refuse("a", is_file=True) is None
    clock.now += 11
    assert quotas.refuse("a", is_file=False) is None


def test_headers_tell_policies_and_what_is_left() -> None:
    """RateLimit-Policy names quota and window, RateLimit what remains and the seconds until all is there again."""
    clock = Clock()
    quotas = Quotas(ServeSettings(workers=1, limits=LIMITS), clock)
    for _ in range(15):
        quotas.refuse("a", is_file=False)
    quotas.charge("a", 30)
    assert quotas.headers("a", is_file=False) == [
        (b"ratelimit-policy", b'"default";q=40;w=4, "cost";q=600;w=60;qu="osslake-cost"'),
        (b"ratelimit", b'"default";r=25;t=2, "cost";r=570;t=3'),
    ]
    assert quotas.headers("a", is_file=True) == [(b"ratelimit-policy", b'"files";q=500;w=5'), (b"ratelimit", b'"files";r=500;t=0')]


def test_zero_is_no_limit() -> None:
    """A limit of 0 is none: nothing is refused, and no header speaks of it."""
    free = LimitSettings(requests_per_s=0, files_per_s=0, cost_per_minute=0)
    quotas = Quotas(ServeSettings(limits=free), Clock())
    quotas.charge("a", 10**9)
    assert [quotas.refuse("a", is_file=False) for _ in range(10_000)] == [None] * 10_000
    assert quotas.headers("a", is_file=False) == quotas.headers("a", is_file=True) == []


def test_files_and_the_catalog_are_counted_apart_from_the_api() -> None:
    """Data files, release documents and the Iceberg catalog have the looser policy."""
    identifier = f"000001-{'0' * 64}"
    files = ("/v1/config", f"/v1/{identifier}/namespaces", "/latest/v1/config", f"/releases/{identifier}.json", "/latest.json")
    more = (f"/releases/{identifier}/v1/config", f"/releases/{identifier}/v1/namespaces/marts/tables", "/osslake/marts/a.parquet")
    api = ("/v1/projects", "/v1/series", "/", f"/releases/{identifier}/v1/projects", f"/releases/{identifier}/v1/series", "/elsewhere/a")
    assert [is_file(path, "osslake") for path in (*files, *more)] == [True] * 8
    assert [is_file(path, "osslake") for path in api] == [False] * 6
