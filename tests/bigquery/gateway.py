"""A gateway before the emulator that refuses some requests as BigQuery would: with a status and Google's error document."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class Refusal:
    """What is refused (requests whose method and path match, and that hold the bytes), and how."""

    request: str
    status: int
    reason: str
    message: str
    holds: bytes = b""

    @property
    def document(self) -> bytes:
        """Google's error document."""
        told = {"reason": self.reason, "message": self.message, "domain": "global"}
        return json.dumps({"error": {"code": self.status, "message": self.message, "errors": [told], "status": "REFUSED"}}).encode()


@dataclass
class Gateway:
    """Where it is, what it refuses, and how often it did."""

    port: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    refused: int = 0

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def gateway(target_port: int, *refusals: Refusal) -> Iterator[Gateway]:
    """Run a gateway."""
    told = Gateway(refusals=list(refusals))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = f"{self.command} {self.path}"
            refusal = next((one for one in told.refusals if re.search(one.request, asked) and one.holds in body), None)
            if refusal:
                told.refused += 1
                self._answer(refusal.status, {"Content-Type": "application/json"}, refusal.document)
                return
            server = HTTPConnection("127.0.0.1", target_port)
            server.request(self.command, self.path, body, dict(self.headers))
            answer = server.getresponse()
            content = answer.read()
            self._answer(answer.status, {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}, content)
            server.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - http.server calls them so

        def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    told.port = server.server_port
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
