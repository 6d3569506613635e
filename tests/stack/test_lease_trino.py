"""A run that stands still for longer than its lease lasts, and wakes up: nothing of it is left at work, and it changes nothing any more."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from end_to_end.lakes import Lake, digests
from end_to_end.processes import LIMIT_S, Running, queue, start, wait_until_stopped
from end_to_end.worlds import TINY, build_tiny, hours_of
from trino.dbapi import connect

from catalog.bucket import LATEST_KEY, open_bucket
from catalog.errors import LakeBusyError
from lakehouse.engines import open_engine, trino_connection
from lakehouse.lock import lake_lock
from stack.cluster import Cluster

pytestmark = pytest.mark.stack
INSERT = 'INSERT INTO "lake"."sqlmesh__'
LATE = "CREATE SCHEMA late"
KILLED = "ADMINISTRATIVELY_KILLED"


@pytest.fixture
def start_run() -> Iterator[Callable[[Lake], Running]]:
    """Start runs in processes of their own; what is left of them ends with the test."""
    runs: list[Running] = []

    def begin(lake: Lake) -> Running:
        runs.append(Running("--lake", lake.folder, "run"))
        return runs[-1]

    yield begin
    for run in runs:
        run.process.kill()
        run.process.join()


def _queries(cluster: Cluster, tag: str) -> dict[str, tuple[str, str, str]]:
    """Return state, error and text of a run's queries in Trino, by id."""
    cursor = connect(host="127.0.0.1", port=cluster.trino_port, user="osslake").cursor()
    cursor.execute(f"SELECT query_id, state, coalesce(error_code, ''), query FROM system.runtime.queries WHERE source = '{tag}'")
    return {row[0]: (row[1], row[2], row[3]) for row in cursor.fetchall()}


def _unfinished(cluster: Cluster, tag: str) -> set[str]:
    """Return the ids of a run's queries that write a model's table and have not ended."""
    found = _queries(cluster, tag).items()
    return {one for one, (state, _, text) in found if state not in ("FINISHED", "FAILED") and INSERT in text}


def _stop_while_writing(cluster: Cluster, run: Running, tag: str) -> set[str]:
    """Stop a run while it writes a model's table; return the queries that are left."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline and run.process.is_alive():
        if _unfinished(cluster, tag):
            os.kill(run.process.pid, signal.SIGSTOP)
            time.sleep(1)  # what ends without its client does so now
            if left := _unfinished(cluster, tag):
                return left
            os.kill(run.process.pid, signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError(f"the run never wrote a model's table: {run.wait()}")


def test_what_others_run_is_left_alone(cluster: Cluster, tmp_path: Path) -> None:
    """Queries of earlier holders of the lake are cancelled; those of other lakes, and the new holder's own, go on."""
    lake = cluster.new_lake(tmp_path / "lake")
    cluster.point_at(lake.settings.dataset)
    tags = [f"osslake:{lake.settings.dataset}:1", f"osslake:{lake.settings.dataset}x:1", f"osslake:{lake.settings.dataset}:2"]
    sequence = "UNNEST(sequence(1, 10000))"
    for tag in tags:
        cursor = connect(host="127.0.0.1", port=cluster.trino_port, user="osslake", source=tag).cursor()
        cursor.execute(f"SELECT x, y, z FROM {sequence} AS a(x) CROSS JOIN {sequence} AS b(y) CROSS JOIN {sequence} AS c(z)")
    open_engine(lake.settings).cancel_others(tags[2])
    ended = [[(state, error) for state, error, _ in _queries(cluster, tag).values()] for tag in tags]
    assert [one[0][0] == "FAILED" for one in ended] == [True, False, False]
    assert ended[0] == [("FAILED", KILLED)]
    for tag in tags[1:]:
        open_engine(lake.settings).cancel_others(f"{tag}0")


def _post_and_stop(folder: Path, said: Any) -> None:
    """Post a statement, and stand still before its answer is asked for."""
    send = trino_connection.HeldSession.send

    def stopping(session: Any, request: Any, **options: Any) -> Any:
        answer = send(session, request, **options)
        if request.method == "POST" and LATE in request.body.decode():
            os.kill(os.getpid(), signal.SIGSTOP)
        return answer

    trino_connection.HeldSession.send = stopping  # type: ignore[method-assign]
    settings = Lake(folder).settings
    try:
        with lake_lock(settings, "run"), open_engine(settings).session() as session:
            said.put(session.rows(LATE))
    except LakeBusyError as error:
        said.put(str(error))


def test_a_statement_that_was_posted_is_not_begun_too_late(cluster: Cluster, tmp_path: Path) -> None:
    """A statement that Trino has and nobody sees, since its answer was not asked for yet, is not carried out once another run has the lake."""
    lake, said = cluster.new_lake(tmp_path / "lake"), queue()
    cluster.point_at(lake.settings.dataset)
    stale = start(_post_and_stop, lake.folder, said)
    try:
        wait_until_stopped(stale)
        with lake_lock(lake.settings, "run"):
            os.kill(stale.pid, signal.SIGCONT)
            assert "this run no longer holds the lake" in said.get(timeout=LIMIT_S)
        assert [text for _, _, text in _queries(cluster, f"osslake:{lake.settings.dataset}:1").values()] == ["SELECT 1"]
    finally:
        stale.kill()
        stale.join()


@pytest.mark.long
def test_a_run_that_wakes_up_too_late_changes_nothing(cluster: Cluster, tmp_path: Path, start_run: Callable[[Lake], Running]) -> None:
    """Another run cancels what it left in Trino, does its work anew and releases; awake, it stops at once and says who has the lake."""
    build_tiny(tmp_path)
    lake = cluster.new_lake(tmp_path / "lake").name_sources(tmp_path / "world", hours_of(TINY))
    tag, bucket = f"osslake:{lake.settings.dataset}:1", open_bucket(lake.settings)
    cluster.point_at(lake.settings.dataset)
    stale = start_run(lake)
    left = _stop_while_writing(cluster, stale, tag)
    following = start_run(lake)
    ended = following.wait(2 * LIMIT_S)
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended
    before, latest = _queries(cluster, tag), bucket.read(LATEST_KEY)
    assert {before[one][:2] for one in left} == {("FAILED", KILLED)}
    os.kill(stale.process.pid, signal.SIGCONT)
    woken = stale.wait()
    assert (woken.code, "Traceback" in woken.err) == (1, False), woken
    assert f"error: this run no longer holds the lake {lake.folder}" in woken.err.splitlines()[-1]
    assert f"`osslake run` (process {following.process.pid} on" in woken.err.splitlines()[-1]
    assert _queries(cluster, tag) == before
    assert bucket.read(LATEST_KEY) == latest
    embedded = Lake(tmp_path / "embedded").name_sources(tmp_path / "world", hours_of(TINY))
    embedded.run()
    assert digests(lake.release()) == digests(embedded.release())
