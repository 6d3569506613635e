"""A stack's site in a temporary folder, from which nothing is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.settings import Settings, StackSettings
from lakehouse.stack import Site, open_site


@pytest.fixture
def make_site(tmp_path: Path) -> Callable[..., Site]:
    """Return what makes a site with these settings of the branch `stack`."""

    def make(**settings: object) -> Site:
        stack = StackSettings(**({"folder": tmp_path / "stack", "cache": tmp_path / "cache"} | settings))
        return open_site(tmp_path / "lake", Settings(folder=tmp_path / "lake", stack=stack))

    return make
