"""What is said of a model that SQLMesh could not run."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from catalog.duck import DuckConnection, connect
from lakehouse.transform import why_failed

MODEL = "lake.intermediate.int_sightings"


@pytest.fixture
def connection() -> Iterator[DuckConnection]:
    """Open DuckDB; what it still computes at the end is given up."""
    with connect() as opened:
        yield opened
        opened.interrupt()


def failures(connection: DuckConnection, sql: str) -> list[Any]:
    """Return what SQLMesh keeps of a model that is one query."""
    with warnings.catch_warnings(action="ignore"):
        from sqlmesh.utils.concurrency import concurrent_apply_to_dag
        from sqlmesh.utils.dag import DAG

    kept: list[Any] = concurrent_apply_to_dag(DAG({MODEL: set()}), lambda _: connection.execute(sql), 1, raise_on_error=False)[0]
    return kept


def test_a_model_that_fails_is_named(connection: DuckConnection) -> None:
    """The message has the model and the engine's reason."""
    told = why_failed(RuntimeError("failed"), failures(connection, "SELECT * FROM nowhere"))
    assert str(told).startswith("model intermediate.int_sightings failed: Catalog Error: Table with name nowhere does not exist")


def test_a_model_that_ctrl_c_ends_did_not_fail(connection: DuckConnection) -> None:
    """Ctrl-C in the middle of a model's query is Ctrl-C, as it is anywhere else."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        kept = failures(connection, "SELECT count(*) FROM range(1000000000) AS a, range(100000) AS b WHERE a.range * b.range % 7 = 3")
    finally:
        timer.join()
        signal.signal(signal.SIGINT, former)
    assert isinstance(why_failed(RuntimeError("failed"), kept), KeyboardInterrupt)
