"""The servers, and the lakes on them; each is built once."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract.servers import postgres, seaweed
from end_to_end import chain
from end_to_end import recorded as recorded_data
from end_to_end.lakes import Lake, Shelf, open_shelf
from end_to_end.worlds import build_small, hours_of

from catalog.settings import Settings, StackSettings
from ingest.world import WorldSettings, write_world
from lakehouse.stack import open_site
from lakehouse.stack.stack import make_servers
from stack.cluster import Cluster, StackLake, trino
from stack.stack_in_tests import HEAPS, StackInTests, free_ports


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Path]:
    """Return a folder that other users can enter, as PostgreSQL's does where root runs the tests; pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="osslake-stack-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def new_stack(folder: Path) -> StackInTests:
    """Return a stack with one worker of Trino on free ports; where something is missing the test is skipped, or fails where CI is set."""
    first = free_ports(16)
    names = ("s3_port", "rest_port", "trino_port", "postgres_port", "api_port", "worker_port")
    ports = {name: first + place for place, name in enumerate(names)} | {"seaweedfs_port": first + len(names)}
    settings = StackSettings(folder=folder / "stack", **HEAPS, **ports)
    (folder / "lake").mkdir(parents=True)
    stack = StackInTests(open_site(folder / "lake", Settings(folder=folder / "lake", stack=settings)))
    missing = [line for server in make_servers(stack.site, 1) for line in server.needs()]
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("; ".join(missing))
    return stack


@pytest.fixture(scope="session")
def unstarted(stack_folder: Path) -> StackInTests:
    """Return a stack that was never started."""
    return new_stack(stack_folder)


@pytest.fixture
def own_stack(stack_folder: Path) -> Iterator[StackInTests]:
    """Return a stack of a test's own, never started; it is down after the test."""
    stack = new_stack(stack_folder / secrets.token_hex(4))
    try:
        yield stack
    finally:
        stack.down()


@pytest.fixture(scope="module")
def stack(unstarted: StackInTests) -> Iterator[StackInTests]:
    """Return the stack, up."""
    try:
        unstarted.up()
        yield unstarted
    finally:
        unstarted.down()


TEN_THOUSAND = WorldSettings(events=10_000, days=60, seed=1, projects=40)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Return the shelf of folders that are built once."""
    return open_shelf(tmp_path_factory, "PYTEST_XDIST_WORKER" in os.environ)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, unstarted: StackInTests) -> Iterator[Cluster]:
    """Run SeaweedFS, PostgreSQL and a Trino that takes a catalog for each lake."""
    folder = tmp_path_factory.mktemp("cluster")
    with seaweed(folder / "seaweed") as store, postgres() as state, trino(folder / "trino", unstarted.site) as port:
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


@pytest.fixture(scope="session")
def at_once(shelf: Shelf, cluster: Cluster) -> tuple[Lake, Lake]:
    """Return two lakes of a world of 10,000 records, each built at once: the embedded one, and that on the stack."""

    def build(folder: Path) -> None:
        write_world(folder / "world", TEN_THOUSAND)
        for lake in (Lake(folder / "embedded"), cluster.new_lake(folder / "stack")):
            lake.name_sources(folder / "world", hours_of(TEN_THOUSAND)).run()

    folder = shelf.once("at_once", build)
    return Lake(folder / "embedded"), StackLake(folder / "stack", cluster)


@pytest.fixture(scope="session")
def recorded(shelf: Shelf, cluster: Cluster, shared_data: Path) -> tuple[Lake, Lake]:
    """Return two lakes of the recorded hours and the real directory: the embedded one, and that on the stack."""

    def build(folder: Path) -> None:
        for name, lake in (("embedded", Lake(folder / "embedded" / "lake")), ("stack", cluster.new_lake(folder / "stack" / "lake"))):
            (folder / name).mkdir(exist_ok=True)
            recorded_data.build(folder / name, shared_data, lake)

    folder = shelf.once("recorded", build)
    return Lake(folder / "embedded" / "lake"), StackLake(folder / "stack" / "lake", cluster)
