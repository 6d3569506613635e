"""The application over three lakes: a small real one with all models, one of marts whose every row is known, and the smallest one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from end_to_end.lakes import Lake, build_small_lake, open_shelf
from marts_lake import MartsLake
from released_lake import ReleasedLake
from web_servers import AppClient, answering, unlimited

from serving.app import create_app
from serving.replica.keeper import make_replica


@pytest.fixture(scope="session")
def model_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a copy of the small lake, with all models and one release."""
    shelf = open_shelf(tmp_path_factory, "PYTEST_XDIST_WORKER" in os.environ)
    return build_small_lake(shelf).copy_to(tmp_path_factory.mktemp("model") / "lake")


@pytest.fixture(scope="session")
def models(model_lake: Lake) -> Iterator[AppClient]:
    """Ask the application over the lake with all models."""
    with answering(model_lake.settings) as client:
        yield client


@pytest.fixture(scope="session")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> ReleasedLake:
    """Make a lake of two releases, to be read only."""
    lake = ReleasedLake(tmp_path_factory.mktemp("two"))
    lake.release_first()
    lake.release_second()
    return lake


@pytest.fixture(scope="session")
def client(two_releases: ReleasedLake) -> Iterator[AppClient]:
    """Ask the application over the lake of two releases."""
    with answering(two_releases.settings) as client:
        yield client


@pytest.fixture
def own_lake(tmp_path: Path) -> ReleasedLake:
    """Return a lake without a release, which a test may change."""
    return ReleasedLake(tmp_path)


@pytest.fixture(scope="session")
def marts_lake(tmp_path_factory: pytest.TempPathFactory) -> MartsLake:
    """Make a lake of two releases with their replicas, to be read only."""
    lake = MartsLake(tmp_path_factory.mktemp("marts"))
    for release in (lake.release_first, lake.release_second):
        release()
        assert make_replica(lake.settings) is not None
    return lake


@pytest.fixture(scope="session")
def api(marts_lake: MartsLake) -> AppClient:
    """Ask the application over the lake of marts."""
    return AppClient(create_app(unlimited(marts_lake.settings)))
