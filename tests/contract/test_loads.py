"""Loads on every storage and catalog: exactly once, whatever happens to the loader or to the catalog's answer."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from end_to_end.lakes import Lake
from end_to_end.processes import LIMIT_S, barrier, start
from end_to_end.worlds import TINY, hours_of

from contract.combinations import Combination
from contract.loading import load, load_at_the_gate, load_by_command, load_ids, loaded_rows
from contract.proxy import swallowing

NewLake = Callable[..., Lake]
SIGNS = {"postgres": (b"UPDATE iceberg_tables", b"COMMIT"), "rest": (b"add-snapshot",)}
"""What is sent to make a commit, by catalog."""


@pytest.fixture
def new_lake(combination: Combination, tiny_world: Path, tmp_path: Path) -> NewLake:
    """Return what names a new lake on the combination and the tiny world in settings; its catalog may be reached by another address."""
    head = combination.new_lake()

    def name(catalog_at: str = "") -> Lake:
        more = head.replace(f"127.0.0.1:{combination.catalog_port}", catalog_at) if catalog_at else head
        return Lake(tmp_path / "lake").name_sources(tiny_world, hours_of(TINY), more=more)

    return name


def test_two_loaders_at_once_load_rows_once(new_lake: NewLake, tiny_reference: Lake) -> None:
    """Two processes that load the same hours into a new lake at the same time leave each row once."""
    lake, gate = new_lake(), barrier(2)
    processes = [start(load_at_the_gate, lake, gate) for _ in range(2)]
    for process in processes:
        process.join(LIMIT_S)
    assert [process.exitcode for process in processes] == [0, 0]
    assert loaded_rows(lake) == loaded_rows(tiny_reference)


@pytest.mark.parametrize("point", ["load.written", "load.commit:2", "load.committed"])
def test_a_load_that_was_killed_is_done_once(new_lake: NewLake, tiny_reference: Lake, point: str) -> None:
    """SIGKILL before, between and after the commits of a load, and the same load again: rows are there once."""
    lake = new_lake()
    assert load_by_command(lake, crash_at=point).code == -signal.SIGKILL
    again = load_by_command(lake)
    assert again.code == 0, again
    assert loaded_rows(lake) == loaded_rows(tiny_reference)


@pytest.mark.stack
@pytest.mark.parametrize("combination", [("local", "postgres"), ("s3", "postgres"), ("s3", "rest")], indirect=True, ids="-".join)
def test_a_commit_whose_answer_was_lost_is_found(combination: Combination, new_lake: NewLake, tiny_reference: Lake) -> None:
    """A commit that was made, and whose answer never came, is found by its load id, and not made again."""
    with swallowing(combination.catalog_port) as proxy:
        lake = new_lake(f"127.0.0.1:{proxy.port}")
        proxy.swallow_after(SIGNS[combination.catalog])
        load(lake)
    assert proxy.swallowed == 1
    direct = new_lake()
    assert loaded_rows(direct) == loaded_rows(tiny_reference)
    assert load_ids(direct) == load_ids(tiny_reference)
