"""The emulator, started once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bigquery.emulator import Emulator, emulator, environment, find_python
from bigquery.small import Small, make_small

MISSING = (
    "BigQuery's emulator needs Python 3.13, and there is none on PATH or among pyenv's versions; `uv python install 3.13`, `pyenv install"
    " 3.13` or your system's package python3.13 with python3.13-venv brings it"
)


@pytest.fixture(scope="session")
def bigquery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Run the emulator; without Python 3.13 tests are skipped, or fail where CI is set."""
    python = find_python()
    if python is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    with emulator(environment(python), tmp_path_factory.mktemp("bigquery")) as server:
        yield server


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Make a lake of two small releases; it is only read."""
    return make_small(tmp_path_factory.mktemp("small") / "lake")
