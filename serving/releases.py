"""The releases of a lake as a server sees them: read once, kept in memory, and never one without its checks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache

import orjson

from catalog.bucket import bucket_key
from catalog.errors import OsslakeError, ReleaseError, StorageError, StorageUnavailableError
from catalog.releases import LATEST_KEY, Release, document_key, is_number, kept_ids, read_latest, read_release, sequence_of
from catalog.settings import Settings
from serving.logs import log
from serving.replica.documents import newest_stored, stored_release
from serving.store import Store

KEPT_IN_MEMORY = 16
WAIT_S = 1.0


class ServedReleases:
    """Releases by id, and the newest of them; safe to use from several threads.

    `latest.json` is read for every question about the newest release, so a new one shows at once. Where it can't be read any more,
    the last good release goes on being the newest; after a start, the newest that has a replica. Where a release is known
    already, an object store that is silent is waited for WAIT_S long, by all questions together.

    Attributes:
        store: the lake's bucket.
    """

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings)
        self._replicas = settings.replicas
        self._latest = b""
        self._newest: Release | None = None
        self._refresh, self._choosing = threading.Lock(), threading.Lock()
        self._pool = ThreadPoolExecutor(1, "latest")
        self._asking: Future[None] | None = None
        self._asked_at = 0.0
        self._read = lru_cache(KEPT_IN_MEMORY)(self._read_release)
        self._sha256: dict[str, bytes] = {}
        self._indexed: set[str] = set()
        self._previous: dict[str, str | None] = {}

    def newest(self) -> Release:
        """Return the newest release; while one thread reads a new one, the others go on with the one before.

        Raises:
            ReleaseError: nothing was released yet.
            StorageError: the store can't be read, and there is no replica to go by.
            VerificationError: the release can't be trusted, and there is no good one before it.
        """
        if self.store.folder is not None:
            self._ask()
        elif not self.store.is_away or self.store.is_to_be_tried:
            self._ask_in_time(0.0 if self.store.is_away else WAIT_S)
        if self._newest is None and self.store.is_away:
            raise StorageUnavailableError(self.store.error)
        if self._newest is None:
            raise ReleaseError("nothing was released yet in this lake; `osslake release create` makes a release")
        return self._newest

    def is_newest(self, release_id: str) -> bool:
        """Tell whether an id is that of the newest release, as far as that is known; nobody is asked."""
        return self._newest is not None and release_id == self._newest.id

    def _ask_in_time(self, wait_s: float) -> None:
        """Ask the store, one at a time for all who want to know, and go on with what is known where it takes too long."""
        with self._choosing:
            if self._asking is None or self._asking.done():
                self._asking, self._asked_at = self._pool.submit(self._ask), time.monotonic()
            asking, waited_s = self._asking, time.monotonic() - self._asked_at
        try:
            asking.result(max(wait_s - waited_s, 0.0))
        except TimeoutError as error:
            if self._newest is None:
                raise StorageUnavailableError(self.store.error or f"the lake's store did not answer within {wait_s:g} s") from error

    def begin(self) -> None:
        """Ask for the first time, and wait for as long as it takes the store to answer or to be given up."""
        with suppress(OsslakeError, OSError):
            self._ask()

    def _ask(self) -> None:
        try:
            content = self.store.read(LATEST_KEY)
        except (OSError, StorageError):
            content = b""
        if self._newest is None or content != self._latest:
            self._look_again(content)

    def _look_again(self, content: bytes) -> None:
        if not self._refresh.acquire(blocking=self._newest is None):
            return
        try:
            latest = read_latest(self.store)
            if latest is not None:
                self._newest, self._latest = self._read(latest.id), content
        except (OsslakeError, OSError) as error:
            self._newest = self._newest or self._remembered(error)
            if self._newest is None:
                raise
        finally:
            self._refresh.release()

    def _remembered(self, error: Exception) -> Release | None:
        """Return the newest release that has a replica, where the store can't be read; a lake that says something wrong is not passed over."""
        if not isinstance(error, StorageError):
            return None
        found = newest_stored(self._replicas)
        if found is not None:
            log("release.remembered", release_id=found.id, error=str(error))
        return found

    def _read_release(self, release_id: str) -> Release:
        try:
            return read_release(self.store, release_id)
        except StorageError:
            found = stored_release(self._replicas, release_id)
            if found is None:
                raise
            return found

    def kept(self, release_id: str) -> Release | None:
        """Return a release by its whole id; None if it isn't kept, or was never the newest."""
        newest = self.newest()
        try:
            release = newest if release_id == newest.id else self._read(release_id)
        except ReleaseError:
            return None
        return release if release.id == newest.id or release.sequence < newest.sequence else None

    def named(self, name: str) -> Release | None:
        """Return a release by its id or its number; None if it isn't kept, or was never the newest."""
        if not is_number(name):
            return self.kept(name)
        identifier: str | None = self.newest().id
        while identifier is not None and sequence_of(identifier) > int(name):
            identifier = self._previous_of(identifier)
        return self.kept(identifier) if identifier is not None and sequence_of(identifier) == int(name) else None

    def _previous_of(self, release_id: str) -> str | None:
        """Return the release before one; None where that isn't known, or there is none."""
        if release_id not in self._previous:
            release = self.kept(release_id)
            if release is None:
                return None
            self._previous[release_id] = release.document.previous
        return self._previous[release_id]

    def sha256(self, key: str) -> str | None:
        """Return the SHA-256 of a file of the bucket, in hex, if a kept release lists it.

        All kept releases are looked at, not the newest alone: a file's ETag may not change with the release that is current, since
        a reader of an older one would take the file for another.
        """
        if key not in self._sha256:
            for release_id in reversed(kept_ids(self.store)):
                if release_id not in self._indexed:
                    self._sha256.update(self._listed_files(release_id))
                    self._indexed.add(release_id)
        found = self._sha256.get(key)
        return found.hex() if found else None

    def _listed_files(self, release_id: str) -> Iterator[tuple[str, bytes]]:
        document = orjson.loads(self.store.read(document_key(release_id)))
        for table in document["tables"]:
            for file in table["files"]:
                yield bucket_key(document["dataset"], file["path"]), bytes.fromhex(file["sha256"])
