"""Whatever comes in whichever order: a lake on Trino that took it step by step says what DuckDB makes of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from end_to_end.lakes import differing
from end_to_end.random_records import RandomSources

from stack.cluster import Cluster

pytestmark = [pytest.mark.stack, pytest.mark.long]


@pytest.mark.parametrize("seed", range(400, 402))
def test_random_steps_end_as_if_built_at_once(cluster: Cluster, tmp_path: Path, seed: int) -> None:
    """Late, replaced and emptied hours, names that lead elsewhere, a clone that comes: what goes and what comes again on Trino is the same."""
    lake = cluster.new_lake(tmp_path / "lake")
    head = (lake.folder / "stack.toml").read_text()
    assert differing(lake, RandomSources(tmp_path / "sources", seed).load_both_ways(lake, 5, head)) == []
