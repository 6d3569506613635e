"""kill -9 at random moments of a run, with readers meanwhile."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from end_to_end.kills import check_as_never_killed, copy_of, run_again
from end_to_end.lakes import Lake
from end_to_end.processes import Running

QUESTION = "SELECT count(*), sum(amount) FROM marts.key_metrics_by_project_v1"
PAUSE_S = 1.0


@pytest.fixture(scope="session")
def run_seconds(unharmed: Lake) -> float:
    """Return how long the run took that was never killed."""
    return float((unharmed.folder.parent / "seconds").read_text())


def _kill_once(lake: Lake, after_s: float) -> None:
    """Kill a run after some seconds; until then readers read, again and again, one release or the other."""
    before = lake.release().id
    answer = lake.rows(QUESTION, before)
    running, started = Running("--lake", lake.folder, "run"), time.monotonic()
    while time.monotonic() - started < after_s and running.process.is_alive():
        assert lake.rows(QUESTION, before) == answer
        assert lake.rows(QUESTION)
        time.sleep(min(PAUSE_S, max(0.0, after_s - (time.monotonic() - started))))
    running.process.kill()
    running.wait()
    assert lake.rows(QUESTION, before) == answer


def _killed_and_run_again(begun: Lake, folder: Path, seed: int, run_s: float) -> Lake:
    """Return a copy of a lake whose run was killed at a moment that the seed draws, and then done again."""
    lake, dice = copy_of(begun, folder), random.Random(seed)
    _kill_once(lake, dice.uniform(0.02, 1.0) * run_s)
    run_again(lake)
    return lake


@pytest.mark.parametrize("seed", range(5))
def test_a_run_killed_at_a_random_moment(begun: Lake, unharmed: Lake, tmp_path: Path, run_seconds: float, seed: int) -> None:
    """Killed at any moment and run again, a lake has the content of one that was never killed; readers see one release meanwhile."""
    check_as_never_killed(_killed_and_run_again(begun, tmp_path, seed, run_seconds), unharmed)


@pytest.mark.kill
@pytest.mark.parametrize("seed", range(100, 150))
def test_fifty_runs_killed_at_random_moments(begun: Lake, unharmed: Lake, tmp_path: Path, run_seconds: float, seed: int) -> None:
    """The same for fifty more moments."""
    check_as_never_killed(_killed_and_run_again(begun, tmp_path, seed, run_seconds), unharmed)
