"""The shape of a server: what it needs, what it does once, its command, and when it is ready."""

from __future__ import annotations

import http.client
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lakehouse.stack.site import HOST, Site

HTTP_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Launch:
    """How a server's process is started and stopped.

    Attributes:
        command: program and arguments.
        environment: variables beside PATH, HOME and the like.
        user: whose process it is; None: the same user's.
        stop_signal: what asks it to end.
        inherits_environment: whether it sees all variables of this process.
    """

    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    inherits_environment: bool = False


class Server(ABC):
    """One server of the stack.

    Attributes:
        name: of the server, its folder and its log.
        ports: TCP ports that it listens at, by the setting that chooses them.
        memory_mb: what it may come to hold.
    """

    name: str
    ports: dict[str, int]
    memory_mb: int

    def __init__(self, site: Site) -> None:
        self.site = site

    @abstractmethod
    def needs(self) -> Iterator[str]:
        """Yield what this machine lacks for it, each with how to get it."""

    def prepare(self, report: Callable[[str], None]) -> None:  # noqa: B027 - most have nothing to do
        """Do what has to be done once: download, unpack, make a database; `report` is told of what takes long."""

    @abstractmethod
    def launch(self) -> Launch:
        """Return how its process is started."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether it answers."""

    def preparing(self) -> str:
        """Return what it does before it answers, which takes as long as it takes; empty: nothing of that kind."""
        return ""

    def address(self) -> str:
        """Return where it answers, for people."""
        return f"{HOST}:{next(iter(self.ports.values()))}"


def http_get(port: int, path: str) -> tuple[int, bytes]:
    """Return status and body of an answer from a server on this machine; (0, b"") if there is none."""
    connection = http.client.HTTPConnection(HOST, port, timeout=HTTP_TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
