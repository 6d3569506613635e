"""What is looked at before servers are started: ports, memory."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Collection, Sequence

import psutil

from catalog.errors import StackError
from lakehouse.stack.server import Server
from lakehouse.stack.site import HOST


def check_ports(servers: Sequence[Server], to_start: Sequence[Server], own_pids: Collection[int] = ()) -> None:
    """See that no two servers want one port, and that nobody else has one.

    Args:
        servers: all of the stack.
        to_start: those that will be started.
        own_pids: processes of the stack, which may have a port that they are about to give up.

    Raises:
        StackError: names the port, the setting, and who listens there.
    """
    wanted = [(port, setting) for server in servers for setting, port in server.ports.items()]
    for port, count in Counter(port for port, _ in wanted).items():
        if count > 1:
            settings = " and ".join(setting for other, setting in wanted if other == port)
            raise StackError(f"port {port} is wanted twice, by {settings}: choose another for one of them", port=port)
    for server in to_start:
        for setting, port in server.ports.items():
            if _is_free(port):
                continue
            holder = _listener(port)
            if holder and holder.pid in own_pids:
                continue
            whom = f" by {holder.name()} (process {holder.pid})" if holder else ""
            raise StackError(
                f"port {port} for {server.name} ({setting}) is in use{whom}: end what listens there, or choose another port", port=port
            )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _listener(port: int) -> psutil.Process | None:
    """Return who listens at a port, if we may see it."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return psutil.Process(connection.pid)
    except psutil.Error:
        pass
    return None


def check_memory(to_start: Sequence[Server], available_mb: int | None = None) -> None:
    """See that there is memory for what servers may come to hold.

    Args:
        to_start: the servers.
        available_mb: what there is; default: what the system says.

    Raises:
        StackError: says how much each wants, and what makes it less.
    """
    needed = sum(server.memory_mb for server in to_start)
    if available_mb is None:
        available_mb = psutil.virtual_memory().available >> 20
    if needed > available_mb:
        each = ", ".join(f"{server.name} {server.memory_mb:,}" for server in to_start)
        raise StackError(
            f"too little memory: the stack may come to hold {needed:,} MB ({each}), and {available_mb:,} MB are free; "
            "lower stack.coordinator_heap, stack.worker_heap or stack.workers",
            needed_mb=needed,
            available_mb=available_mb,
        )
