"""The lake's bucket as a server asks it: with little patience, and one that doesn't answer is left alone for a moment.

An answer must not hang because an object store does. So a request waits for the store as long as `serve.store_timeout_s` says, and no longer; and
where the store doesn't answer, one request at a time tries it again, while the others are told at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

from catalog.bucket import CHUNK_BYTES, LATEST_KEY, FolderBucket, ObjectState, open_bucket
from catalog.errors import StorageError, StorageUnavailableError
from catalog.settings import Settings
from serving.logs import log

PAUSE_S = 1.0
"""Between two tries to reach a store that did not answer."""
ATTEMPTS = 2
"""A connection that was left open may have died meanwhile, so once isn't enough."""


def impatient(settings: Settings) -> Settings:
    """Return settings under which a store is waited for as long as an answer may wait."""
    storage, patience_s = settings.storage, settings.serve.store_timeout_s
    waits = {
        "connect_timeout_s": min(storage.connect_timeout_s, patience_s),
        "request_timeout_s": min(storage.request_timeout_s, patience_s),
        "attempts": min(storage.attempts, ATTEMPTS),
    }
    return settings.model_copy(update={"storage": storage.model_copy(update=waits)})


class Store:
    """The bucket, to be read; safe to use from several threads. A folder never counts as away."""

    def __init__(self, settings: Settings) -> None:
        self.settings = impatient(settings)
        self._bucket = open_bucket(self.settings)
        self.folder = self._bucket if isinstance(self._bucket, FolderBucket) else None
        self._lock = threading.Lock()
        self._error, self._lost_at, self._try_at = "", 0.0, 0.0

    @property
    def dataset(self) -> str:
        """The bucket's name."""
        return self._bucket.dataset

    @property
    def error(self) -> str:
        """What is wrong with a store that is away."""
        return self._error

    @property
    def is_away(self) -> bool:
        """Whether the store did not answer when it was asked last."""
        return bool(self._error)

    @property
    def is_to_be_tried(self) -> bool:
        """Whether a store that is away is worth to be asked again."""
        return self.is_away and time.monotonic() >= self._try_at

    def location(self, key: str) -> str:
        """Return how DuckDB names an object."""
        return self._bucket.location(key)

    def read(self, key: str) -> bytes:
        """Return an object's bytes."""
        with self.asked():
            return self._bucket.read(key)

    def chunks(self, key: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """Return an object's bytes in pieces, of which a megabyte, or all of a smaller one, is there already: an error so far is still answered as one."""
        begun = bytearray()
        with self.asked():
            pieces = self._bucket.chunks(key, first, last)
            for piece in pieces:
                begun += piece
                if len(begun) >= CHUNK_BYTES:
                    break
        return chain([bytes(begun)], pieces)

    def state(self, key: str) -> ObjectState:
        """Return an object's size and tag."""
        with self.asked():
            return self._bucket.state(key)

    def keys(self, folder: str) -> list[str]:
        """Return the keys directly below a folder."""
        with self.asked():
            return self._bucket.keys(folder)

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Ask the store in the block, unless it is away and another one tries it already.

        Raises:
            StorageUnavailableError: it does not answer, or did not just now.
        """
        self._begin()
        try:
            yield
        except StorageUnavailableError as error:
            self.lose(str(error))
            raise
        except Exception:
            self._find()  # whatever it said, it answered
            raise
        self._find()

    def _begin(self) -> None:
        with self._lock:
            if not self._error:
                return
            if not self.is_to_be_tried:
                raise StorageUnavailableError(self._error)
            storage = self.settings.storage
            self._try_at = time.monotonic() + (storage.connect_timeout_s + storage.request_timeout_s) * storage.attempts

    def reach(self) -> None:
        """Make sure that the store isn't known to be away.

        Raises:
            StorageUnavailableError: it does not answer, or did not just now.
        """
        if self.is_away:
            self.read(LATEST_KEY)

    def answers(self) -> bool:
        """Ask the store whether it answers; one that is away isn't asked by two at a time."""
        if self.folder is None:
            try:
                self.read(LATEST_KEY)
            except StorageUnavailableError:
                return False
            except (OSError, StorageError):
                pass  # it answered
        return True

    def lose(self, error: str) -> None:
        """Note that the store doesn't answer."""
        with self._lock:
            now = time.monotonic()
            if self.folder is not None:
                return
            if not self._error:
                self._lost_at = now
                log("store.lost", error=error)
            self._error, self._try_at = error, now + PAUSE_S

    def _find(self) -> None:
        if self._error:
            with self._lock:
                if self._error:
                    log("store.back", away_s=round(time.monotonic() - self._lost_at, 1))
                self._error = ""
