"""Real servers for tests: the stack of `osslake stack`, on free ports and in a folder of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack_in_tests import HEAPS, StackInTests, free_ports

from catalog.settings import Settings, StackSettings
from lakehouse.stack import open_site
from lakehouse.stack.stack import make_servers


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Path]:
    """Return a folder that other users can enter, as PostgreSQL's does where root runs the tests; pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="osslake-stack-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def stack(stack_folder: Path) -> Iterator[StackInTests]:
    """Return a stack that is up, with one worker of Trino; where something is missing the test is skipped, or fails where CI is set."""
    first = free_ports(16)
    names = ("s3_port", "rest_port", "trino_port", "postgres_port", "api_port", "worker_port")
    ports = {name: first + place for place, name in enumerate(names)} | {"seaweedfs_port": first + len(names)}
    settings = StackSettings(folder=stack_folder / "stack", **HEAPS, **ports)
    (stack_folder / "lake").mkdir()
    stack = StackInTests(open_site(stack_folder / "lake", Settings(folder=stack_folder / "lake", stack=settings)))
    missing = [line for server in make_servers(stack.site, 1) for line in server.needs()]
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("; ".join(missing))
    try:
        stack.up()
        yield stack
    finally:
        stack.down()
