"""Starting, stopping and looking at all servers together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from filelock import FileLock, Timeout

from catalog.errors import StackError
from lakehouse.stack.api import Api
from lakehouse.stack.checks import check_memory, check_ports
from lakehouse.stack.dagster import Dagster
from lakehouse.stack.postgres import Postgres
from lakehouse.stack.processes import (
    family,
    find_process,
    kill_all,
    launch_hash,
    marked_processes,
    memory_bytes,
    read_record,
    start_process,
    stop_process,
)
from lakehouse.stack.seaweedfs import SeaweedFS
from lakehouse.stack.server import Server
from lakehouse.stack.site import Site
from lakehouse.stack.trino import TrinoCoordinator, TrinoWorker

POLL_S = 0.25
LAST_LINES = 3
Report = Callable[[str], None]


@dataclass(frozen=True)
class ServerState:
    """How a server is.

    Attributes:
        state: `ready`; `starting`: it lives and doesn't answer; `preparing`: nor does it then, since it does what it has to do before;
            `dead`: it ended without being stopped; `stopped`.
        pid: of its process, if it lives.
        memory_mb: what it holds now.
    """

    name: str
    state: Literal["ready", "starting", "preparing", "dead", "stopped"]
    address: str
    pid: int | None
    memory_mb: int
    log: str


def make_servers(site: Site, workers: int) -> list[Server]:
    """Return the servers of a stack."""
    trino = [TrinoCoordinator(site, workers), *(TrinoWorker(site, number) for number in range(1, workers + 1))]
    return [SeaweedFS(site), Postgres(site), *trino, Api(site), *([Dagster(site)] if site.stack.dagster else [])]


def start_stack(site: Site, workers: int, report: Report) -> list[ServerState]:
    """Start what does not run as it should, and wait until all servers answer; what runs as it should is left alone.

    Args:
        site: the stack's.
        workers: Trino's.
        report: is told of each step.

    Raises:
        StackError: something is missing, a port is taken, memory is short, or a server doesn't come up. Servers that were started by then run on.
    """
    servers = make_servers(site, workers)
    missing = list(dict.fromkeys(line for server in servers for line in server.needs()))
    if missing:
        raise StackError("; ".join(missing))
    with _held(site):
        to_start = [server for server in servers if not _runs_so(site, server)]
        check_ports(servers, to_start, _own_pids(site))
        check_memory([server for server in to_start if not _lives(site, server)])
        for name in _recorded(site) - {server.name for server in servers}:
            report(f"stopping {name}")
            stop_process(site.record(name))
        for server in to_start:
            _start(site, server, report)
        wait_until_ready(site, servers, report)
    return [_state(site, server) for server in servers]


def stop_stack(site: Site, report: Report) -> list[str]:
    """Stop all servers, the last started first; return the names of those that lived. Their state stays."""
    order = [
        "dagster",
        "api",
        *sorted((name for name in _recorded(site) if name.startswith("trino-")), reverse=True),
        "trino",
        "postgres",
        "seaweedfs",
    ]
    stopped = []
    with _held(site):
        for name in order:
            if find_process(read_record(site.record(name))):
                report(f"stopping {name}")
                stopped.append(name)
            stop_process(site.record(name))
        kill_all(marked_processes(site.folder))
    return stopped


def stack_states(site: Site) -> list[ServerState]:
    """Return how each server is: those of the settings, and any that was started beside them."""
    workers = {name for name in _recorded(site) if name.startswith("trino-worker-")}
    return [_state(site, server) for server in make_servers(site, len(workers) if _recorded(site) else site.stack.workers)]


@contextmanager
def _held(site: Site) -> Iterator[None]:
    try:
        with FileLock(site.folder / "run" / "lock", timeout=0):
            yield
    except Timeout as error:
        raise StackError(f"another `osslake stack` command works on {site.folder}; try again when it has ended") from error


def _recorded(site: Site) -> set[str]:
    return {file.stem for file in (site.folder / "run").glob("*.json")}


def _own_pids(site: Site) -> set[int]:
    found = (find_process(read_record(site.record(name))) for name in _recorded(site))
    return {one.pid for process in found if process for one in family(process)}


def _lives(site: Site, server: Server) -> bool:
    return find_process(read_record(site.record(server.name))) is not None


def _runs_so(site: Site, server: Server) -> bool:
    """Return whether a server lives, and was started as it would be now."""
    record = read_record(site.record(server.name))
    return find_process(record) is not None and record is not None and record.launch == launch_hash(server.launch())


def _start(site: Site, server: Server, report: Report) -> None:
    if _lives(site, server):
        report(f"stopping {server.name}: its settings changed")
    stop_process(site.record(server.name))
    server.prepare(report)
    report(f"starting {server.name}")
    launch = server.launch()
    try:
        start_process(launch, site.folder, site.log(server.name), site.record(server.name))
    except OSError as error:
        raise StackError(f"{server.name} can't be started: {launch.command[0]}: {error.strerror}", server=server.name) from error


def wait_until_ready(site: Site, servers: list[Server], report: Report) -> None:
    """Wait until all servers answer; while one prepares, the time that they may take doesn't pass.

    Raises:
        StackError: one ended, or doesn't answer in time.
    """
    deadline = time.monotonic() + site.stack.start_timeout_s
    for server in servers:
        report(f"waiting for {server.name}")
        told = ""
        while not server.is_ready():
            if not _lives(site, server):
                raise StackError(f"{server.name} ended while it started: {_last_lines(site, server)}", server=server.name)
            if doing := server.preparing():
                deadline = time.monotonic() + site.stack.start_timeout_s
                if doing != told:
                    report(doing)
                    told = doing
            if time.monotonic() > deadline:
                raise StackError(
                    f"{server.name} does not answer at {server.address()} after {site.stack.start_timeout_s:.0f} s "
                    f"(stack.start_timeout_s): {_last_lines(site, server)}",
                    server=server.name,
                )
            time.sleep(POLL_S)


def _last_lines(site: Site, server: Server) -> str:
    """Return where a server's log is and what it says last, in one line; lines that are drawn, not written, are left out."""
    log = site.log(server.name)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    said = [line.strip()[:200] for line in lines if line.strip()[:1].isalnum()]
    return f"see {log}; it ends with: {' | '.join(said[-LAST_LINES:])}"


def _state(site: Site, server: Server) -> ServerState:
    record = read_record(site.record(server.name))
    process = find_process(record)
    state: Literal["ready", "starting", "preparing", "dead", "stopped"]
    if process:
        state = "ready" if server.is_ready() else "preparing" if server.preparing() else "starting"
    else:
        state = "dead" if record else "stopped"
    memory_mb = memory_bytes(process) >> 20 if process else 0
    return ServerState(server.name, state, server.address(), process.pid if process else None, memory_mb, str(site.log(server.name)))
