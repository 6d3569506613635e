"""kill -9 where Trino has no transaction to undo what was begun: run again, the release is that of a run which was never killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from end_to_end.kills import run_again, run_killed
from end_to_end.lakes import Lake, digests
from end_to_end.worlds import TINY, build_tiny, hours_of

from stack.cluster import Cluster

pytestmark = [pytest.mark.stack, pytest.mark.long]
POINTS = ("transform.deleted:4", "transform.inserted:5", "transform.planned", "publish.written")


def test_run_that_is_killed_again_and_again_is_as_if_never_killed(cluster: Cluster, tmp_path: Path) -> None:
    """Between deletion and insertion, between insertion and the note of it, before the success mark and in the middle of publication."""
    build_tiny(tmp_path)
    world, lake = tmp_path / "world", cluster.new_lake(tmp_path / "lake")
    lake.name_sources(world, hours_of(TINY, TINY.days - 1)).run()
    lake.name_sources(world, hours_of(TINY))
    for point in POINTS:
        run_killed(lake, point)
    run_again(lake)
    embedded = Lake(tmp_path / "embedded")
    embedded.name_sources(world, hours_of(TINY)).run()
    assert digests(lake.release()) == digests(embedded.release())
