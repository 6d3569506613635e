"""Repositories for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gitwriter import Writer


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """Return a repository without commits, whose origin is github.com/Owner/Name."""
    return Writer(tmp_path / "name.git")


@pytest.fixture
def new_writer(tmp_path: Path) -> Callable[..., Writer]:
    """Return what makes repositories of any name and origin."""
    return lambda name, origin=None: Writer(tmp_path / name, origin)
