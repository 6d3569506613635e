"""Whatever comes in whichever order: a lake that took it step by step is the one that is built of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.lakes import Lake, differing
from end_to_end.random_records import RandomSources


def _both_ways(folder: Path, seed: int, steps: int) -> tuple[Lake, Lake]:
    """Return a lake that took some random steps one by one, and one that was built of their end."""
    sources = RandomSources(folder / "sources", seed)
    for _ in range(steps):
        sources.step()
        sources.lake(folder / "lake").run()
    sources.lake(folder / "fresh").run()
    return Lake(folder / "lake"), Lake(folder / "fresh")


@pytest.mark.kill
@pytest.mark.parametrize("seed", range(100, 130))
def test_random_steps_end_as_if_built_at_once(tmp_path: Path, seed: int) -> None:
    """Late, replaced and emptied hours, names that lead elsewhere, a clone that comes: nothing of what was before is left."""
    assert differing(*_both_ways(tmp_path, seed, steps=6)) == []
