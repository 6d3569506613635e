"""Worlds and lakes that the tests of this folder share; each is built once for all worker processes."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from end_to_end import chain
from end_to_end.lakes import Lake, Shelf, build_small_lake, open_shelf
from end_to_end.processes import osslake
from end_to_end.worlds import TINY, build_small, build_tiny, hours_of
from lakehouse import released, transform


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Return the shelf of folders that are built once."""
    return open_shelf(tmp_path_factory, "PYTEST_XDIST_WORKER" in os.environ)


@pytest.fixture(scope="session")
def small_world(shelf: Shelf) -> Path:
    """Return the small world; it is never changed."""
    return shelf.once("small", build_small) / "world"


@pytest.fixture(scope="session")
def tiny_world(shelf: Shelf) -> Path:
    """Return the tiny world; it is never changed."""
    return shelf.once("tiny", build_tiny) / "world"


@pytest.fixture(scope="session")
def small_lake(shelf: Shelf) -> Lake:
    """Return a lake with all of the small world, built at once and released; it is copied, never changed."""
    return build_small_lake(shelf)


@pytest.fixture(scope="session")
def steps(shelf: Shelf, small_world: Path) -> chain.Chain:
    """Return the lake that came to the small world step by step, and then saw it change."""
    return chain.Chain(shelf.once("chain", lambda folder: chain.build(folder, small_world)))


@pytest.fixture(scope="session")
def begun(shelf: Shelf, tiny_world: Path) -> Lake:
    """Return a lake to which the tiny world came day by day, a release each, but the last day, which its settings name by now.

    It is computed by one thread, so that lakes of the same content which are computed by all say that their number does not matter.
    """

    def build(folder: Path) -> None:
        for days in (*range(1, TINY.days), None):
            lake = Lake(folder).name_sources(tiny_world, hours_of(TINY, days), more="[transform]\nthreads = 1\n")
            if days:
                lake.run()

    return Lake(shelf.once("begun", build))


@pytest.fixture(scope="session")
def unharmed(shelf: Shelf, begun: Lake) -> Lake:
    """Return the lake that went on to the last day and was never killed; beside it stands how long that took."""

    def build(folder: Path) -> None:
        lake, started = begun.copy_to(folder / "lake"), time.monotonic()
        done = osslake("--lake", lake.folder, "run")
        assert done.code == 0, done
        (folder / "seconds").write_text(str(time.monotonic() - started))

    return Lake(shelf.once("unharmed", build) / "lake")


@pytest.fixture(scope="session")
def transformed(shelf: Shelf, begun: Lake) -> Lake:
    """Return the lake that has loaded and transformed the last day, and neither published nor released it."""

    def build(folder: Path) -> None:
        lake = begun.copy_to(folder / "lake")
        hours = lake.settings.sources.gharchive[0]
        loaded = osslake("--lake", lake.folder, "ingest", "gharchive", hours.address, "--from", hours.start, "--to", hours.end)
        assert loaded.code == 0, loaded
        done = osslake("--lake", lake.folder, "transform")
        assert done.code == 0, done

    return Lake(shelf.once("transformed", build) / "lake")


@pytest.fixture
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the models' project, which takes its place: a test may change it."""
    models = tmp_path / "models"
    shutil.copytree(transform.MODELS, models)
    for module in (transform, released):
        monkeypatch.setattr(module, "MODELS", models)
    return models


@pytest.fixture
def hours(tmp_path: Path) -> Path:
    """Return a folder for hour files; it is empty."""
    folder = tmp_path / "hours"
    folder.mkdir()
    return folder


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a new lake whose sources may hang for half a second."""
    folder = tmp_path / "lake"
    folder.mkdir()
    (folder / "osslake.toml").write_text("[load]\ntimeout_s = 0.5\nretries = 1\n")
    return Lake(folder)
