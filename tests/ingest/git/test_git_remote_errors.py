"""Remotes that answer with errors, or not at all; a server on this machine plays them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from catalog.errors import SourceError, SourceFormatError, SourceMissingError, SourceUnavailableError
from ingest.git import read_repository
from ingest.git.commands import Answer, redact, remote_error


class Remote(BaseHTTPRequestHandler):
    """Answers with the status that the path begins with; `/hang` with nothing."""

    def do_GET(self) -> None:
        """Answer."""
        if self.path.startswith("/hang"):
            self.server.released.wait(20)  # type: ignore[attr-defined]
            return
        status = int(self.path[1:4])
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b"not git's protocol")

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Return a server's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Remote)
    server.released = threading.Event()  # type: ignore[attr-defined]
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://user:secret@127.0.0.1:{server.server_port}"
    server.released.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("404/name", SourceMissingError),
        ("403/name", SourceMissingError),
        ("401/name", SourceMissingError),
        ("500/name", SourceUnavailableError),
        ("503/name", SourceUnavailableError),
        ("200/name", SourceFormatError),
    ],
)
def test_a_remote_s_answers_become_our_errors(server: str, tmp_path: Path, path: str, error: type[SourceError]) -> None:
    """What isn't there, what fails for now and what is no git remote are told apart, and no password is told."""
    with pytest.raises(SourceError) as raised:
        read_repository(f"{server}/{path}", author_key=b"k", cache=tmp_path)
    assert raised.type is error
    assert path in str(raised.value)
    assert "secret" not in str(raised.value) + repr(raised.value.values)


def test_a_silent_remote_is_given_up(server: str, tmp_path: Path) -> None:
    """A remote that takes the question and never answers is an error that may pass, after the time that is set."""
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError, match="did not end within 1 s"):
        read_repository(f"{server}/hang/name", author_key=b"k", cache=tmp_path, timeout_s=1)
    assert time.monotonic() - started < 10


def test_a_host_without_server_may_come_back(tmp_path: Path) -> None:
    """A refused connection is an error that may pass."""
    with pytest.raises(SourceUnavailableError):
        read_repository("http://127.0.0.1:9/a/b", author_key=b"k", cache=tmp_path)


def test_credentials_are_left_out_of_messages() -> None:
    """A URL's user and password are cut from whatever git complains of."""
    assert redact("fatal: https://user:pw@host.org/x and ssh://git@host/y") == "fatal: https://host.org/x and ssh://host/y"
    error = remote_error("https://u:pw@host.org/x", Answer(128, b"", "fatal: could not read Username for 'https://host.org'"))
    assert isinstance(error, SourceMissingError)
    assert "pw" not in str(error)
