"""Fixtures that several folders share."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from released_lake import ReleasedLake

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
SLOW_FOLDERS = ("stack", "bigquery", "end_to_end", "contract")
"""Begun first, so that no process of several is left alone with them at the end; the fastest folders fill what is left."""


gc.set_threshold(1_000_000, 50, 100)  # as a run has it
os.environ["MAX_FORK_WORKERS"] = "1"  # as a run sets it, for processes that import SQLMesh before one


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of the slow folders run first."""
    places = {name: place for place, name in enumerate(SLOW_FOLDERS)}
    items.sort(key=lambda item: places.get(item.path.relative_to(Path(__file__).parent).parts[0], len(places)))


@pytest.fixture(scope="session")
def released_lake(tmp_path_factory: pytest.TempPathFactory) -> ReleasedLake:
    """Make a lake of two releases, to be read only."""
    lake = ReleasedLake(tmp_path_factory.mktemp("released"))
    lake.release_first()
    lake.release_second()
    return lake


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of recorded real data; without it the test is skipped, or fails where CI is set."""
    if not SHARED_DATA.is_dir():
        reason = "the recorded real data is not beside the checkout: ../shared/data is no folder"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return SHARED_DATA
