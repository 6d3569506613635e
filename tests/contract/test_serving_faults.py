"""An object store that is gone while `osslake serve` answers: the replica goes on, what needs files is refused at once, and all is back with the store."""

from __future__ import annotations

import hashlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from end_to_end.lakes import Lake
from end_to_end.worlds import TINY, hours_of
from web_servers import UNLIMITED, Server, server

from contract.combinations import Combination
from contract.conftest import run
from contract.proxy import FAULTS, SwallowingProxy, swallowing
from contract.servers import START_TIMEOUT_S, Seaweed
from serving.replica.keeper import make_replica
from serving.store import PAUSE_S

pytestmark = pytest.mark.stack
SOON_S, GONE_S, SILENT_S = 2.0, 5.0, 9.0
"""After so long there is an answer: of the replica, of a store that refuses connections, and of one that takes them and says nothing. This machine is busy."""
METRIC = "github_stars_monthly"


@pytest.fixture(scope="module")
def store(seaweed_server: Seaweed) -> Seaweed:
    """Return the object store."""
    return seaweed_server


@pytest.fixture(scope="module")
def lake(store: Seaweed, tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake in the object store with two releases, both of which have a replica."""
    lake, head = Lake(tmp_path_factory.mktemp("served") / "lake"), Combination("s3", "sqlite", store).new_lake()
    for days in (TINY.days - 2, TINY.days - 1):
        run(lake.name_sources(tiny_world, hours_of(TINY, days), more=head))
    while make_replica(lake.settings):
        pass
    return lake


@pytest.fixture
def proxy(store: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[SwallowingProxy]:
    """Return a proxy before the object store, which servers that are started from now on ask through."""
    with swallowing(store.s3_port) as made:
        monkeypatch.setenv("OSSLAKE_STORAGE__ENDPOINT", f"http://127.0.0.1:{made.port}")
        yield made


class Served:
    """A server of a lake, its answers, and what they were."""

    def __init__(self, running: Server, lake: Lake) -> None:
        self.running, self.lake, release = running, lake, lake.release()
        ((self.project,), *_) = lake.rows("SELECT project_name FROM marts.projects_v1 ORDER BY 1 LIMIT 1")
        ((artifact,),) = lake.rows("SELECT min(to_artifact_id) FROM marts.events_daily_v1")
        self.file = next(table for table in release.tables if table.full_name == "marts.events_v1").data_files[0]
        self.held = [
            *(
                "/healthz",
                "/readyz",
                "/v1/status",
                "/v1/limits",
                "/openapi.json",
                "/docs",
                "/",
                "/v1/config",
                "/latest/v1/namespaces/marts/tables",
                f"/v1/{release.id}/namespaces/marts/tables",
            ),
            *(
                "/v1/projects",
                f"/v1/projects/{self.project}",
                "/v1/projects.csv?order=display_name.desc",
                "/v1/collections",
                "/v1/coverage",
                f"/v1/events/daily?to_artifact_id=eq.{artifact}",
            ),
            *(f"/v1/series?metric={METRIC}&project={self.project}", "/v1/search?q=github", "/v1/metrics", f"/v1/metrics/{METRIC}"),
            *("/v1/datasets", "/v1/datasets/marts.events_v1", f"/v1/projects?release={release.document.previous}"),
        ]
        self.in_the_store = [
            *("/latest.json", f"/releases/{release.id}.json", f"/{self.file.path.removeprefix('s3://')}", "/v1/releases"),
            *("/v1/events?limit=3", "/v1/events/daily?limit=3", "/v1/datasets/raw.gharchive__events/rows.csv"),
            f"/v1/explain?metric={METRIC}&entity={self.project}",
            "/latest/v1/namespaces/raw/tables/gharchive__events",
        ]

    def ask(self, path: str, within_s: float) -> httpx.Response:
        """Return an answer, which has to be there in time."""
        started = time.monotonic()
        try:
            answer = httpx.get(self.running.url + path, timeout=60)
        except httpx.TransportError as error:
            pytest.fail(f"{path}: {error!r} after {time.monotonic() - started:.1f} s")
        took_s = time.monotonic() - started
        assert took_s < within_s, f"{path}: {answer.status_code} after {took_s:.1f} s"
        return answer

    def told(self, within_s: float = GONE_S) -> dict[str, bytes]:
        """Return what is answered from the replica, without what changes with time."""
        found = {}
        for path in self.held:
            answer = self.ask(path, within_s)
            assert answer.status_code == 200, (path, answer.text)
            found[path] = _timeless(answer).replace(self.running.url.encode(), b"ADDRESS")
        assert self.ask("/metrics", within_s).status_code == 200
        return found

    def refused(self, path: str, within_s: float) -> None:
        """See that a path is refused as it should be."""
        answer = self.ask(path, within_s)
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "5"), (path, answer.text[:500])
        kind = "application/json" if "/namespaces/" in path else "application/problem+json"
        assert answer.headers["content-type"] == kind
        assert str(answer.status_code) in answer.text

    def is_whole(self) -> bool:
        """Tell whether all that needs the store is answered; what is answered with 200 has to be right."""
        answers = {path: self.ask(path, 60) for path in self.in_the_store}
        assert {answer.status_code for answer in answers.values()} <= {200, 503}
        if any(answer.status_code != 200 for answer in answers.values()):
            return False
        content = answers[f"/{self.file.path.removeprefix('s3://')}"].content
        assert hashlib.sha256(content).hexdigest() == self.file.sha256
        return True

    def gauge(self, name: str) -> float:
        """Return a value of `/metrics`."""
        (line,) = (one for one in httpx.get(f"{self.running.url}/metrics", timeout=60).text.splitlines() if one.startswith(f"{name} "))
        return float(line.split()[1])


def _timeless(answer: httpx.Response) -> bytes:
    content = answer.content
    if answer.url.path == "/v1/status":
        return str(answer.json() | {"release": {**answer.json()["release"], "age_hours": None}}).encode()
    return content


def wait_until(holds: Callable[[], Any], timeout_s: float = START_TIMEOUT_S) -> None:
    """Wait for what must come."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.2)


def test_a_store_that_is_killed(store: Seaweed, lake: Lake, tiny_world: Path) -> None:
    """The same bytes from the replica, 503 for what needs a file; with the store all of it is back, and the next release is taken up, without a restart."""
    with server(lake.folder, dataset=lake.settings.dataset, limits=UNLIMITED) as running:
        served, before = Served(running, lake), lake.release()
        told = served.told()
        store.process.end(signal.SIGKILL)
        try:
            for _ in range(2):
                for path in served.in_the_store:
                    served.refused(path, GONE_S)
                assert served.told() == told
            assert served.gauge("osslake_store_answers") == 0
        finally:
            store.process.start()
        wait_until(served.is_whole)
        assert served.told() == told
        assert served.gauge("osslake_store_answers") == 1
        text = (lake.folder / "osslake.toml").read_text()
        (lake.folder / "osslake.toml").write_text(
            text.replace(*(f'to = "{hours_of(TINY, days)[1]}"' for days in (TINY.days - 1, TINY.days)))
        )
        run(lake)
        wait_until(
            lambda: (
                httpx.get(f"{running.url}/readyz").json() == {"state": "ready", "replica": lake.release().id, "release": lake.release().id}
            )
        )
        assert httpx.get(f"{running.url}/v1/projects").json()["release_id"] == lake.release().id != before.id
        assert [bool(running.events(name)) for name in ("store.lost", "store.back", "request.failed")] == [True, True, False]
        running.stop()


def test_a_store_that_is_silent(lake: Lake, proxy: SwallowingProxy) -> None:
    """Where the store takes connections and says nothing, many who want files are refused in time, and keep nobody waiting who asks the replica."""
    with server(lake.folder, dataset=lake.settings.dataset, limits=UNLIMITED) as running:
        served = Served(running, lake)
        told = served.told()
        proxy.hang()
        wanted = [path for path in served.in_the_store for _ in range(12)]
        random.Random(6).shuffle(wanted)
        with ThreadPoolExecutor(len(wanted)) as pool:
            many = [pool.submit(served.refused, path, 2 * SILENT_S) for path in wanted]
            wait_until(lambda: served.gauge("osslake_http_requests_in_flight") > len(wanted) / 2)
            assert served.told(SOON_S) == told
            for one in many:
                one.result()
        for path in served.in_the_store:
            served.refused(path, SILENT_S)
        assert served.told(SOON_S) == told
        proxy.resume()
        wait_until(served.is_whole)
        assert served.told() == told
        running.stop()


def test_a_store_that_errs(lake: Lake, proxy: SwallowingProxy) -> None:
    """Where the store refuses, cuts or swallows most of what it is asked, each answer is whole and right, or 503; never 500, never a part."""
    with server(lake.folder, dataset=lake.settings.dataset, limits=UNLIMITED) as running:
        served = Served(running, lake)
        told = served.told()
        proxy.disturb(seed=1, rate=0.7, delay_s=0.2)
        for _ in range(5):
            served.is_whole()
            time.sleep(PAUSE_S)
        assert served.told() == told
        assert set(proxy.met) == set(FAULTS)
        proxy.disturb(0, 0, 0)
        wait_until(served.is_whole)
        assert running.events("request.failed") == []
        running.stop()


def test_a_server_that_is_started_without_the_store(store: Seaweed, lake: Lake) -> None:
    """The last good release is answered from its replica, an older one from its own; the log says what is wrong; then the store comes, and all is there."""
    with server(lake.folder, dataset=lake.settings.dataset, limits=UNLIMITED) as running:
        told = Served(running, lake).told()
        running.stop()
    served = Served(running, lake)
    store.process.end(signal.SIGKILL)
    try:
        with server(lake.folder, dataset=lake.settings.dataset, limits=UNLIMITED) as late:
            served.running = late
            assert served.told() == told
            for path in served.in_the_store:
                served.refused(path, GONE_S)
            (lost,) = late.events("store.lost")
            assert str(store.s3_port) in lost["error"]
            store.process.start()
            wait_until(served.is_whole)
            assert served.told() == told
            late.stop()
    finally:
        if store.process.process and store.process.process.poll() is not None:
            store.process.start()


def test_a_server_that_is_started_with_nothing(store: Seaweed, lake: Lake, tmp_path: Path) -> None:
    """Without the store and without a replica the server is up and says what it lacks; with the store it makes the replica and answers."""
    store.process.end(signal.SIGKILL)
    try:
        with server(lake.folder, dataset=lake.settings.dataset, limits=UNLIMITED, replicas=str(tmp_path / "replicas")) as running:
            served = Served.__new__(Served)
            served.running = running
            assert served.ask("/healthz", SOON_S).json() == {"status": "ok", "release": None}
            assert served.ask("/readyz", SOON_S).json() == {"state": "no release", "missing": "an answer of the store"}
            for path in ("/readyz", "/v1/projects", "/v1/config", "/latest.json"):
                answer = served.ask(path, SOON_S)
                assert (answer.status_code, "retry-after" in answer.headers) == (503, True), answer.text
            assert str(store.s3_port) in running.events("store.lost")[0]["error"]
            store.process.start()
            wait_until(lambda: httpx.get(f"{running.url}/v1/projects").status_code == 200)
            running.stop()
    finally:
        if store.process.process and store.process.process.poll() is not None:
            store.process.start()
