"""HTTP servers for tests: granian with the application, nginx over a folder, and the application without a socket."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fastapi import FastAPI

from catalog.settings import Settings
from serving.app import create_app
from serving.replica.keeper import make_replica

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NGINX_SITE = Path(__file__).parents[1] / "docs" / "deploy" / "nginx.conf"
START_TIMEOUT_S = 30.0
UNLIMITED = {"requests_per_s": 0, "files_per_s": 0, "cost_per_minute": 0}
"""Settings of `serve.limits`."""
_SERVE = """
import json, sys
from pathlib import Path
from catalog.settings import load_settings
import serving
settings = load_settings(Path(sys.argv[1]), dataset=sys.argv[4], serve=json.loads(sys.argv[5]))
serving.run(settings, "127.0.0.1", int(sys.argv[2]), workers=int(sys.argv[3]))
"""


def free_port() -> int:
    """Return a TCP port that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def granian(lake: Path, workers: int = 1, dataset: str = "small-lake", **serve: Any) -> Iterator[str]:
    """Serve a lake by a process of its own, and yield its address; it must end by itself when it is asked to.

    Args:
        serve: settings of that branch.
    """
    with server(lake, workers, dataset, **serve) as running:
        yield running.url
        running.stop()


@dataclass(frozen=True)
class Server:
    """A server in a process group of its own; `log` is what it prints."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of the log of one kind, as far as they are written."""
        lines = self.log.read_bytes().splitlines(keepends=True)
        return [event for line in lines if line.endswith(b"\n") and (event := json.loads(line))["event"] == name]

    def stop(self) -> None:
        """Ask it to end, and wait until it did."""
        self.process.terminate()
        self.wait()

    def wait(self) -> None:
        """Wait until it ended as it was asked to; asked a second time while Python takes itself down, it would die of the signal."""
        try:
            self.process.wait(timeout=START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the server does not end; {self._doing()}")
        printed = self.log.read_text()
        assert self.process.returncode == 0, printed
        assert all(json.loads(line)["event"] for line in printed.splitlines()), "the server ends in peace and prints its log alone"

    def _doing(self) -> str:
        """Return what its processes do, and what it printed, with the places where the workers' threads are."""
        found = [self.process, *psutil.Process(self.process.pid).children(recursive=True)]
        shown = [f"{one.pid} {psutil.Process(one.pid).status()} {psutil.Process(one.pid).cmdline()}" for one in found]
        for worker in psutil.Process(self.process.pid).children():
            worker.send_signal(signal.SIGUSR1)
        time.sleep(1)
        return "\n".join([*shown, self.log.read_text()])


@contextmanager
def server(lake: Path, workers: int = 1, dataset: str = "small-lake", **serve: Any) -> Iterator[Server]:
    """Serve a lake by a process of its own; what is left of it at the end is killed."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(lake), str(port), str(workers), dataset, json.dumps(serve)],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Server(process, _wait_for(process, f"http://127.0.0.1:{port}", "/healthz"), log)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its workers too
            process.wait()


@contextmanager
def nginx(folder: Path, root: Path, port: int) -> Iterator[str]:
    """Serve a folder by nginx with docs/deploy/nginx.conf as it stands, and yield its address."""
    folder.mkdir()
    site = NGINX_SITE.read_text().replace("@LISTEN@", f"127.0.0.1:{port}").replace("@ROOT@", str(root))
    (folder / "site.conf").write_text(site)
    private = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log {folder}/access.log;\n{private}include {folder}/site.conf;\n}}\n"
    )
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        yield _wait_for(process, f"http://127.0.0.1:{port}", "/v1/config")
    finally:
        process.terminate()
        process.wait(timeout=START_TIMEOUT_S)


def _wait_for(process: subprocess.Popen[str] | subprocess.Popen[bytes], url: str, path: str) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url + path).status_code == 200:
                return url
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"{process.args!r} did not come up; it ended with {process.poll()}")


class AppClient:
    """Asks an application without a socket."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer to one request."""

        async def _ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://testserver") as client:
                return await client.request(method, path, **options)

        return asyncio.run(_ask())

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET request."""
        return self.request("GET", path, **options)


@contextmanager
def started(app: FastAPI) -> Iterator[AppClient]:
    """Start an application as a server would, without a socket: the replicas that are there are taken into use."""
    with asyncio.Runner() as runner:
        life = app.router.lifespan_context(app)
        runner.run(_enter(life))
        try:
            yield AppClient(app)
        finally:
            runner.run(_leave(life))


async def _enter(life: Any) -> None:
    await life.__aenter__()


async def _leave(life: Any) -> None:
    await life.__aexit__(None, None, None)


@contextmanager
def answering(settings: Settings, public_url: str = "") -> Iterator[AppClient]:
    """Make the newest release's replica, and yield the application that answers from it, started and in the end stopped."""
    make_replica(settings)
    with started(create_app(unlimited(settings), public_url)) as client:
        yield client


def unlimited(settings: Settings) -> Settings:
    """Return settings under which one client may ask as much as it likes, without a log."""
    limits = settings.serve.limits.model_copy(update=UNLIMITED)
    return settings.model_copy(update={"serve": settings.serve.model_copy(update={"limits": limits, "access_log": False})})
