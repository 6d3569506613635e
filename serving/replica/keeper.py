"""Which replicas are there, and which is in use: a new release's is made aside, in a process of its own, while the one before goes on answering.

Each worker looks for itself. Whoever finds that a release has no replica yet, and gets the lock, has it made; the others see its file.
"""

from __future__ import annotations

import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable

from filelock import FileLock, Timeout

from catalog.bucket import ReadableBucket
from catalog.duck import DuckError
from catalog.errors import OsslakeError
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


def newest_releases(source: Settings | ReadableBucket, count: int) -> list[Release]:
    """Return the newest releases that are kept, the newest first."""
    found = []
    for release in release_chain(source):
        found.append(release)
        if len(found) == count:
            break
    return found


def make_replica(settings: Settings) -> BuildSummary | None:
    """Make one replica: that of the newest release that has none, of those that are kept; and remove the files of those that aren't kept.

    What is the same in another release that has a replica comes from there.

    Returns:
        What was done; None where all replicas are there already, another process makes one, or nothing was released yet.

    Raises:
        VerificationError: what was built doesn't say what the release says.
    """
    folder = settings.replicas
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK_FILE, timeout=0):
            releases = newest_releases(settings, settings.serve.keep_replicas)
            wanted = next((release for release in releases if not has_replica(folder, release.id)), None)
            if wanted is None:
                return None
            before = newest_stored(folder)
            try:
                summary = build_replica(settings, wanted, folder, before)
            except sqlite3.DatabaseError as error:
                if before is None:
                    raise
                log("replica.unreadable", release_id=before.id, error=str(error))
                summary = build_replica(settings, wanted, folder)
            remove_others(folder, [release.id for release in releases])
            return summary
    except Timeout:
        return None


class Replicas:
    """The replicas that one worker answers from."""

    def __init__(self, settings: Settings, releases: ServedReleases, count_failure: Callable[[], None] = lambda: None) -> None:
        self._settings, self._releases, self._count_failure = settings, releases, count_failure
        self._open: dict[str, Replica] = {}
        self._newest: Replica | None = None
        self._ended = threading.Event()
        self._looking = threading.Lock()
        self._building: subprocess.Popen[bytes] | None = None
        self._is_complete = False
        self._coming: list[str] = []
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
        replica = self._open.get(release_id)
        if replica is None and has_replica(self._settings.replicas, release_id):
            release = stored_release(self._settings.replicas, release_id)
            replica = self._opened(release) if release else None
        return replica

    def named(self, wanted: str) -> Replica | None:
        """Return the replica of a release by its id or its sequence number, if it is kept."""
        found = next((identifier for identifier in self._there() if _is_named(identifier, wanted)), None)
        return self.of(found) if found else None

    def is_coming(self, wanted: str) -> bool:
        """Tell whether the replica of a release, by its id or its sequence number, is yet to be made."""
        return any(_is_named(identifier, wanted) for identifier in self._coming)

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
        """Take the newest release's replica into use where it is there, else have it made."""
        with self._looking:
            try:
                release = self._releases.newest()
            except (OsslakeError, OSError):
                return
            if self._newest is not None and self._newest.release.id == release.id:
                self._complete()
            elif has_replica(self._settings.replicas, release.id) and (opened := self._opened(release)):
                self._newest, self._is_complete = opened, False
                log("replica.used", release_id=release.id)
            else:
                if self._newest is None:
                    self._newest = next((self.of(one.id) for one in self._kept() or () if self.of(one.id)), None)
                self._have_one_made()

    def _complete(self) -> None:
        """Have the replicas made that the kept releases before the newest one lack."""
        kept = None if self._is_complete else self._kept()
        if kept is not None:
            self._coming = [one.id for one in kept if not has_replica(self._settings.replicas, one.id)]
            self._is_complete = not self._coming
            if not self._is_complete:
                self._have_one_made()

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
        if time.monotonic() >= self._not_before and not self._releases.store.is_away:
            self._building = start_build(self._settings)

    def _note_end(self, exit_code: int) -> None:
        if not exit_code:
            self._failures = 0
            return
        log("replica.failed", exit_code=exit_code)
        self._count_failure()
        if self._releases.store.is_away:
            return
        self._failures += 1
        self._not_before = time.monotonic() + min(2**self._failures * self._settings.serve.poll_s, LONGEST_PAUSE_S)

    def _opened(self, release: Release) -> Replica | None:
        """Return a release's replica, open; one that can't be opened is removed, so that it is made again."""
        found = self._open.get(release.id)
        if found is None:
            folder = self._settings.replicas
            try:
                found = self._open[release.id] = Replica(replica_file(folder, release.id), release)
            except (OsslakeError, DuckError, sqlite3.Error) as error:
                log("replica.unreadable", release_id=release.id, error=str(error))
                remove_replica(folder, release.id)
                return None
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
