"""Dagster as a server of the stack: the same settings as in containers, the lake's assets, nothing left when it is stopped."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from dagster import DagsterInstance

from lakehouse.stack import Site
from lakehouse.stack.dagster import Dagster
from lakehouse.stack.processes import marked_processes, start_process, stop_process
from lakehouse.stack.stack import make_servers

MakeSite = Callable[..., Site]
ROOT = Path(__file__).parents[3]
LIMIT_S = 240


def _until(is_so: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def test_dagster_runs_where_the_settings_want_it(make_site: MakeSite) -> None:
    """It is one of the servers with `stack.dagster`, and else not."""
    names = [[server.name for server in make_servers(make_site(dagster=wanted), 1)] for wanted in (True, False)]
    assert set(names[0]) - set(names[1]) == {"dagster"}


def test_a_missing_dagster_is_named(make_site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra `dagster` the message says how to install it."""
    monkeypatch.setattr("lakehouse.stack.dagster.find_spec", lambda name: None)
    assert "pip install 'osslake[dagster]'" in next(Dagster(make_site(dagster=True)).needs())


def test_dagster_shows_the_lake_and_goes(make_site: MakeSite) -> None:
    """Its pages answer, with the models as assets, from processes that all end when it is stopped."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    site = make_site(dagster=True, dagster_port=port)
    server, log, record = Dagster(site), site.log("dagster"), site.record("dagster")
    assert list(server.needs()) == []
    server.prepare(lambda _: None)
    start_process(server.launch(), site.folder, log, record)
    try:
        _until(server.is_ready, log)
        answer = httpx.post(f"http://{server.address()}/graphql", json={"query": "{ assetNodes { assetKey { path } } }"}, timeout=LIMIT_S)
        paths = ["/".join(node["assetKey"]["path"]) for node in answer.json()["data"]["assetNodes"]]
        assert {"staging/stg_gharchive__events", "marts/events_v1", "release"} <= set(paths)
    finally:
        stop_process(record)
    assert marked_processes(site.folder) == []


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """deploy/dagster/dagster.yaml lets one run work on a lake, starts one again whose process died, and sends nobody any figures."""
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "deploy/dagster/dagster.yaml").read_bytes())
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        limits = [{"key": "dagster/code_location", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}]
        assert list(queue.tag_concurrency_limits) == limits
        assert (instance.telemetry_enabled, instance.run_retries_enabled, instance.run_retries_max_retries) == (False, True, 3)
