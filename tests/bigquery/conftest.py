"""The emulator, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bigquery.emulator import Emulator, emulator, environment, needed_python
from bigquery.small import Small, make_small


@pytest.fixture(scope="session")
def bigquery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Run the emulator; without Python 3.13 tests are skipped, or fail where CI is set."""
    with emulator(environment(needed_python()), tmp_path_factory.mktemp("bigquery")) as server:
        yield server


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Make a lake of two small releases; it is only read."""
    return make_small(tmp_path_factory.mktemp("small") / "lake")
