"""Starting the process that makes a replica, and waiting for the first one; light to import, since workers are forked from who does."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from catalog.errors import OsslakeError
from catalog.settings import Settings
from serving.replica.files import ids_of_replicas


def start_build(settings: Settings) -> subprocess.Popen[bytes]:
    """Start a process that makes the replica of the newest release (serving/replica/__main__.py)."""
    building = subprocess.Popen([sys.executable, "-m", "serving.replica"], stdin=subprocess.PIPE)
    if building.stdin is not None:
        with suppress(BrokenPipeError), building.stdin as told:
            pickle.dump(settings.model_dump(by_alias=True), told)
    return building


def make_first_replica(settings: Settings, tell: Callable[[str], None]) -> None:
    """Have the replica of the newest release made where none is there at all, and wait for it; where it can't be made, that is told and nothing more.

    Args:
        tell: called with lines for people.
    """
    from catalog.releases import read_latest
    from serving.store import Store

    if ids_of_replicas(settings.replicas):
        return
    try:
        latest = read_latest(Store(settings))
    except (OsslakeError, OSError) as error:
        tell(f"there is no serving replica, and whether there is a release can't be told: {error}\n")
        return
    if latest is None:
        return
    number, started = latest.sequence, time.monotonic()
    tell(f"making the serving replica of release {number} ...\n")
    building = start_build(settings)
    try:
        is_made = building.wait() == 0
    except BaseException:
        building.terminate()
        raise
    end = f"done in {time.monotonic() - started:.1f} s" if is_made else "it could not be made; it is tried again"
    tell(f"making the serving replica of release {number} ... {end}\n")
