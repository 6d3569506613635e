"""The servers, and the lakes on them; each is built once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.servers import postgres, seaweed
from end_to_end import chain
from end_to_end.lakes import Shelf, open_shelf
from end_to_end.worlds import build_small

from stack.cluster import Cluster, StackLake, trino


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Return the shelf of folders that are built once."""
    return open_shelf(tmp_path_factory, "PYTEST_XDIST_WORKER" in os.environ)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run SeaweedFS, PostgreSQL and Trino."""
    folder = tmp_path_factory.mktemp("cluster")
    with seaweed(folder / "seaweed") as store, postgres() as state, trino(folder / "trino") as port:
        yield Cluster(store, state, port)


@pytest.fixture(scope="session")
def small_world(shelf: Shelf) -> Path:
    """Return the small world; it is never changed."""
    return shelf.once("small", build_small) / "world"


@pytest.fixture(scope="session")
def embedded_steps(shelf: Shelf, small_world: Path) -> chain.Chain:
    """Return the embedded lake that saw the small world grow and change, step by step."""
    return chain.Chain(shelf.once("embedded_steps", lambda folder: chain.build(folder, small_world, has_truth=False)))


@pytest.fixture(scope="session")
def stack_steps(shelf: Shelf, small_world: Path, cluster: Cluster) -> tuple[chain.Chain, StackLake]:
    """Return the lake on the stack that saw the same."""

    def build(folder: Path) -> None:
        chain.build(folder, small_world, cluster.new_lake(folder / "lake"), has_truth=False)

    folder = shelf.once("stack_steps", build)
    return chain.Chain(folder), StackLake(folder / "lake", cluster)
