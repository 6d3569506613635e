"""Servers, a world of 10,000 records, and a lake of it on each combination of storage and catalog that needs a server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from end_to_end.lakes import Lake, Shelf, build_small_lake, open_shelf
from end_to_end.worlds import TINY, build_tiny, hours_of

from contract.combinations import COMBINATIONS, Combination
from contract.mart_lake import MartLake, reopened
from contract.published import Schema
from contract.servers import Postgres, Seaweed, postgres, seaweed
from ingest.world import WorldSettings, write_world

WORLD = WorldSettings(events=10_000, days=30, seed=11, projects=30, start=date(2023, 12, 19))


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Return the shelf of folders that are built once."""
    return open_shelf(tmp_path_factory, "PYTEST_XDIST_WORKER" in os.environ)


@pytest.fixture(scope="session")
def world(shelf: Shelf) -> Path:
    """Return the world; it is never changed."""
    return shelf.once("contract_world", lambda folder: write_world(folder / "world", WORLD)) / "world"


@pytest.fixture(scope="session")
def tiny_world(shelf: Shelf) -> Path:
    """Return a world of 500 records, for loads alone."""
    return shelf.once("contract_tiny", build_tiny) / "world"


@pytest.fixture(scope="session")
def reference(combination: Combination, shelf: Shelf, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return the lake on a local folder and SQLite; where that is what is tested, a copy of the small one, which others built already."""
    if combination.is_local:
        return build_small_lake(shelf).copy_to(tmp_path_factory.mktemp("reference") / "lake")
    world = request.getfixturevalue("world")
    return Lake(shelf.once("contract_reference", lambda folder: run(Lake(folder).name_sources(world, hours_of(WORLD)))))


@pytest.fixture(scope="session")
def tiny_reference(shelf: Shelf, tiny_world: Path) -> Lake:
    """Return a lake that loaded the tiny world once, undisturbed, on a local folder and SQLite."""
    from contract.loading import load

    return Lake(shelf.once("contract_tiny_reference", lambda folder: load(Lake(folder).name_sources(tiny_world, hours_of(TINY)))))


@pytest.fixture(scope="session")
def unharmed(shelf: Shelf, tiny_world: Path) -> Lake:
    """Return a lake of the tiny world that was built and released in one run, on a local folder and SQLite."""
    return Lake(shelf.once("contract_unharmed", lambda folder: run(Lake(folder).name_sources(tiny_world, hours_of(TINY)))))


@pytest.fixture(scope="session")
def seaweed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """Run SeaweedFS."""
    with seaweed(tmp_path_factory.mktemp("seaweed") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """Run PostgreSQL."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def marts(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake of six small marts and two releases, the second of which has one more day; the process's own copy, since who publishes holds it."""

    def build(folder: Path) -> None:
        lake = MartLake(folder)
        lake.release_months()
        lake.release_next_day()

    return Lake(shelf.once("contract_marts", build) / "lake").copy_to(tmp_path_factory.mktemp("marts") / "lake")


@pytest.fixture
def schema(postgres_server: Postgres, marts: Lake) -> Iterator[Schema]:
    """Return a schema of the test's own, empty, and who publishes to it."""
    made = Schema(postgres_server, marts, f"s{secrets.token_hex(4)}")
    yield made
    made.rows(f"DROP SCHEMA IF EXISTS {made.name} CASCADE; DROP SCHEMA IF EXISTS {made.name}_parts CASCADE")


@pytest.fixture
def growing(schema: Schema, tmp_path: Path) -> MartLake:
    """Return a copy of the marts, to add to; the schema is its own, and shows its second release."""
    schema.publish("2")
    schema.lake = schema.lake.copy_to(tmp_path / "lake")
    return reopened(schema.lake)


def _parameter(storage: str, catalog: str) -> object:
    is_local = (storage, catalog) == ("local", "sqlite")
    return pytest.param((storage, catalog), id=f"{storage}-{catalog}", marks=() if is_local else pytest.mark.stack)


@pytest.fixture(scope="session", params=[_parameter(*one) for one in COMBINATIONS])
def combination(request: pytest.FixtureRequest) -> Combination:
    """Each combination, its servers up."""
    storage, catalog = request.param
    needs_seaweed = "s3" in (storage,) or catalog == "rest"
    return Combination(
        storage,
        catalog,
        request.getfixturevalue("seaweed_server") if needs_seaweed else None,
        request.getfixturevalue("postgres_server") if catalog == "postgres" else None,
    )


@pytest.fixture(scope="session")
def lake(combination: Combination, shelf: Shelf, request: pytest.FixtureRequest) -> Lake:
    """Return a lake of the world on the combination, built by `osslake run` and released."""
    if combination.is_local:
        return request.getfixturevalue("reference")  # type: ignore[no-any-return]

    world = request.getfixturevalue("world")

    def build(folder: Path) -> None:
        run(Lake(folder).name_sources(world, hours_of(WORLD), more=combination.new_lake()))

    return Lake(shelf.once(f"contract_{combination.name}", build))


def run(lake: Lake) -> None:
    """Do what `osslake run` does, and see that it released."""
    done = lake.run()
    assert done.release is not None
    assert done.release.is_new
