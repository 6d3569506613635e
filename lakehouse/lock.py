"""One run at a time on a lake: a file lock in its folder, or a lease in PostgreSQL where the models' state is there.

Both tell who holds the lake since when. A file lock goes with its process and not before, so there is no more to say. A lease runs out: what
changes the lake asks `held(settings)` first, and moves `latest.json` while nobody else can take the lake (lakehouse/lease.py).
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from catalog.errors import LakeBusyError
from catalog.settings import Settings


@dataclass(frozen=True)
class Holder:
    """Who holds a lake: a command in a process on a machine, since a time (UTC)."""

    command: str
    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"`osslake {self.command}` (process {self.pid} on {self.host}) since {self.since}"


def this_process(command: str) -> Holder:
    """Return this process as a holder from now on."""
    return Holder(command, os.getpid(), socket.gethostname(), datetime.now(UTC).isoformat(timespec="seconds"))


def busy(settings: Settings, holder: Holder | str) -> LakeBusyError:
    """Return the error of a run that comes second."""
    return LakeBusyError(f"the lake {settings.folder} is held by {holder}; try again when it has ended")


class Lease:
    """A hold on a lake that can't be lost: that of a file lock, or of a caller who does without."""

    @property
    def tag(self) -> str:
        """What marks the queries of the run that holds the lake; empty where none outlives it."""
        return ""

    @property
    def session(self) -> str:
        """What marks the run's sessions in the database of the models' state; empty where there is none."""
        return ""

    def check(self) -> None:
        """See that this run still holds the lake.

        Raises:
            LakeBusyError: another run has it now, or may have it.
        """

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """Keep others from taking the lake while the block runs, which has to be short.

        Raises:
            LakeBusyError: another run has the lake now, or may have it; the block doesn't run.
        """
        yield


_leases: dict[Path, Lease] = {}


def held(settings: Settings) -> Lease:
    """Return the hold that this process has on a lake."""
    return _leases.get(settings.folder.absolute(), Lease())


def check_tag(tag: str) -> None:
    """See that the run whose queries have this tag still holds its lake; what has none of our tags is let pass.

    Raises:
        LakeBusyError: another run has the lake now, or may have it.
    """
    for lease in [one for one in _leases.values() if one.tag == tag]:
        lease.check()


@contextmanager
def lake_lock(settings: Settings, command: str, step: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the lake while the body runs.

    Args:
        settings: of the lake.
        command: what the body does, for those who are turned away.
        step: told of what has to be waited for.

    Raises:
        LakeBusyError: another run holds it, which the message names; or it was lost to another run meanwhile.
    """
    from lakehouse.lease import postgres_lease

    has_lease = bool(settings.transform.state.get_secret_value())
    with postgres_lease(settings, command, step) if has_lease else _file_lock(settings, command) as lease:
        _leases[settings.folder.absolute()] = lease
        try:
            yield
        except Exception:
            lease.check()
            raise
        finally:
            del _leases[settings.folder.absolute()]


@contextmanager
def _file_lock(settings: Settings, command: str) -> Iterator[Lease]:
    settings.state.mkdir(parents=True, exist_ok=True)
    note = settings.state / "lock.json"
    lock = FileLock(settings.state / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise busy(settings, _noted(note)) from error
    try:
        note.write_text(json.dumps(asdict(this_process(command))), encoding="utf-8")
        yield Lease()
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _noted(note: Path) -> Holder | str:
    try:
        return Holder(**json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return "another run"
