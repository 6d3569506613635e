"""A web server of hour files that misbehaves as it is told: by the status in `answers`, by never answering, or by leading elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HANG = 0


@dataclass
class HourServer:
    """Where it is, what it serves, and what it answers instead: file name to status, to HANG, or to an address that it redirects to."""

    url: str
    folder: Path
    answers: dict[str, int | str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def wait_for(self, name: str, timeout_s: float = 60.0, *, times: int = 1) -> None:
        """Wait until a file is asked for so many times."""
        end = time.monotonic() + timeout_s
        while self.asked.count(name) < times:
            assert time.monotonic() < end, f"{name} was not asked for within {timeout_s:g} s"
            time.sleep(0.02)


@contextmanager
def hour_server(folder: Path) -> Iterator[HourServer]:
    """Serve a folder."""
    ended = threading.Event()
    told = HourServer("", folder)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            name = self.path.lstrip("/")
            status = told.answers.get(name, 200 if (folder / name).is_file() else 404)
            told.asked.append(name)
            if status == HANG:
                ended.wait(60)
                return
            if isinstance(status, str):
                self.send_response(302)
                self.send_header("Location", status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = (folder / name).read_bytes() if status == 200 else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{len(body)}"')
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
