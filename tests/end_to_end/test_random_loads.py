"""Whatever comes in whichever order: a lake that took it step by step is the one that is built of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.lakes import Lake, digests
from end_to_end.random_records import RandomSources


def _differing(ours: Lake, theirs: Lake) -> list[str]:
    """Return the tables of models in which the current releases differ."""
    one, other = digests(ours.release()), digests(theirs.release())
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name) and not name.startswith("raw."))


def _check(folder: Path, seed: int, steps: int) -> None:
    sources = RandomSources(folder / "sources", seed)
    for _ in range(steps):
        sources.step()
        sources.lake(folder / "lake").run()
    sources.lake(folder / "fresh").run()
    assert _differing(Lake(folder / "lake"), Lake(folder / "fresh")) == []


def test_random_steps_end_as_if_built_at_once(tmp_path: Path) -> None:
    """Late, replaced and emptied hours, names that lead elsewhere, a clone that comes: nothing of what was before is left."""
    _check(tmp_path, seed=8, steps=2)


@pytest.mark.kill
@pytest.mark.parametrize("seed", range(100, 130))
def test_many_random_steps(tmp_path: Path, seed: int) -> None:
    """The same for other seeds, and more steps."""
    _check(tmp_path, seed, steps=6)
