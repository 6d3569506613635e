"""Starting the HTTP server."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from catalog.errors import SettingsError
from catalog.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI


def run(settings: Settings, host: str = "127.0.0.1", port: int = 8000, *, workers: int = 1, public_url: str = "") -> None:
    """Serve a lake's releases until SIGTERM or SIGINT; prints nothing.

    Args:
        settings: the lake's.
        host: address to listen at.
        port: TCP port.
        workers: processes that answer.
        public_url: address that clients are told; empty: the one that they asked at. Needed behind a proxy that ends TLS or adds a prefix.

    Raises:
        SettingsError: host and port can't be listened at.
    """
    from granian import Granian
    from granian.constants import Interfaces

    _check_address(host, port)
    server = Granian("osslake", address=host, port=port, interface=Interfaces.ASGI, workers=workers, websockets=False, log_enabled=False)
    values = settings.model_dump(by_alias=True)
    server.serve(target_loader=partial(_load_app, values, public_url), wrap_loader=False)


def _load_app(values: dict[str, Any], public_url: str) -> FastAPI:
    """Make the application in a worker's process; settings travel as plain values, since their class may be a local one."""
    from serving.app import create_app

    return create_app(Settings(**values), public_url)


def _check_address(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise SettingsError(f"can't listen at {host}:{port}: {error.strerror}; another --host or --port would do", port=port) from error
