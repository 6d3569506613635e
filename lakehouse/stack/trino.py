"""Trino: a coordinator and its workers. The server comes from Maven (`download.py`), Java from the system (`java.py`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from lakehouse.stack.download import VERSION, trino_server
from lakehouse.stack.java import MODULE, OLDEST, find_java
from lakehouse.stack.server import HTTP_TIMEOUT_S, Launch, Server, http_get
from lakehouse.stack.site import DEPLOY, HOST, Site

__all__ = ["VERSION", "TrinoCoordinator", "TrinoWorker"]
ETC = DEPLOY / "trino"
OFF_HEAP_MB = 800


class _TrinoNode(Server):
    """A node of Trino.

    Args:
        port: where it listens.
        heap: Java's, as for -Xmx.
        config: name of its file in deploy/trino.
    """

    def __init__(self, site: Site, port: int, heap: str, config: str) -> None:
        super().__init__(site)
        self._port, self._heap, self._config = port, heap, config
        self.memory_mb = int(heap[:-1]) * (1024 if heap.endswith("G") else 1) + OFF_HEAP_MB

    @cached_property
    def _java(self) -> tuple[Path | None, list[str]]:
        return find_java(self.site.stack)

    def needs(self) -> Iterator[str]:
        """Yield that Java is missing; the server itself is downloaded."""
        home, looked = self._java
        if home is None:
            yield (
                f"Trino {VERSION} needs a JDK {OLDEST} or later with the module {MODULE}, and none is here: looked at "
                f"{', '.join(looked) or 'JAVA_HOME, PATH and /usr/lib/jvm, which have none'}; install Temurin 25 (or another full JDK), "
                "or name one by stack.java_home"
            )

    def prepare(self, report: Callable[[str], None]) -> None:
        """Download the server on first use; forget which process it was, for the launcher would take any with that number for it."""
        trino_server(self.site.stack, report)
        (self.site.state(self.name) / "var" / "run" / "launcher.pid").unlink(missing_ok=True)

    def launch(self) -> Launch:
        """Return the command of Trino's own launcher; the files in deploy/trino take addresses and keys from the environment."""
        data = self.site.state(self.name)
        data.mkdir(exist_ok=True)
        launcher = trino_server(self.site.stack, lambda _: None) / "bin" / "launcher"
        command = (
            *(str(launcher), "run", "--etc-dir", str(ETC), "--config", str(ETC / self._config), "--data-dir", str(data)),
            *("--jvm-dir", str(self._java[0]), "-J", f"-Xmx{self._heap}"),
            *("-D", f"node.bind-ip={HOST}", "-D", f"node.internal-address={HOST}"),
        )
        return Launch(command, self._environment())

    def _environment(self) -> dict[str, str]:
        stack, keys = self.site.stack, self.site.credentials
        return {
            "TRINO_PORT": str(self._port),
            "TRINO_COORDINATOR": f"{HOST}:{stack.trino_port}",
            "TRINO_RETRY_POLICY": stack.retry_policy,
            "REST_CATALOG_ADDRESS": f"{HOST}:{stack.rest_port}",
            "S3_ADDRESS": f"{HOST}:{stack.s3_port}",
            "S3_ACCESS_KEY": keys.s3_access_key,
            "S3_SECRET_KEY": keys.s3_secret_key,
        }

    def is_ready(self) -> bool:
        """Return whether it has started."""
        return _has_started(self._port)


class TrinoCoordinator(_TrinoNode):
    """Takes queries; works itself where there are no workers."""

    name = "trino"

    def __init__(self, site: Site, workers: int) -> None:
        super().__init__(site, site.stack.trino_port, site.stack.coordinator_heap, "coordinator.properties")
        self._workers = workers
        self.ports = {"stack.trino_port": self._port}

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"TRINO_COORDINATOR_WORKS": str(self._workers == 0).lower()}


class TrinoWorker(_TrinoNode):
    """Works for the coordinator.

    Args:
        number: from 1.
    """

    def __init__(self, site: Site, number: int) -> None:
        super().__init__(site, site.stack.worker_port + number - 1, site.stack.worker_heap, "worker.properties")
        self.name = f"trino-worker-{number}"
        self.ports = {f"stack.worker_port + {number - 1}": self._port}

    def is_ready(self) -> bool:
        """Return whether it has started and joined: the coordinator hears of a worker some seconds after that has started."""
        return super().is_ready() and f"http://{HOST}:{self._port}" in _active_nodes(self.site.stack.trino_port)


def _has_started(port: int) -> bool:
    status, body = http_get(port, "/v1/info")
    return status == 200 and json.loads(body).get("starting") is False


def _active_nodes(port: int) -> set[str]:
    """Return the addresses of the nodes that a coordinator gives work to; none where it does not answer."""
    from trino.dbapi import connect
    from trino.exceptions import Error

    try:
        with connect(host=HOST, port=port, user="osslake", request_timeout=HTTP_TIMEOUT_S, max_attempts=1) as connection:  # type: ignore[no-untyped-call]
            found = connection.cursor().execute("SELECT http_uri FROM system.runtime.nodes WHERE state = 'active'").fetchall()
    except (Error, OSError):
        return set()
    return {address for (address,) in found}
