"""kill -9 while models run: run again, the release is that of a run which was never killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.kills import check_as_never_killed, copy_of, run_again, run_killed
from end_to_end.lakes import Lake
from end_to_end.processes import osslake

POINTS = ("transform.planned", "transform.prepared", "transform.deleted", "transform.model:5", "transform.marked")
"""That where all models are done stands first: what the first attempt did must not be done twice, and it alone trusts what the run before left."""


def test_a_transformation_that_is_killed_again_and_again(begun: Lake, unharmed: Lake, tmp_path: Path) -> None:
    """A run that was killed at one step of its transformation after the other gives, done again, the same content.

    After each kill readers see the release before.
    """
    lake = copy_of(begun, tmp_path)
    for point in POINTS:
        run_killed(lake, point)
    run_again(lake)
    check_as_never_killed(lake, unharmed)


@pytest.mark.kill
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_transformation_is_done_again(begun: Lake, unharmed: Lake, tmp_path: Path, point: str) -> None:
    """A run that was killed at any step of its transformation gives, done again, the same content; readers see the release before."""
    lake = copy_of(begun, tmp_path)
    run_killed(lake, point)
    run_again(lake)
    check_as_never_killed(lake, unharmed)


def test_a_killed_run_as_of_an_earlier_day(begun: Lake, unharmed: Lake, tmp_path: Path) -> None:
    """Killed after the series were cut back to an earlier day, the lake has them all again once it is run with news, as of its last day."""
    lake = copy_of(begun, tmp_path)
    killed = osslake("--lake", lake.folder, "transform", "--as-of", "2024-01-30", crash_at="transform.planned")
    assert killed.code == -9
    run_again(lake)
    check_as_never_killed(lake, unharmed)


def test_a_killed_run_and_then_one_from_nothing(begun: Lake, unharmed: Lake, tmp_path: Path) -> None:
    """What a killed run kept of the steps as they were is not added to what a run under another as-of date computes from nothing."""
    lake = copy_of(begun, tmp_path)
    run_killed(lake, "transform.planned")
    done = osslake("--lake", lake.folder, "transform", "--as-of", "2024-01-30")
    assert done.code == 0, done
    run_again(lake)
    check_as_never_killed(lake, unharmed)
