"""HTTP servers for tests: granian with the application, nginx over a folder, and the application without a socket."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NGINX_SITE = Path(__file__).parents[1] / "docs" / "deploy" / "nginx.conf"
START_TIMEOUT_S = 30.0
_SERVE = """
import sys
from pathlib import Path
from catalog.settings import load_settings
import serving
serving.run(load_settings(Path(sys.argv[1]), dataset=sys.argv[4]), "127.0.0.1", int(sys.argv[2]), workers=int(sys.argv[3]))
"""


def free_port() -> int:
    """Return a TCP port that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def granian(lake: Path, workers: int = 1, dataset: str = "small-lake") -> Iterator[str]:
    """Serve a lake by a process of its own, and yield its address; it must end by itself when it is asked to."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(lake), str(port), str(workers), dataset],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield _wait_for(process, f"http://127.0.0.1:{port}", "/healthz")
        process.terminate()
        printed, _ = process.communicate(timeout=START_TIMEOUT_S)
        assert (process.returncode, printed) == (0, ""), "the server ends in peace and prints nothing itself"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its workers too, which hold its output open
        process.communicate()


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
