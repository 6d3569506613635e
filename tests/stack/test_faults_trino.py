"""Servers that die in the middle of a plan: what they were asked for is done once they are back, and readers read on meanwhile."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import httpx
import pytest
from end_to_end.lakes import Lake, digests
from end_to_end.processes import LIMIT_S, Running, osslake, stopped
from end_to_end.worlds import TINY, build_tiny, hours_of

from lakehouse.stack.connection import as_toml
from stack.stack_in_tests import StackInTests

pytestmark = [pytest.mark.stack, pytest.mark.long]
LEASE_S = 8
INSERT = 'INSERT INTO "lake"."sqlmesh__'
SUM = "SELECT count(*), sum(event_count) FROM marts.events_daily_v1"
WORKER = "trino-worker-1"


def _writing(stack: StackInTests) -> set[str]:
    """Return the queries that write a model's table now; the coordinator tells it without its workers."""
    url = f"http://127.0.0.1:{stack.site.stack.trino_port}/v1/query"
    found = httpx.get(url, headers={"X-Trino-User": "osslake"}, timeout=10).json()
    return {one["queryId"] for one in found if one["state"] == "RUNNING" and INSERT in one["query"]}


def _kill_worker_while_writing(stack: StackInTests, run: Running) -> set[str]:
    """Kill the worker while it works on a model's table; return the queries that can't have ended without it."""
    worker, deadline = stack.pids()[WORKER], time.monotonic() + LIMIT_S
    while time.monotonic() < deadline and run.process.is_alive():
        if _writing(stack):
            os.kill(worker, signal.SIGSTOP)
            time.sleep(1)  # what the worker had done by then ends now
            if left := _writing(stack):
                stack.kill(WORKER)
                return left
            os.kill(worker, signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError(f"the run never wrote a model's table: {run.wait()}")


def _attempts(stack: StackInTests, query: str) -> int:
    """Return how often a query's tasks were tried again."""
    url = f"http://127.0.0.1:{stack.site.stack.trino_port}/v1/query/{query}"
    told = httpx.get(url, headers={"X-Trino-User": "osslake"}, timeout=10).text
    return len(set(re.findall(rf'"{query}\.\d+\.\d+\.[1-9]\d*"', told)))


def _new_lake(stack: StackInTests, folder: Path) -> tuple[Lake, str]:
    """Return a lake on a stack, and the head of its settings file."""
    build_tiny(folder)
    return Lake(folder / "lake"), f"{as_toml(stack.site)}\nlease_s = {LEASE_S}\n"


def _check_as_undisturbed(lake: Lake, folder: Path) -> None:
    """Check that a release is whole and says what that of an embedded lake says."""
    embedded = Lake(folder / "embedded").name_sources(folder / "world", hours_of(TINY))
    embedded.run()
    assert digests(lake.release()) == digests(embedded.release())
    assert osslake("--lake", lake.folder, "release", "verify").code == 0


def test_database_and_coordinator_die(own_stack: StackInTests, tmp_path: Path) -> None:
    """Each ends the run with a line that names it, and the last release is read on; once both are back a run releases what it should."""
    stack, ports = own_stack, own_stack.site.stack
    stack.up(workers=0)
    lake, settings = _new_lake(stack, tmp_path)
    lake.name_sources(tmp_path / "world", hours_of(TINY, TINY.days - 1), more=settings)
    lake.run()
    first, answer = lake.release().id, lake.rows(SUM)
    lake.name_sources(tmp_path / "world", hours_of(TINY), more=settings)
    for server, point, said in (
        ("postgres", "transform.inserted:3", f"PostgreSQL at 127.0.0.1:{ports.postgres_port}"),
        ("trino", "transform.deleted:5", f"Trino at 127.0.0.1:{ports.trino_port}"),
    ):
        with stopped("--lake", lake.folder, "run", at=point) as running:
            stack.kill(server)
        ended = running.wait()
        last = ended.err.strip().splitlines()[-1]
        assert (ended.code, "Traceback" in ended.err, last.startswith("error: "), said in last) == (1, False, True, True), ended
        assert (lake.release().id, lake.rows(SUM)) == (first, answer)
        stack.up(workers=0)
    ended = Running("--lake", lake.folder, "run").wait(3 * LIMIT_S)
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended
    _check_as_undisturbed(lake, tmp_path)


def test_the_worker_dies(own_stack: StackInTests, tmp_path: Path) -> None:
    """Where Trino tries again (retry_policy TASK, with which each statement takes longer), the run goes on as if nothing had happened."""
    stack = own_stack.with_settings(retry_policy="TASK")
    stack.up()
    lake, settings = _new_lake(stack, tmp_path)
    lake.name_sources(tmp_path / "world", hours_of(TINY), more=settings)
    run = Running("--lake", lake.folder, "run")
    try:
        lost = _kill_worker_while_writing(stack, run)
        stack.up()
        ended = run.wait(3 * LIMIT_S)
    finally:
        run.process.kill()
    assert (ended.code, "error" in ended.err) == (0, False), ended
    assert sum(_attempts(stack, one) for one in lost) > 0
    _check_as_undisturbed(lake, tmp_path)
