"""`osslake` in processes of its own, which can be killed. They are forked from a server that has imported what they need."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from catalog.crash import CRASH_VARIABLE, STOP_VARIABLE

LIMIT_S = 240.0
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["pyiceberg.catalog.sql", "pyiceberg.io.pyarrow", "sqlmesh", "ingest.loader", "ingest.gharchive.package", "ingest.git"]
    + [
        "ingest.oss_directory",
        "lakehouse.cli",
        "lakehouse.ingest",
        "lakehouse.publications.bigquery.publication",
        "lakehouse.releases",
        "lakehouse.run",
    ]
)


@dataclass(frozen=True)
class Finished:
    """How a command ended: its exit code (minus the signal that killed it) and what it printed."""

    code: int | None
    out: str
    err: str


class Running:
    """A command that runs."""

    def __init__(self, *arguments: str | Path, environment: Mapping[str, str] | None = None, crash_at: str = "") -> None:
        self._folder = Path(mkdtemp(prefix="osslake-test-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        chosen = dict(environment or {}) | ({CRASH_VARIABLE: crash_at} if crash_at else {})
        self.process = start(_command, [str(one) for one in arguments], chosen, self._folder)

    def wait(self, limit_s: float = LIMIT_S) -> Finished:
        """Wait for its end; one that takes too long is killed."""
        self.process.join(limit_s)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        out, err = ((self._folder / name).read_text() if (self._folder / name).exists() else "" for name in ("out", "err"))
        return Finished(self.process.exitcode, out, err)


def start(what: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Start a function in a process of its own."""
    process = _CONTEXT.Process(target=what, args=arguments)
    process.start()
    return process


def osslake(*arguments: str | Path, environment: Mapping[str, str] | None = None, crash_at: str = "") -> Finished:
    """Run a command to its end, or to its death."""
    return Running(*arguments, environment=environment, crash_at=crash_at).wait()


@contextmanager
def stopped(*arguments: str | Path, at: str, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Give a command that stands still at a crash point while the block runs, and goes on after it."""
    running = Running(*arguments, environment={STOP_VARIABLE: at} | dict(environment or {}))
    try:
        wait_until_stopped(running.process)
        yield running
    except BaseException:
        running.process.kill()
        running.process.join()
        raise
    os.kill(running.process.pid or 0, signal.SIGCONT)


def barrier(parties: int) -> Any:
    """Return a barrier that processes of `start` can wait at."""
    return _CONTEXT.Barrier(parties)


def wait_until_stopped(process: BaseProcess) -> None:
    """Wait until a process stands still by SIGSTOP."""
    deadline = time.monotonic() + LIMIT_S
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert process.is_alive(), f"the process ended with {process.exitcode} before it came to where it was to stop"
        assert time.monotonic() < deadline, "the process did not come to where it was to stop"
        time.sleep(0.02)


def queue() -> Any:
    """Return a queue that processes of `start` can write to."""
    return _CONTEXT.Queue()


def _command(arguments: list[str], environment: Mapping[str, str], folder: Path) -> None:
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background inherit that it is ignored
    sys.argv = ["osslake", *arguments]
    from lakehouse.cli import main

    main()
