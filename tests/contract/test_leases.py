"""The lease in PostgreSQL: who comes second, who died, who stood still, who can't be reached; releases on a real object store."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Queue
from typing import Any

import psycopg
import pytest
from end_to_end.processes import LIMIT_S, queue, start, wait_until_stopped
from released_lake import EVENTS, ReleasedLake

from catalog.bucket import LATEST_KEY, open_bucket
from catalog.errors import LakeBusyError, OsslakeError
from catalog.releases import list_releases
from catalog.settings import Settings
from contract.proxy import SwallowingProxy
from contract.servers import Postgres, Seaweed
from lakehouse.lock import held, lake_lock
from lakehouse.releases import publication, rollback_release, verify_release

pytestmark = pytest.mark.stack
LEASE_S = 1.5
THIRD_EVENTS = [{"event_id": 4, "happened_at": datetime(2024, 1, 3, tzinfo=UTC), "tags": [], "_load_id": "l3"}]


@pytest.fixture
def lake(postgres_server: Postgres, seaweed_server: Seaweed, tmp_path: Path) -> ReleasedLake:
    """Return a lake of two releases in the object store, whose lease is in PostgreSQL."""
    dataset = f"lease-{secrets.token_hex(4)}"
    postgres_server.make_database(dataset)
    storage = {"type": "s3", "endpoint": seaweed_server.endpoint}
    storage |= {"connect_timeout_s": 0.5, "request_timeout_s": 1}
    storage |= {"access_key": seaweed_server.access_key, "secret_key": seaweed_server.secret_key}
    made = ReleasedLake(tmp_path, dataset=dataset, storage=storage, transform=_state(postgres_server.port, postgres_server, dataset))
    made.release_first()
    made.release_second()
    return made


def _state(port: int, server: Postgres, database: str) -> dict[str, Any]:
    return {"state": f"postgresql://osslake:{server.password}@127.0.0.1:{port}/{database}", "lease_s": LEASE_S}


def _hold(settings: Settings, said: Any, seconds: float) -> None:
    """Hold a lake for some time and say how that went."""
    try:
        with lake_lock(settings, "run"):
            said.put("held")
            time.sleep(seconds)
            held(settings).check()
        said.put("ended")
    except OsslakeError as error:
        said.put(str(error))


def _hold_fenced(settings: Settings, said: Any, seconds: float) -> None:
    """Hold a lake while it can't be taken, and for a lease more."""
    with lake_lock(settings, "run"):
        with held(settings).fenced():
            said.put("fenced")
            time.sleep(seconds)
        time.sleep(LEASE_S)
        held(settings).check()
    said.put("ended")


def _roll_back(settings: Settings, said: Any, stop_at: str) -> None:
    """Roll back to the first release, and stand still at a crash point, or as soon as the lake is held."""

    def come_to(point: str) -> None:
        if point == stop_at:
            os.kill(os.getpid(), signal.SIGSTOP)

    publication.crash_point = come_to
    try:
        with lake_lock(settings, "release rollback"):
            come_to("held")
            said.put(rollback_release(settings, "1").release.id)
    except OsslakeError as error:
        said.put(str(error))


@pytest.fixture
def process(lake: ReleasedLake) -> Iterator[Callable[..., tuple[BaseProcess, Queue[str]]]]:
    """Start a function on the lake in a process of its own; it ends with the test."""
    started: list[BaseProcess] = []

    def begin(what: Callable[..., None], *arguments: object) -> tuple[BaseProcess, Queue[str]]:
        said = queue()
        started.append(start(what, lake.settings, said, *arguments))
        return started[-1], said

    yield begin
    for one in started:
        one.kill()
        one.join()


def test_the_later_one_is_refused_for_as_long_as_the_first_lives(lake: ReleasedLake, process: Any) -> None:
    """Of two processes one has the lake, for longer than a lease lasts; the other ends soon, and says who has it since when."""
    runs = [process(_hold, 2 * LEASE_S) for _ in range(2)]
    first = {said.get(timeout=LIMIT_S): one.pid for one, said in runs}
    refusal = next(text for text in first if text != "held")
    assert f"is held by `osslake run` (process {first['held']} on {socket.gethostname()}) since 20" in refusal
    began = time.monotonic()
    with pytest.raises(LakeBusyError, match=f"process {first['held']} on"), lake_lock(lake.settings, "maintain"):
        pytest.fail("two hold the lake")
    assert time.monotonic() - began < LEASE_S
    holder = next(said for one, said in runs if one.pid == first["held"])
    assert holder.get(timeout=LIMIT_S) == "ended"
    with lake_lock(lake.settings, "maintain"):
        held(lake.settings).check()


def test_what_a_killed_holder_left_is_ended(lake: ReleasedLake, process: Any, postgres_server: Postgres) -> None:
    """After kill -9 the lake passes on when the lease is over; sessions of the one that was killed, whose locks would be waited for, are ended."""
    killed, said = process(_hold, LIMIT_S)
    assert said.get(timeout=LIMIT_S) == "held"
    state, waited = lake.settings.transform.state.get_secret_value(), list[str]()
    with psycopg.connect(state, application_name="osslake:1") as left, psycopg.connect(state, application_name="other") as other:
        killed.kill()
        with lake_lock(lake.settings, "run", waited.append):
            assert held(lake.settings).tag == f"osslake:{lake.settings.dataset}:2"
            other.execute("SELECT 1")
            with pytest.raises(psycopg.OperationalError):
                left.execute("SELECT 1")
    assert waited == [f"waiting for a sign of {waited[0].partition('of ')[2]}"]
    assert f"(process {killed.pid} on {socket.gethostname()})" in waited[0]


def test_nobody_takes_the_lake_while_latest_is_moved(lake: ReleasedLake, process: Any) -> None:
    """A holder that waits for the object store for longer than its lease lasts still has the lake when the store has answered."""
    _, said = process(_hold_fenced, 2 * LEASE_S)
    assert said.get(timeout=LIMIT_S) == "fenced"
    with pytest.raises(LakeBusyError), lake_lock(lake.settings, "run"):
        pytest.fail("two hold the lake")
    assert said.get(timeout=LIMIT_S) == "ended"


@pytest.mark.parametrize("point", ["held", "release.written"])
def test_a_run_that_stood_still_does_not_release(lake: ReleasedLake, process: Any, point: str) -> None:
    """Stopped before its release counts, and even with the lease's row locked, until another run has released: it changes nothing and says why."""
    stale, said = process(_roll_back, point)
    wait_until_stopped(stale)
    with lake_lock(lake.settings, "run"):
        lake.append(EVENTS, THIRD_EVENTS)
        third = lake.release(date(2024, 1, 3))
        before = open_bucket(lake.settings).read(LATEST_KEY)
        os.kill(stale.pid, signal.SIGCONT)
        assert f"no longer holds the lake {lake.settings.folder}" in (refusal := said.get(timeout=LIMIT_S))
    assert f"`osslake run` (process {os.getpid()} on {socket.gethostname()}) since 20" in refusal
    assert open_bucket(lake.settings).read(LATEST_KEY) == before
    assert [one.id for one in list_releases(lake.settings)] == [third.id, lake.releases[1].id, lake.releases[0].id]
    assert verify_release(lake.settings).chain_length == 3
    rollback_release(lake.settings, "2")
    assert verify_release(lake.settings).chain_length == 4


def test_a_holder_that_can_not_renew_stops_itself(lake: ReleasedLake, postgres_server: Postgres) -> None:
    """When PostgreSQL does not answer any more, a run holds the lake for no longer than its lease lasts, and says so."""
    proxy = SwallowingProxy(postgres_server.port)
    settings = lake.settings.model_copy(
        update={"transform": lake.settings.transform.model_validate(_state(proxy.port, postgres_server, lake.settings.dataset))}
    )
    with pytest.raises(LakeBusyError, match=rf"PostgreSQL at 127.0.0.1:{proxy.port} has not answered"), lake_lock(settings, "run"):
        held(settings).check()
        proxy.hang()
        began = time.monotonic()
        while time.monotonic() - began < 4 * LEASE_S:
            held(settings).check()
            time.sleep(0.05)
    with lake_lock(lake.settings, "run"):
        held(lake.settings).check()
    proxy.close()
