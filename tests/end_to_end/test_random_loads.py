"""Whatever comes in whichever order: a lake that took it step by step is the one that is built of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.lakes import Lake, differing
from end_to_end.random_records import RandomSources


@pytest.mark.kill
@pytest.mark.parametrize("seed", range(100, 130))
def test_random_steps_end_as_if_built_at_once(tmp_path: Path, seed: int) -> None:
    """Late, replaced and emptied hours, names that lead elsewhere, a clone that comes: nothing of what was before is left."""
    lake = Lake(tmp_path / "lake")
    assert differing(lake, RandomSources(tmp_path / "sources", seed).load_both_ways(lake, steps=6)) == []
