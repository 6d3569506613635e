"""One run at a time on a lake: a file lock, with a note of who holds it since when."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from catalog.errors import LakeBusyError
from catalog.settings import Settings


@contextmanager
def lake_lock(settings: Settings, command: str) -> Iterator[None]:
    """Hold the lake while the body runs. The lock goes with the process, however it ends.

    Raises:
        LakeBusyError: another run holds it; the message says which, on what machine, since when.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    note = settings.state / "lock.json"
    lock = FileLock(settings.state / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise LakeBusyError(f"the lake {settings.folder} is held by {_holder(note)}; try again when it has ended") from error
    try:
        held = {
            "command": command,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        note.write_text(json.dumps(held), encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _holder(note: Path) -> str:
    try:
        held = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "another run"
    return f"`osslake {held['command']}` (process {held['pid']} on {held['host']}) since {held['since']}"
