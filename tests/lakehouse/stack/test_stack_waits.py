"""Waiting for servers: an API that makes its first serving replica is not taken for dead, a server that does nothing is."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from released_lake import ReleasedLake
from web_servers import free_port

from catalog.errors import StackError
from catalog.settings import StackSettings
from lakehouse.stack import Site, open_site, stack_states
from lakehouse.stack.api import BUILDER, Api
from lakehouse.stack.processes import find_process, read_record, start_process, stop_process
from lakehouse.stack.server import Launch
from lakehouse.stack.stack import wait_until_ready

TIMEOUT_S = 8.0


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site over a lake with a release and without a replica."""
    lake = ReleasedLake(tmp_path)
    lake.release_first()
    (lake.settings.folder / "osslake.toml").write_text('dataset = "small-lake"\n')
    stack = StackSettings(folder=tmp_path / "stack", cache=tmp_path / "cache", api_port=free_port(), start_timeout_s=TIMEOUT_S)
    return open_site(lake.settings.folder, lake.settings.model_copy(update={"stack": stack}))


@contextmanager
def running(site: Site, launch: Launch) -> Iterator[psutil.Process]:
    """Start a process in the API's place, and end it."""
    start_process(launch, site.folder, site.log("api"), site.record("api"))
    try:
        process = find_process(read_record(site.record("api")))
        assert process
        yield process
    finally:
        stop_process(site.record("api"))


def held_builder(process: psutil.Process) -> psutil.Process:
    """Stop the process that makes the replica, as soon as there is one, and return it."""
    while True:
        for one in process.children(recursive=True):
            if one.cmdline()[-2:] == BUILDER:
                one.send_signal(signal.SIGSTOP)
                return one
        time.sleep(0.01)


def test_an_api_that_prepares_is_waited_for(site: Site) -> None:
    """Where the first replica takes longer than a server may to start, that is told, and the API is waited for until it answers."""
    told: list[str] = []
    states: list[str] = []
    api = Api(site)
    with running(site, api.launch()) as process:

        def delay() -> None:
            builder = held_builder(process)
            time.sleep(TIMEOUT_S + 1)
            states.extend(one.state for one in stack_states(site) if one.name == "api")
            builder.send_signal(signal.SIGCONT)

        thread = threading.Thread(target=delay, daemon=True)
        thread.start()
        wait_until_ready(site, [api], told.append)
        thread.join()
        states.extend(one.state for one in stack_states(site) if one.name == "api")
    assert states == ["preparing", "ready"]
    assert told == ["waiting for api", f"the API is up and prepares its first serving replica, as {site.log('api')} tells"]
    assert any(site.settings.replicas.glob("*.sqlite"))


def test_a_server_that_does_nothing_is_given_up(site: Site) -> None:
    """A process that lives, answers nothing and prepares nothing is an error after the time that a server may take."""
    quick = Site(
        site.lake,
        site.settings.model_copy(update={"stack": site.stack.model_copy(update={"start_timeout_s": 1.0})}),
        site.folder,
        site.credentials,
    )
    with (
        running(quick, Launch((sys.executable, "-c", "import time; time.sleep(600)"))),
        pytest.raises(StackError, match=r"api does not answer at .* after 1 s"),
    ):
        wait_until_ready(quick, [Api(quick)], lambda _: None)
