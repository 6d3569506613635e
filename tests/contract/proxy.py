"""A proxy that passes everything on, and once keeps an answer for itself, or a part of it.

What was asked for is done then, and who asked never hears of it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

CHUNK_BYTES = 65536


class SwallowingProxy:
    """Attributes: `port` to connect to; `swallowed` and `cut`, how many answers were kept, and how many in part."""

    def __init__(self, target_port: int) -> None:
        self.swallowed = 0
        self.cut = 0
        self._cut_after_bytes = 0
        self._target_port = target_port
        self._signs: tuple[bytes, ...] = ()
        self._lock = threading.Lock()
        self._hangs = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow_after(self, signs: Sequence[bytes]) -> None:
        """Keep the next answer to a connection on which these bytes were sent, one after the other."""
        with self._lock:
            self._signs = tuple(signs)

    def cut_after(self, size_bytes: int) -> None:
        """End the next connection on which more bytes than these are answered, after so many."""
        self._cut_after_bytes = size_bytes

    def hang(self) -> None:
        """Pass nothing on from now on, and end no connection."""
        self._hangs.set()

    def close(self) -> None:
        """Accept no more connections."""
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self._target_port))
                is_caught = threading.Event()
                threading.Thread(target=self._requests, args=(client, server, is_caught), daemon=True).start()
                threading.Thread(target=self._answers, args=(server, client, is_caught), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket, is_caught: threading.Event) -> None:
        seen = b""
        with suppress(OSError):
            while data := client.recv(CHUNK_BYTES):
                if self._hangs.is_set():
                    continue
                seen = (seen + data)[-2 * CHUNK_BYTES :]
                with self._lock:
                    if self._signs and _holds(seen, self._signs):
                        self._signs = ()
                        is_caught.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _answers(self, server: socket.socket, client: socket.socket, is_caught: threading.Event) -> None:
        passed_on = 0
        with suppress(OSError):
            while data := server.recv(CHUNK_BYTES):
                if is_caught.is_set():
                    self.swallowed += 1
                    break
                passed_on += len(data)
                if 0 < self._cut_after_bytes < passed_on:
                    self._cut_after_bytes, self.cut = 0, self.cut + 1
                    break
                client.sendall(data)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _holds(seen: bytes, signs: Sequence[bytes]) -> bool:
    position = 0
    for sign in signs:
        position = seen.find(sign, position)
        if position < 0:
            return False
        position += len(sign)
    return True


@contextmanager
def swallowing(target_port: int) -> Iterator[SwallowingProxy]:
    """Run a proxy before a port of this machine."""
    proxy = SwallowingProxy(target_port)
    try:
        yield proxy
    finally:
        proxy.close()
