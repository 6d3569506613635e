"""Directories for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from directorywriter import DirectoryWriter


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryWriter:
    """Return an empty directory in a folder called `own`."""
    return DirectoryWriter(tmp_path / "own")
