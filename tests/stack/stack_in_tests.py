"""A stack that tests start, change and stop."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import trino

from catalog.settings import Settings, StackSettings
from lakehouse.stack import ServerState, Site, connection_settings, open_site, stack_states, start_stack, stop_stack
from lakehouse.stack.connection import addresses
from lakehouse.stack.processes import family, kill_all

# Below the ports that the system gives to outgoing connections.
FIRST_PORT, LAST_PORT = 20_000, 32_000
JOINED_S = 20.0
# Two nodes of Trino and the tests beside them on a machine of CI's.
HEAPS = {"coordinator_heap": "2G", "worker_heap": "1500M"}


@dataclass
class StackInTests:
    """A stack that tests start, change and stop."""

    site: Site

    def up(self, workers: int = 1, **changed: object) -> list[ServerState]:
        """Start what does not run as it should; `changed` are settings of the stack."""
        return start_stack(self.with_settings(**changed).site, workers, lambda _: None)

    def down(self) -> list[str]:
        """Stop all servers."""
        return stop_stack(self.site, lambda _: None)

    def states(self) -> dict[str, str]:
        """Return the state of each server."""
        return {one.name: one.state for one in stack_states(self.site)}

    def pids(self) -> dict[str, int]:
        """Return the processes of the servers that live."""
        return {one.name: one.pid for one in stack_states(self.site) if one.pid}

    def kill(self, server: str) -> None:
        """End a server and its children by SIGKILL."""
        kill_all(family(psutil.Process(self.pids()[server])))

    def query(self, sql: str) -> list[list[object]]:
        """Return what Trino answers; a worker that has just joined is, once in some hundred starts, taken for away again (trinodb/trino#2214)."""
        deadline = time.monotonic() + JOINED_S
        while True:
            try:
                with trino.dbapi.connect(host="127.0.0.1", port=self.site.stack.trino_port, user="test", catalog="lake") as connection:
                    return connection.cursor().execute(sql).fetchall()
            except trino.exceptions.TrinoQueryError as error:
                if error.error_name != "NO_NODES_AVAILABLE" or time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def postgres(self, sql: str) -> str:
        """Return what PostgreSQL answers."""
        url = addresses(self.site, with_password=True)["PostgreSQL"]
        return subprocess.run(["psql", url, "-qtAc", sql], capture_output=True, text=True, check=True).stdout.strip()

    def exchanged(self) -> list[object]:
        """Return what Trino's tasks have left in the object store, query by query."""
        filer = self.site.stack.seaweedfs_port + 4
        return httpx.get(f"http://127.0.0.1:{filer}/buckets/exchange/", headers={"Accept": "application/json"}).json()["Entries"] or []

    def with_settings(self, **changed: object) -> StackInTests:
        """Return the same stack under other settings of the branch `stack`."""
        stack = StackSettings(**(self.site.stack.model_dump() | changed))
        return StackInTests(open_site(self.site.lake, Settings(folder=self.site.lake, stack=stack)))

    def lake_settings(self, folder: Path) -> Settings:
        """Return the settings of a lake on the stack."""
        return Settings(folder=folder, **connection_settings(self.site))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `osslake stack ...` as a user would."""
        stack = self.site.stack.model_dump(mode="json", exclude_none=True)
        variables = {f"OSSLAKE_STACK__{name.upper()}": str(value) for name, value in stack.items()}
        program = (sys.executable, "-c", "from lakehouse.cli import main; main()", "--lake", str(self.site.lake), "stack")
        return subprocess.run([*program, *words], capture_output=True, text=True, check=False, env=os.environ | variables)


def free_ports(count: int) -> int:
    """Return the first of adjoining ports that nothing listens at."""
    while True:
        first = random.randrange(FIRST_PORT, LAST_PORT - count)
        if all(_is_free(port) for port in range(first, first + count)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
