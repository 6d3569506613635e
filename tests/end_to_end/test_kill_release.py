"""kill -9 while tables are published and a release is made: run again, it is that of a run which was never killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.kills import check_as_never_killed, copy_of, run_again, run_killed
from end_to_end.lakes import Lake

POINTS = (
    "publish.written",
    "publish.written:5",
    "publish.table",
    "publish.tables",
    "release.hashed",
    "release.tagged",
    "release.written",
    "release.latest",
)


def test_a_release_that_is_killed_again_and_again(transformed: Lake, unharmed: Lake, tmp_path: Path) -> None:
    """A run that was killed at one step of publication and release after the other gives, done again, the same content.

    After each kill readers see the release before.
    """
    lake = copy_of(transformed, tmp_path)
    for point in POINTS:
        run_killed(lake, point)
    run_again(lake)
    check_as_never_killed(lake, unharmed)


@pytest.mark.kill
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_release_is_made_again(transformed: Lake, unharmed: Lake, tmp_path: Path, point: str) -> None:
    """A run that was killed at any step of publication and release gives, done again, the same content; readers see the release before."""
    lake = copy_of(transformed, tmp_path)
    run_killed(lake, point)
    run_again(lake)
    check_as_never_killed(lake, unharmed)
