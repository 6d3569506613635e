"""Which replicas are there, and which is in use: a new release's is made aside, in a process of its own, while the one before goes on answering.

Each worker looks for itself. Whoever finds that a release has no replica yet, and gets the lock, has it made; the others see its file.
"""

from __future__ import annotations

import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from catalog.bucket import ReadableBucket
from catalog.duck import DuckError
from catalog.errors import OsslakeError, StorageError
from catalog.releases import Release, release_chain
from catalog.settings import Settings
from serving.logs import log
from serving.releases import ServedReleases
from serving.replica.build import BuildSummary, build_replica
from serving.replica.builder import start_build
from serving.replica.documents import newest_stored, stored_release
from serving.replica.files import has_replica, ids_of_replicas, remove_others, remove_replica, replica_file
from serving.replica.replica import Replica

LOCK_FILE = "build.lock"
LONGEST_PAUSE_S = 300.0
"""Between two tries to make a replica that can't be made."""
UNREADABLE = (OsslakeError, DuckError, sqlite3.Error)
PRIMARY_CODE = 0xFF
"""The part of SQLite's codes that tells the kind."""
NOTHING_MADE = 3
"""Exit code of a process that found all replicas there, or another process that makes one."""
POLLS_BETWEEN = 5
"""Between the end of such a process and the start of the next one."""


def newest_releases(source: Settings | ReadableBucket, count: int) -> list[Release]:
    """Return the newest releases that are kept, the newest first."""
    found = []
    for release in release_chain(source):
        found.append(release)
        if len(found) == count:
            break
    return found


def make_replica(settings: Settings) -> BuildSummary | None:
    """Make one replica: that of the newest release that has none and can be made, of those that are kept; and remove the files of those that aren't kept.

    One that can't be opened is removed and made again. What is the same in another release that has a replica comes from there; where
    that one can't be read, or says something wrong, all is read from the release, and the other is removed.

    Returns:
        What was done; None where all replicas are there already, another process makes one, or nothing was released yet.

    Raises:
        VerificationError: what was built doesn't say what the release says.
        StorageError, DuckError: a file of the release can't be read.
        sqlite3.Error: the disk is full, or can't be written.
    """
    folder = settings.replicas
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK_FILE, timeout=0):
            releases, failed = newest_releases(settings, settings.serve.keep_replicas), None
            for release in releases:
                if _has_whole_one(folder, release.id):
                    continue
                try:
                    summary = _made(settings, folder, release)
                except UNREADABLE as error:
                    log("replica.failed", release_id=release.id, error=str(error))
                    failed = failed or error
                else:
                    remove_others(folder, [one.id for one in releases])
                    return summary
            if failed is not None:
                raise failed
            return None
    except Timeout:
        return None


def _made(settings: Settings, folder: Path, release: Release) -> BuildSummary:
    """Make a release's replica, from another one if there is one that can be read and says what its release says."""
    before = newest_stored(folder)
    try:
        summary = build_replica(settings, release, folder, before)
    except (StorageError, DuckError):
        raise
    except Exception as error:  # wrong bytes show in many ways
        code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
        if before is None or code == sqlite3.SQLITE_FULL:
            raise
        log("replica.unreadable", release_id=before.id, error=f"{type(error).__name__}: {error}")
        summary = build_replica(settings, release, folder)
        if code != sqlite3.SQLITE_IOERR:
            remove_replica(folder, before.id)
    _open(folder, release.id)
    return summary


def _has_whole_one(folder: Path, release_id: str) -> bool:
    """Tell whether a release has a replica that can be opened; remove one that can't."""
    if not has_replica(folder, release_id):
        return False
    try:
        return _open(folder, release_id) is not None
    except UNREADABLE as error:
        log("replica.removed", release_id=release_id, error=str(error))
        remove_replica(folder, release_id)
        return False


def _open(folder: Path, release_id: str) -> Replica:
    release = stored_release(folder, release_id)
    if release is None:
        raise StorageError(f"the replica of {release_id} holds no release document")
    return Replica(replica_file(folder, release_id), release)


class Replicas:
    """The replicas that one worker answers from.

    A worker removes none: what it can't open may be whole, and the worker short of memory or of open files. The process that makes replicas looks for itself.
    """

    def __init__(self, settings: Settings, releases: ServedReleases, count_failure: Callable[[], None] = lambda: None) -> None:
        self._settings, self._releases, self._count_failure = settings, releases, count_failure
        self._open: dict[str, Replica] = {}
        self._newest: Replica | None = None
        self._ended = threading.Event()
        self._looking = threading.Lock()
        self._building: subprocess.Popen[bytes] | None = None
        self._kept_ids: list[str] = []
        self._unreadable: set[str] = set()
        self._failures, self._not_before = 0, 0.0

    def newest(self) -> Replica | None:
        """Return the replica in use; None until the first one is made."""
        return self._newest

    def current(self) -> Replica | None:
        """Return the replica in use; where there is none, look for one before, if that takes no time."""
        if self._newest is None and self._releases.store.folder is not None:
            self.look()
        return self._newest

    def of(self, release_id: str) -> Replica | None:
        """Return the replica of a release, if it is kept."""
        return self._open.get(release_id) or (None if release_id in self._unreadable else self._opened(release_id))

    def named(self, wanted: str) -> Replica | None:
        """Return the replica of a release by its id or its sequence number, if it is kept."""
        found = next((identifier for identifier in self._there() if _is_named(identifier, wanted)), None)
        return self.of(found) if found else None

    def is_coming(self, wanted: str) -> bool:
        """Tell whether a release, by its id or its sequence number, is one of those whose replicas are kept, or made where they lack."""
        return any(_is_named(identifier, wanted) for identifier in self._kept_ids)

    def sequences(self) -> list[int]:
        """Return the numbers of the releases that have replicas, the newest first."""
        return [int(identifier.partition("-")[0]) for identifier in self._there()]

    def _there(self) -> list[str]:
        return sorted({*ids_of_replicas(self._settings.replicas), *self._open}, reverse=True)

    def start(self) -> None:
        """Look for a replica now, and again and again in a thread of its own."""
        self._releases.begin()
        self.look()
        threading.Thread(target=self._watch, name="replicas", daemon=True).start()

    def stop(self) -> None:
        """End the looking, and a build that this worker began; what is left of it the next one removes."""
        self._ended.set()
        with self._looking:
            if self._building is not None and self._building.poll() is None:
                self._building.terminate()
                self._building.wait()

    def look(self) -> None:
        """Take the newest release's replica into use where it is there, and have those made that lack."""
        with self._looking:
            try:
                release = self._releases.newest()
            except (OsslakeError, OSError):
                return
            if not self._kept_ids or self._kept_ids[0] != release.id:
                self._kept_ids = [one.id for one in self._kept() or ()] or self._kept_ids
            self._drop_replaced()
            if (opened := self._opened(release.id)) is not None and opened is not self._newest:
                self._newest = opened
                log("replica.used", release_id=release.id)
            elif self._newest is None:
                self._newest = next((found for one in self._kept_ids if (found := self._opened(one)) is not None), None)
            self._unreadable.intersection_update({release.id, *self._kept_ids})
            if not all(self._is_there(one) for one in {release.id, *self._kept_ids}):
                self._have_one_made()

    def _is_there(self, release_id: str) -> bool:
        return has_replica(self._settings.replicas, release_id) and (
            release_id not in self._unreadable or self._opened(release_id) is not None
        )

    def _drop_replaced(self) -> None:
        """Let go of older replicas that were made again: they were damaged."""
        for release_id, replica in list(self._open.items()):
            if replica is not self._newest and replica.is_replaced():
                self._open.pop(release_id, None)

    def _kept(self) -> list[Release] | None:
        """Return the newest releases; None where they can't be read."""
        try:
            return newest_releases(self._releases.store, self._settings.serve.keep_replicas)
        except (OsslakeError, OSError):
            return None

    def _have_one_made(self) -> None:
        """Start a build where none is running; after one that failed not at once, and later each time, unless it was the store that was away."""
        if self._building is not None:
            if self._building.poll() is None:
                return
            self._note_end(self._building.returncode)
            self._building = None
        if time.monotonic() < self._not_before or self._releases.store.is_away:
            return
        try:
            self._building = start_build(self._settings)
        except OSError as error:
            log("replica.not_begun", error=str(error))
            self._wait(POLLS_BETWEEN)

    def _wait(self, polls: int) -> None:
        self._not_before = time.monotonic() + min(polls * self._settings.serve.poll_s, LONGEST_PAUSE_S)

    def _note_end(self, exit_code: int) -> None:
        if exit_code in (0, NOTHING_MADE):
            self._failures = 0
            self._wait(POLLS_BETWEEN if exit_code else 0)
            return
        log("replica.failed", exit_code=exit_code)
        self._count_failure()
        if self._releases.store.is_away:
            return
        self._failures += 1
        self._wait(2**self._failures)

    def _opened(self, release_id: str) -> Replica | None:
        """Return a release's replica, open; None where there is none, or it can't be opened, which is noted until it can."""
        found = self._open.get(release_id)
        if found is None and has_replica(self._settings.replicas, release_id):
            try:
                found = self._open[release_id] = _open(self._settings.replicas, release_id)
            except UNREADABLE as error:
                if release_id not in self._unreadable:
                    log("replica.unreadable", release_id=release_id, error=str(error))
                self._unreadable.add(release_id)
                return None
            self._unreadable.discard(release_id)
            for identifier in sorted(self._open)[: -self._settings.serve.keep_replicas]:
                self._open.pop(identifier, None)  # this one too, where it was asked for while newer ones came
        return found

    def _watch(self) -> None:
        while not self._ended.wait(self._settings.serve.poll_s):
            try:
                self.look()
            except Exception as error:
                log("replica.look_failed", error=f"{type(error).__name__}: {error}")


def _is_named(identifier: str, wanted: str) -> bool:
    return wanted in (identifier, identifier.partition("-")[0].lstrip("0"))
