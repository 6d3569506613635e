"""Lakes to be released."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_lake import SmallLake


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    """Return a filled lake without releases."""
    return SmallLake(tmp_path / "lake").fill()
