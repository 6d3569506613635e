"""A proxy that passes everything on, and once keeps an answer for itself, or a part of it; or disturbs HTTP requests by chance, from a seed.

What was asked for and not answered is done, and who asked never hears of it.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

CHUNK_BYTES = 65536
METHODS = (b"GET ", b"PUT ", b"POST ", b"HEAD ", b"DELETE ")
FAULTS = ("refused", "slow", "cut", "swallowed")
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
DRAIN_S = 1.0


class SwallowingProxy:
    """Attributes: `port` to connect to; `swallowed` and `cut`, how many answers were kept, and how many in part; `met`, faults by kind."""

    def __init__(self, target_port: int) -> None:
        self.swallowed = 0
        self.cut = 0
        self._cut_after_bytes = 0
        self._target_port = target_port
        self._signs: tuple[bytes, ...] = ()
        self._lock = threading.Lock()
        self._hangs = threading.Event()
        self.met: Counter[str] = Counter()
        self._dice, self._rate, self._delay_s = random.Random(), 0.0, 0.0
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

    def disturb(self, seed: int, rate: float, delay_s: float) -> None:
        """From now on let a part of all HTTP requests be refused (503), wait, or have their answers cut or swallowed."""
        self._dice, self._rate, self._delay_s = random.Random(seed), rate, delay_s

    def hang(self) -> None:
        """Pass nothing on from now on, and end no connection."""
        self._hangs.set()

    def resume(self) -> None:
        """Pass on again; connections on which something was kept back are ended when more is sent."""
        self._hangs.clear()

    def close(self) -> None:
        """Accept no more connections."""
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self._target_port))
                is_caught, is_cut = threading.Event(), threading.Event()
                threading.Thread(target=self._requests, args=(client, server, is_caught, is_cut), daemon=True).start()
                threading.Thread(target=self._answers, args=(server, client, is_caught, is_cut), daemon=True).start()

    def _fault(self, data: bytes) -> str:
        """Draw what happens to a request; nothing to what isn't the beginning of one."""
        with self._lock:
            if not self._rate or not data.startswith(METHODS) or self._dice.random() >= self._rate:
                return ""
            fault = self._dice.choice(FAULTS)
            self.met[fault] += 1
        return fault

    def _requests(self, client: socket.socket, server: socket.socket, is_caught: threading.Event, is_cut: threading.Event) -> None:
        seen, is_hung = b"", False
        with suppress(OSError):
            while data := client.recv(CHUNK_BYTES):
                if self._hangs.is_set():
                    is_hung = True
                    continue
                if is_hung:
                    break
                match self._fault(data):
                    case "refused":
                        _refuse(client)
                        break
                    case "slow":
                        time.sleep(self._delay_s)
                    case "cut":
                        is_cut.set()
                    case "swallowed":
                        is_caught.set()
                seen = (seen + data)[-2 * CHUNK_BYTES :]
                with self._lock:
                    if self._signs and _holds(seen, self._signs):
                        self._signs = ()
                        is_caught.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _answers(self, server: socket.socket, client: socket.socket, is_caught: threading.Event, is_cut: threading.Event) -> None:
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
                if is_cut.is_set():
                    client.sendall(data[: len(data) // 2])
                    break
                client.sendall(data)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _refuse(client: socket.socket) -> None:
    """Answer 503, and take what is still sent, so that the answer is heard."""
    with suppress(OSError):
        client.sendall(REFUSAL)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(DRAIN_S)
        while client.recv(CHUNK_BYTES):
            pass


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
