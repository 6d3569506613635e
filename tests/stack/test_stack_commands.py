"""`osslake stack`: what it says of servers, ports and processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import suppress

import psutil
import pytest

from catalog.errors import StackError
from lakehouse.stack.processes import marked_processes
from lakehouse.stack.site import HOST
from stack.stack_in_tests import StackInTests

pytestmark = pytest.mark.stack
SERVERS = ("seaweedfs", "postgres", "trino", "trino-worker-1", "api")


def test_all_are_ready(stack: StackInTests) -> None:
    """`status` names every server as ready and exits with 0; its JSON says the same."""
    shown = stack.run("status")
    assert shown.returncode == 0
    assert [line.split()[:2] for line in shown.stdout.splitlines()] == [[name, "ready"] for name in SERVERS]
    said = json.loads(stack.run("status", "--output", "json").stdout)
    assert all(one["memory_mb"] > 20 and psutil.pid_exists(one["pid"]) for one in said)


def test_up_again_leaves_all_alone(stack: StackInTests) -> None:
    """A second `up` starts nothing, and ends by saying how to use the stack."""
    before = stack.pids()
    shown = stack.run("up", "--workers", "1")
    assert shown.returncode == 0, shown.stderr
    assert "starting" not in shown.stderr
    assert "osslake stack settings" in shown.stdout
    assert stack.pids() == before


def test_logs_are_shown(stack: StackInTests) -> None:
    """`logs` shows a server's last lines; a name that is none is an error that names those there are."""
    shown = stack.run("logs", "trino", "--lines", "5").stdout.splitlines()
    assert (len(shown), "io.trino." in shown[-1]) == (5, True)
    wrong = stack.run("logs", "nothing")
    assert (wrong.returncode, "seaweedfs" in wrong.stderr) == (1, True)


def test_a_killed_server_is_dead_and_comes_back(stack: StackInTests) -> None:
    """A server that was killed is reported by `status` as dead with its log, and `up` starts it alone."""
    pids = stack.pids()
    os.kill(pids["seaweedfs"], signal.SIGKILL)
    _wait_gone(pids["seaweedfs"])
    shown = stack.run("status")
    assert shown.returncode == 1
    assert shown.stdout.splitlines()[0].split()[:2] == ["seaweedfs", "dead"]
    assert "seaweedfs.log" in shown.stdout
    stack.up()
    after = stack.pids()
    assert {name for name in pids if pids[name] != after[name]} == {"seaweedfs"}


def test_a_taken_port_is_named_with_who_has_it(stack: StackInTests) -> None:
    """A port that somebody listens at stops `up` before anything starts: port, setting and process are named."""
    with _listening_after_a_free_port() as taken:
        port = taken.getsockname()[1]
        pids = stack.pids()
        with pytest.raises(StackError) as caught:
            stack.up(workers=2, worker_port=port - 1)
        assert f"port {port}" in str(caught.value)
        assert "stack.worker_port + 1" in str(caught.value)
        assert f"process {os.getpid()}" in str(caught.value)
        assert stack.pids() == pids


def test_a_server_that_cannot_start_is_told_with_its_log(stack: StackInTests) -> None:
    """A server that ends while it starts is named, with its log and its last words; once it is mended `up` starts it."""
    damaged = stack.site.state("postgres") / "data" / "postgresql.auto.conf"
    kept = damaged.read_bytes()
    pid = stack.pids()["postgres"]
    os.kill(pid, signal.SIGINT)
    _wait_gone(pid)
    try:
        damaged.write_bytes(b"this is no setting\n")
        with pytest.raises(StackError, match=r"postgres ended while it started: see .*postgres\.log.*syntax error"):
            stack.up()
    finally:
        damaged.write_bytes(kept)
        stack.up()
    assert stack.states()["postgres"] == "ready"


def test_a_changed_setting_restarts_what_it_concerns(stack: StackInTests) -> None:
    """Without workers and with retry_policy TASK only Trino changes: the worker is stopped, the coordinator works, and keeps tasks' results in the store."""
    before = stack.pids()
    try:
        states = stack.up(workers=0, retry_policy="TASK")
        assert [one.name for one in states] == [name for name in SERVERS if name != "trino-worker-1"]
        after = stack.pids()
        assert {name for name in SERVERS if before[name] != after.get(name)} == {"trino", "trino-worker-1"}
        seen = len(stack.exchanged())
        sums = stack.query("SELECT k % 3, count(*) FROM UNNEST(sequence(1, 9000)) t(k) GROUP BY 1 ORDER BY 1")
        assert sums == [[0, 3000], [1, 3000], [2, 3000]]
        assert len(stack.exchanged()) > seen
    finally:
        stack.up()


def test_down_leaves_no_process_and_all_that_was_stored(stack: StackInTests) -> None:
    """After `down` no process of the stack lives and a second `down` finds nothing; after `up` tables, rows and credentials are there."""
    stack.query("CREATE SCHEMA IF NOT EXISTS kept")
    stack.query("CREATE OR REPLACE TABLE kept.t AS SELECT 7 AS n")
    stack.postgres("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 8 AS n")
    family = [one for pid in stack.pids().values() for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]
    assert len(family) >= 10
    try:
        shown = stack.run("down")
        assert shown.returncode == 0
        assert all(name in shown.stdout for name in SERVERS)
        assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
        assert [one for one in marked_processes(stack.site.folder) if one.status() != psutil.STATUS_ZOMBIE] == []
        assert set(stack.states().values()) == {"stopped"}
        assert "nothing ran" in stack.run("down").stdout
    finally:
        stack.up()
    assert stack.with_settings().site.credentials == stack.site.credentials
    assert (stack.query("SELECT n FROM kept.t"), stack.postgres("SELECT n FROM kept")) == ([[7]], "8")


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.1)


def _listening_after_a_free_port() -> socket.socket:
    """Return a socket that listens at a port, the one before which is free and stays so: the system gives none below 32768 to who asks for any."""
    for port in range(20_001, 30_000, 2):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port - 1))
            return socket.create_server((HOST, port))
    raise AssertionError("no two ports are free")
