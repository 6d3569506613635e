"""Servers of hours that refuse, hang, lead elsewhere or aren't there: one line that names the address, the other hours loaded."""

from __future__ import annotations

import gzip
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.errors import SourceError
from end_to_end.bad_hours import FILE, HOUR, load, record, state, table
from end_to_end.lakes import Lake
from end_to_end.processes import Running
from end_to_end.server import HANG, HourServer, hour_server
from lakehouse.cli.app import app


@pytest.fixture
def server(hours: Path) -> Iterator[HourServer]:
    """Serve two hours over HTTP."""
    for number, name in enumerate((FILE, "2024-01-01-1.json.gz")):
        (hours / name).write_bytes(gzip.compress(record(number + 1, created_at=f"2024-01-01T0{number}:00:00Z")))
    with hour_server(hours) as running:
        yield running


def test_hours_over_http(lake: Lake, server: HourServer) -> None:
    """Hours are loaded over HTTP; one that answers 404 is missing."""
    load(lake, server.url, end="2024-01-01T03")
    assert {row["hour"]: row["state"] for row in table(lake, "gharchive__hours")} == {
        HOUR: "loaded", "2024-01-01-1": "loaded", "2024-01-01-2": "missing",
    }  # fmt: skip


@pytest.mark.parametrize(("answer", "told"), [(500, "500"), (503, "503"), (HANG, "no answer within 0.5 s")])
def test_an_hour_that_is_not_to_be_had(lake: Lake, server: HourServer, answer: int, told: str) -> None:
    """A server that answers 5xx or hangs is asked again; then the error names the hour, the other hours are loaded, and a later run gets it."""
    server.answers[FILE] = answer
    ended = load(lake, server.url, end="2024-01-01T02", code=1)
    assert FILE in ended.err.splitlines()[-1]
    assert told in ended.err.splitlines()[-1]
    assert server.asked.count(FILE) >= 2
    assert {row["hour"]: row["state"] for row in table(lake, "gharchive__hours")} == {"2024-01-01-1": "loaded"}
    server.answers.clear()
    load(lake, server.url, end="2024-01-01T02")
    assert {row["state"] for row in table(lake, "gharchive__hours")} == {"loaded"}


def test_an_interrupted_run_says_what_to_do(lake: Lake, server: HourServer) -> None:
    """After Ctrl-C the last line says that the same command goes on: exit code 130, no traceback."""
    (lake.folder / "osslake.toml").write_text("[load]\ntimeout_s = 600\nretries = 1\n")
    server.answers[FILE] = HANG
    running = Running("--lake", lake.folder, "ingest", "gharchive", server.url, "--from", "2024-01-01T00", "--to", "2024-01-01T01")
    server.wait_for(FILE)
    assert running.process.pid is not None
    os.kill(running.process.pid, signal.SIGINT)
    ended = running.wait()
    assert (ended.code, "Traceback" in ended.err) == (130, False), ended
    assert ended.err.splitlines()[-1] == "interrupted; run the same command again, nothing is lost"


def test_an_hour_that_is_refused(lake: Lake, server: HourServer) -> None:
    """A server that answers 403 isn't asked again and again (once for the head, once for the whole): it would answer the same."""
    server.answers[FILE] = 403
    ended = load(lake, server.url, code=1)
    assert "403" in ended.err
    assert server.asked.count(FILE) <= 2


def test_redirects(lake: Lake, server: HourServer) -> None:
    """A redirect to another address of the machine that was named is followed; one to a cloud's metadata, and one in circles, are errors that say so."""
    server.answers[FILE] = "/2024-01-01-1.json.gz"
    load(lake, server.url)
    assert state(lake) == ("loaded", 1, 0)
    for target, told in (
        ("http://169.254.169.254/latest/meta-data", "it redirects to 169.254.169.254, which is no public address"),
        (f"{server.url}/2024-01-01-2.json.gz", f"the server redirects again and again, at last to {server.url}/2024-01-01-2.json.gz"),
    ):
        server.answers["2024-01-01-2.json.gz"] = target
        ended = load(lake, server.url, "2024-01-01T02", "2024-01-01T03", code=1)
        assert f"{server.url}/2024-01-01-2.json.gz: {told}" in ended.err.splitlines()[-1]


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "ftp://127.0.0.1:9/x"])
def test_a_server_that_is_not_there(lake: Lake, address: str) -> None:
    """An address at which nothing listens is an error of one line that names it."""
    assert address in load(lake, address, code=1).err.splitlines()[-1]


@pytest.mark.parametrize(("address", "told"), [("https://[bad", "Invalid IPv6 URL"), ("http://127.0.0.1:99999", "Port out of range")])
def test_an_address_that_is_none(lake: Lake, address: str, told: str) -> None:
    """An address that can't be read as one is an error of one line with the reason."""
    assert f"'{address}' is no address that can be read: {told}" in load(lake, address, code=1).err


def test_an_object_store_without_credentials(lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hours in an object store that nobody gave keys of are an error of one line that says so."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": f"{tmp_path}/none",
        "AWS_CONFIG_FILE": f"{tmp_path}/none",
    }.items():
        monkeypatch.setenv(name, value)
    arguments = ["--lake", str(lake.folder), "ingest", "gharchive", "s3://bucket", "--from", "2024-01-01T00", "--to", "2024-01-01T01"]
    with pytest.raises(SourceError, match=r"bucket/2024-01-01-0\.json\.gz: Unable to locate credentials"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
