"""Readiness, freshness, and the first replica."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from released_lake import DATASETS, ReleasedLake
from web_servers import START_TIMEOUT_S, AppClient, started

from catalog.datasets import Column, Dataset
from catalog.settings import Settings
from serving.app import create_app
from serving.health import Health
from serving.releases import WAIT_S, ServedReleases
from serving.replica.builder import make_first_replica
from serving.replica.files import SUFFIX
from serving.replica.keeper import Replicas, make_replica

COVERAGE = Dataset(
    "marts",
    "event_coverage_v1",
    "One hour of a source.",
    (
        Column("event_source", "string", "the forge"),
        Column("period_start", "timestamptz", "its start"),
        Column("period_seconds", "long", "its length"),
        Column("state", "string", "what became of it"),
    ),
    grain=("event_source", "period_start"),
)


def health_of(settings: Settings) -> Health:
    """Return what a worker knows that has just looked for replicas, and doesn't look again."""
    releases = ServedReleases(settings)
    replicas = Replicas(settings, releases)
    if any(settings.replicas.glob(f"*{SUFFIX}")):
        replicas.look()
    return Health(settings.serve, releases, replicas)


def test_without_a_release_it_is_not_ready(tmp_path: Path) -> None:
    """Before the first release readiness is 503 and says what is missing; the server is up all the same."""
    client = AppClient(create_app(Settings(folder=tmp_path, dataset="small-lake")))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"state": "no release", "missing": "a release"})
    assert "retry-after" in answer.headers
    assert client.get("/healthz").status_code == 200
    status = client.get("/v1/status").json()
    assert (status["state"], status["release"], status["objective"]["holds"]) == ("no release", None, False)
    assert status["data_age_days"] is None


def test_readiness_follows_the_replicas(tmp_path: Path) -> None:
    """Without a replica 503; with the newest one ready; while an older one answers, behind."""
    lake = ReleasedLake(tmp_path)
    first = lake.release_first()
    assert health_of(lake.settings).ready() == (503, {"state": "preparing", "missing": "the serving replica of release 1"})
    make_replica(lake.settings)
    health = health_of(lake.settings)
    assert health.ready() == (200, {"state": "ready", "replica": first.id, "release": first.id})
    second = lake.release_second()
    assert health.ready() == (200, {"state": "behind", "replica": first.id, "release": second.id})
    assert [value for name, _, value in health.gauges() if name.endswith("sequence")] == [2, 1]
    make_replica(lake.settings)
    assert health_of(lake.settings).ready()[1]["state"] == "ready"


def test_the_objective_is_the_releases_age(tmp_path: Path) -> None:
    """A release of 35 hours holds the objective of 36 hours, one of 37 doesn't; the status names release, replica and those that are kept."""
    lake = ReleasedLake(tmp_path)
    release = lake.release_first()
    make_replica(lake.settings)
    health = health_of(lake.settings)
    fresh, stale = (health.status(release.created_at + timedelta(hours=hours)) for hours in (35, 37))
    assert (fresh["objective"], stale["objective"]) == ({"fresh_hours": 36.0, "holds": True}, {"fresh_hours": 36.0, "holds": False})
    assert (fresh["release"]["age_hours"], fresh["release"]["as_of_date"]) == (35, "2024-01-01")
    assert (fresh["data_age_days"], stale["data_age_days"]) == tuple(
        ((release.created_at + timedelta(hours=hours)).date() - release.as_of_date).days for hours in (35, 37)
    )
    assert (fresh["replica"]["id"], fresh["kept_replicas"], fresh["coverage"]) == (release.id, [1], [])


def test_the_age_of_the_data_is_told_apart(tmp_path: Path) -> None:
    """A release that was just made of data that ends a week ago is fresh, and its data are seven days old; the metrics show that too."""
    lake = ReleasedLake(tmp_path)
    lake.release_first()
    made = lake.release(date(2024, 1, 1))
    told = health_of(lake.settings).status(made.created_at)
    assert told["objective"]["holds"]
    assert told["data_age_days"] == (made.created_at.date() - date(2024, 1, 1)).days > 7
    gauges = {name: value for name, _, value in health_of(lake.settings).gauges()}
    assert gauges["osslake_data_age_seconds"] >= 86_400 * (told["data_age_days"] - 1)


def test_the_status_tells_how_far_each_source_is_covered(tmp_path: Path) -> None:
    """For each source: from when to when, how many hours, and which share of them was loaded or is known to be empty."""
    lake = ReleasedLake(tmp_path, (*DATASETS, COVERAGE))
    states = ("loaded", "empty", "missing", "loaded")
    rows = [
        {"event_source": "GITHUB", "period_start": datetime(2024, 1, 1, hour, tzinfo=UTC), "period_seconds": 3600, "state": state}
        for hour, state in enumerate(states)
    ]
    lake.replace(COVERAGE, rows)
    lake.release_first()
    make_replica(lake.settings)
    assert health_of(lake.settings).status()["coverage"] == [
        {
            "event_source": "GITHUB",
            "first": "2024-01-01T00:00:00Z",
            "last": "2024-01-01T03:00:00Z",
            "hours": 4,
            "loaded_share": 0.75,
            "known_gaps": None,
            "gaps_that_last": 0,
        }
    ]


def test_status_and_readiness_are_answered_over_http(tmp_path: Path) -> None:
    """Both are documents that may not be kept."""
    lake = ReleasedLake(tmp_path)
    release = lake.release_first()
    make_replica(lake.settings)
    with started(create_app(lake.settings)) as client:
        for path in ("/readyz", "/v1/status", "/healthz"):
            assert client.get(path).headers["cache-control"] == "no-store"
        assert client.get("/readyz").json()["state"] == client.get("/v1/status").json()["state"] == "ready"
        assert client.get("/v1/status").json()["release"]["id"] == release.id
        assert "osslake_release_age_seconds" in client.get("/metrics").text


def test_the_first_replica_is_made_before_the_server_listens(tmp_path: Path) -> None:
    """Where there is a release and no replica, it is made and told with its seconds; else nothing is done or said."""
    lake, told = ReleasedLake(tmp_path), list[str]()
    make_first_replica(lake.settings, told.append)
    assert told == []
    release = lake.release_first()
    make_first_replica(lake.settings, told.append)
    assert told[0] == "making the serving replica of release 1 ...\n"
    assert told[1].startswith("making the serving replica of release 1 ... done in ")
    assert [file.name for file in lake.settings.replicas.glob("*.sqlite")] == [f"{release.id}{SUFFIX}"]
    lake.release_second()
    make_first_replica(lake.settings, told.append)
    assert len(told) == 2, "with an older replica the server starts at once"


def test_builds_that_fail_are_counted(tmp_path: Path) -> None:
    """A worker whose build ended without a replica counts it, and goes on answering from what it has."""
    lake, failures = ReleasedLake(tmp_path), list[int]()
    first = lake.release_first()
    make_replica(lake.settings)
    releases = ServedReleases(lake.settings)
    replicas = Replicas(lake.settings, releases, lambda: failures.append(1))
    replicas.look()
    second = lake.release_second()
    table = next(table for table in second.tables if table.name == "projects_v1")
    lake.path(table.data_files[0].path).write_bytes(b"damaged")
    deadline = time.monotonic() + 2 * START_TIMEOUT_S
    while not failures and time.monotonic() < deadline:
        replicas.look()
        time.sleep(0.05)
    replicas.stop()
    assert failures
    newest = replicas.newest()
    assert newest is not None
    assert newest.release.id == first.id


def test_a_store_that_is_silent_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an object store takes its time the last release is told, and all questions together wait for it as long as one may."""
    lake, answers = ReleasedLake(tmp_path), threading.Event()
    release = lake.release_first()
    make_replica(lake.settings)
    releases = ServedReleases(lake.settings)
    health = Health(lake.settings.serve, releases, Replicas(lake.settings, releases))
    assert health.release() == release
    read = releases.store.read
    monkeypatch.setattr(releases.store, "folder", None)
    monkeypatch.setattr(releases.store, "read", lambda key: read(key) if answers.wait(2 * START_TIMEOUT_S) else b"")
    started_at = time.monotonic()
    told = [health.status()["release"]["id"] for _ in range(20)]
    assert time.monotonic() - started_at < 3 * WAIT_S
    assert told == [release.id] * 20
    second = lake.release_second()
    answers.set()
    deadline = time.monotonic() + START_TIMEOUT_S
    while health.release() != second and time.monotonic() < deadline:
        time.sleep(0.05)
    assert health.release() == second


def test_a_first_replica_that_can_not_be_made_stops_nobody(tmp_path: Path) -> None:
    """A release whose files are damaged is told, and the server goes on: what it can answer it answers."""
    lake, told = ReleasedLake(tmp_path), list[str]()
    release = lake.release_first()
    table = next(table for table in release.tables if table.name == "projects_v1")
    lake.path(table.data_files[0].path).write_bytes(b"damaged")
    make_first_replica(lake.settings, told.append)
    assert told[-1].endswith("it could not be made; it is tried again\n")
