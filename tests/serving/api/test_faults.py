"""A server of two processes while things go wrong: releases switched under load, the lake gone, slow clients, workers killed, a stop with answers open."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import pytest
from marts_lake import DAY_METRIC, ENGINE, ROLLING_METRIC, MartsLake
from prometheus_client.parser import text_string_to_metric_families
from released_lake import ReleasedLake
from web_servers import START_TIMEOUT_S, UNLIMITED, Server, free_port, granian, server

from serving.replica.keeper import make_replica

BIG_BYTES = 80_000_000
QUESTIONS = (
    "/v1/projects",
    "/v1/projects.csv?order=project_name.desc",
    "/v1/projects?select=project_name&project_name=like.a*",
    f"/v1/events/daily?to_artifact_id=eq.{ENGINE}",
    "/v1/events/daily?order=bucket_date.desc",
    f"/v1/series?metric={DAY_METRIC},{ROLLING_METRIC}&project=alpha",
    f"/v1/series.ndjson?metric={DAY_METRIC}&project=alpha,beta",
    "/v1/search?q=alpha",
    "/v1/resolve?q=github.com/alpha/engine",
    "/v1/metrics",
    "/v1/datasets/marts.projects_v1",
    "/v1/datasets/marts.projects_v1/rows.csv",
)
"""Of every kind of answer: rows as they are printed, sorted, filtered, out of the rows' file, out of the release's files; series; names; documents."""


@pytest.fixture(scope="module")
def url(released_lake: ReleasedLake) -> Iterator[str]:
    """Address of a server of one worker with the default limits."""
    make_replica(released_lake.settings)
    with granian(released_lake.settings.folder) as address:
        yield address


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what must come."""
    deadline = time.monotonic() + 2 * START_TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def connected(url: str) -> socket.socket:
    """Return a connection to a server."""
    address = httpx.URL(url)
    return socket.create_connection((address.host, address.port or 80), START_TIMEOUT_S)


def received(connection: socket.socket) -> bytes:
    """Return all that a server sends until it closes the connection."""
    found = bytearray()
    while chunk := connection.recv(1 << 20):
        found += chunk
    return bytes(found)


def is_answered(url: str) -> bool:
    """Tell whether a server takes a connection and answers."""
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def told(answer: bytes, release_id: str) -> Any:
    """Return what an answer says, as it does where its address names no release: without the page's own links, others as they are then."""
    answer = answer.replace(f"/releases/{release_id}/v1".encode(), b"/v1")
    return orjson.loads(answer)["data"] if answer.startswith(b'{"release_id"') else answer


def test_no_answer_fails_or_mixes_releases_while_one_is_switched(tmp_path: Path) -> None:
    """Two workers under load during a release: each answer is 200 and, to the byte, that of the one release which its header names; both workers switch."""
    lake = MartsLake(tmp_path)
    first = lake.release_first()
    make_replica(lake.settings)
    seen, failed, stop = dict[tuple[str, str], set[bytes]](), list[Any](), threading.Event()

    def read(url: str) -> None:
        while not stop.is_set():
            with httpx.Client() as client:  # a new connection now and then, so that both workers are asked
                for path in QUESTIONS:
                    answer = client.get(url + path)
                    if answer.status_code != 200:
                        failed.append((path, answer.status_code, answer.text))
                        continue
                    seen.setdefault((path, answer.headers["osslake-release"]), set()).add(answer.content)

    def newest(url: str) -> set[str]:
        return {httpx.get(f"{url}/v1/projects").headers["osslake-release"] for _ in range(30)}

    with granian(lake.settings.folder, workers=2, limits=UNLIMITED, poll_s=0.2) as url:
        wait_until(lambda: is_answered(url))
        threads = [threading.Thread(target=read, args=(url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: len(seen) == len(QUESTIONS))
            second = lake.release_second()
            wait_until(lambda: len(seen) == 2 * len(QUESTIONS))
            wait_until(lambda: newest(url) == {second.id})
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert failed == []
        for (path, release_id), answers in seen.items():
            (answer,) = answers
            pinned = httpx.get(f"{url}/releases/{release_id}{path}").content
            assert told(answer, release_id) == told(pinned, release_id), path
    assert {release_id for _, release_id in seen} == {first.id, second.id}


def test_answers_go_on_while_the_lake_is_gone(tmp_path: Path) -> None:
    """Where the lake's folder is taken away the open replica answers on, health and readiness too; what needs a file is refused, not hung."""
    lake = ReleasedLake(tmp_path)
    release = lake.release_first()
    make_replica(lake.settings)
    with server(lake.settings.folder, workers=2, poll_s=0.2) as running:
        url = running.url
        wait_until(lambda: len(running.events("replica.used")) == 2)
        lake.settings.folder.rename(tmp_path / "elsewhere")
        for path in ("/v1/projects", "/v1/projects/p1", f"/v1/projects?release={release.id}", "/v1/projects?score=gt.0&order=score.desc"):
            assert [httpx.get(url + path).status_code for _ in range(8)] == [200] * 8
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok", "release": release.id}
        assert httpx.get(f"{url}/readyz").json()["state"] == "ready"
        assert httpx.get(f"{url}/v1/status").status_code == httpx.get(f"{url}/metrics").status_code == 200
        assert httpx.get(f"{url}/small-lake/nothing.parquet").status_code in (404, 503)
        running.stop()


def test_slow_clients_keep_nobody_waiting(url: str) -> None:
    """While forty clients send their requests byte by byte others are answered, and the slow ones are too when they are done."""
    request = b"GET /v1/projects HTTP/1.1\r\nHost: slow\r\nConnection: close\r\n\r\n"
    with ExitStack() as opened:
        slow = [opened.enter_context(connected(url)) for _ in range(40)]
        for byte in request[:-2]:
            for connection in slow:
                connection.sendall(bytes([byte]))
            if byte in b"\n":
                assert httpx.get(f"{url}/v1/projects").status_code == 200
        for connection in slow:
            connection.sendall(request[-2:])
        assert {received(connection).split(b" ")[1] for connection in slow} == {b"200"}


@pytest.mark.parametrize("size", [20_000, 100_000, 1_000_000])
def test_a_huge_address_is_refused(url: str, size: int) -> None:
    """An address of up to a megabyte is 414; the server goes on."""
    with connected(url) as connection:
        connection.sendall(b"GET /v1/projects?x=" + b"a" * size + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 414 ")
    assert is_answered(url)


@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_huge_headers_are_refused(url: str, size: int) -> None:
    """Headers of up to a megabyte are 431; the server goes on."""
    with connected(url) as connection:
        connection.sendall(b"GET /v1/projects HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + b"a" * size + b"\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 431 ")
    assert is_answered(url)


def test_the_log_has_a_line_for_each_request(released_lake: ReleasedLake) -> None:
    """A line of JSON tells id, method, path, query, status, bytes, time, client, release, cost and user agent; without the setting there is none."""
    make_replica(released_lake.settings)
    release = released_lake.releases[-1]
    with server(released_lake.settings.folder, workers=2) as running:
        wait_until(lambda: is_answered(running.url))
        headers = {"X-Request-Id": "seen-in-the-log", "User-Agent": "a test"}
        answer = httpx.get(f"{running.url}/v1/projects?limit=2&or=({'x' * 600})", headers=headers | {"Accept-Encoding": ""})
        httpx.get(f"{running.url}/v1/projects?limit=2", headers={"X-Request-Id": "seen-in-the-log-too", "Accept-Encoding": ""})
        wait_until(lambda: len([one for one in running.events("request") if one["request_id"].startswith("seen-")]) == 2)
        wrong, right = (one for one in running.events("request") if one["request_id"].startswith("seen-"))
        running.stop()
    assert (wrong["status"], wrong["bytes"], len(wrong["query"])) == (400, len(answer.content), 500)
    assert (right["method"], right["path"], right["query"], right["status"]) == ("GET", "/v1/projects", "limit=2", 200)
    assert (right["client"], right["release_id"], right["cost"]) == ("127.0.0.1", release.id, 1)
    assert right["duration_ms"] > 0
    with server(released_lake.settings.folder, access_log=False) as quiet:
        assert is_answered(quiet.url)
        quiet.stop()
        assert quiet.events("request") == []


def test_metrics_add_up_over_the_workers(released_lake: ReleasedLake) -> None:
    """Whichever of two workers is asked, it tells what both counted."""
    make_replica(released_lake.settings)
    with granian(released_lake.settings.folder, workers=2) as url:
        wait_until(lambda: is_answered(url))
        for _ in range(30):
            assert httpx.get(f"{url}/v1/limits").status_code == 200  # a connection each, so both are asked
        pages = [httpx.get(f"{url}/metrics") for _ in range(10)]
    assert {page.status_code for page in pages} == {200}
    assert {_count(page.text, "/v1/limits") for page in pages} == {30}


def _count(text: str, route: str) -> float:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(one.value for one in samples if one.name == "osslake_http_requests_total" and one.labels["route"] == route)


def test_a_worker_that_dies_is_started_anew(released_lake: ReleasedLake) -> None:
    """After SIGKILL of one of two workers there are two again, and what it had in flight counts no more."""
    make_replica(released_lake.settings)
    with server(released_lake.settings.folder, workers=2) as running:
        wait_until(lambda: is_answered(running.url))
        before = _workers(running)
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(set(_workers(running)) - {before[0]}) == 2)
        wait_until(lambda: all(is_answered(running.url) for _ in range(20)))
        assert "osslake_http_requests_in_flight 1.0" in httpx.get(f"{running.url}/metrics").text
        running.stop()


def _workers(running: Server) -> list[int]:
    found = psutil.Process(running.process.pid).children()
    return [one.pid for one in found if one.status() != psutil.STATUS_ZOMBIE and "serving.replica" not in one.cmdline()]


def test_a_signal_that_comes_before_the_loop_runs_is_kept() -> None:
    """A worker that is asked to stop between its start and its work does stop: its loop keeps a signal that it can't handle yet."""
    asked = """
import asyncio, os, signal
from granian._loops import loops
from serving.server import LOOP
loop = loops.get(LOOP)
loop.add_signal_handler(signal.SIGTERM, loop.stop)
loop.run_until_complete(asyncio.sleep(0))
os.kill(os.getpid(), signal.SIGTERM)
loop.run_forever()
"""
    assert subprocess.run([sys.executable, "-c", asked], timeout=START_TIMEOUT_S).returncode == 0


def test_open_answers_are_finished_when_the_server_stops(tmp_path: Path) -> None:
    """After SIGTERM no connection is taken any more, and a file that is being sent is sent to its end."""
    lake = ReleasedLake(tmp_path)
    lake.release_first()
    make_replica(lake.settings)
    (lake.settings.warehouse / "big.bin").write_bytes(b"x" * BIG_BYTES)
    with server(lake.settings.folder, workers=2) as running, connected(running.url) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.sendall(b"GET /small-lake/big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        head = connection.recv(1_000)
        assert head.startswith(b"HTTP/1.1 200 ")
        running.process.terminate()
        wait_until(lambda: not is_answered(running.url))
        body = (head + received(connection)).partition(b"\r\n\r\n")[2]
        running.wait()
    assert len(body) == BIG_BYTES


def test_the_command_makes_the_first_replica_and_then_answers(tmp_path: Path) -> None:
    """`osslake serve --workers 2` tells that it makes the replica, and is ready from its first answer on."""
    lake = ReleasedLake(tmp_path)
    lake.release_first()
    (lake.settings.folder / "osslake.toml").write_text('dataset = "small-lake"\n')
    port, code = free_port(), "from lakehouse.cli import main; main()"
    command = [sys.executable, "-c", code, "--lake", str(lake.settings.folder), "serve", "--port", str(port), "--workers", "2"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, start_new_session=True)
        try:
            first = _first_answer(process, f"http://127.0.0.1:{port}/readyz")
            process.terminate()
            assert process.wait(START_TIMEOUT_S) == 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its workers too
            process.wait()
    assert (first.status_code, first.json()["state"]) == (200, "ready")
    printed = (tmp_path / "log").read_text()
    assert "making the serving replica of release 1 ... done in " in printed


def _first_answer(process: subprocess.Popen[bytes], url: str) -> httpx.Response:
    deadline = time.monotonic() + 2 * START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not come up")
