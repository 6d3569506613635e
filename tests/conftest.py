"""Fixtures that several folders share."""

from __future__ import annotations

import pytest
from released_lake import ReleasedLake


@pytest.fixture(scope="session")
def released_lake(tmp_path_factory: pytest.TempPathFactory) -> ReleasedLake:
    """A lake of two releases, to be read only."""
    lake = ReleasedLake(tmp_path_factory.mktemp("released"))
    lake.release_first()
    lake.release_second()
    return lake
