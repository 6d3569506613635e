"""Starting the HTTP server."""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from catalog.errors import SettingsError
from catalog.settings import Settings
from serving.replica.builder import make_first_replica

if TYPE_CHECKING:
    from fastapi import FastAPI


LOOP: Final = "asyncio"
"""Where uvloop is installed, Granian would take it. It loses a signal that comes while it isn't running, as between a worker's start and its work."""
MAX_HEAD_BYTES = 1_100_000
"""Of a request's line and headers: what is longer than the limits, up to this, is refused with a word (414, 431)."""


def run(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    workers: int = 1,
    public_url: str = "",
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a lake's releases until SIGTERM or SIGINT; prints nothing but its log.

    Where there is a release and no serving replica at all, the first one is made before the server listens. A worker that dies is started anew.
    Asked to stop, workers end the answers that are open, for `serve.stop_s` seconds at most. A worker that gets SIGUSR1 prints where its threads are.

    Args:
        settings: the lake's.
        host: address to listen at.
        port: TCP port.
        workers: processes that answer.
        public_url: address that clients are told; empty: the one that they asked at. Needed behind a proxy that ends TLS or adds a prefix.
        tell: called with lines for people.

    Raises:
        SettingsError: host and port can't be listened at.
    """
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.http import HTTP1Settings, HTTP2Settings

    _check_address(host, port)
    make_first_replica(settings, tell)
    server = Granian(
        "osslake",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http1_settings=HTTP1Settings(max_buffer_size=MAX_HEAD_BYTES),
        http2_settings=HTTP2Settings(max_headers_size=MAX_HEAD_BYTES),
        workers=workers,
        loop=Loops(LOOP),
        respawn_failed_workers=True,
        workers_kill_timeout=settings.serve.stop_s,
        websockets=False,
        log_enabled=False,
    )
    values = settings.model_dump(by_alias=True)
    values["serve"]["workers"] = workers
    with TemporaryDirectory(prefix="osslake-meters-") as folder:
        server.serve(target_loader=partial(_load_app, values, public_url, Path(folder)), wrap_loader=False)


def _load_app(values: dict[str, Any], public_url: str, meters_folder: Path) -> FastAPI:
    """Make the application in a worker's process; settings travel as plain values, since their class may be a local one."""
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, signal.SIG_DFL)  # what was inherited would keep a worker that is not up yet from being stopped
    faulthandler.register(signal.SIGUSR1)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(meters_folder)  # prometheus-client reads it once, when it is imported
    from serving.app import create_app

    return create_app(Settings(**values), public_url, meters_folder)


def _check_address(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise SettingsError(f"can't listen at {host}:{port}: {error.strerror}; another --host or --port would do", port=port) from error
