"""A small world that the tests of this folder read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ingest.world import WorldSettings, WorldSummary, write_world

SETTINGS = WorldSettings(events=1500, days=10, seed=7, projects=20)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> WorldSummary:
    """Return a written world of 1,500 events."""
    return write_world(tmp_path_factory.mktemp("world"), SETTINGS)


@pytest.fixture(scope="session")
def lines(world: WorldSummary) -> list[bytes]:
    """Return all lines of the world's hour files."""
    return [line for path in sorted((world.folder / "gharchive").iterdir()) for line in lines_of(path)]


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of an hour file."""
    return gzip.decompress(path.read_bytes()).split(b"\n")[:-1]
