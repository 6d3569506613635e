"""Hour files that were read and turned out to hold what the lake has: they are not read again until their etag changes.

The ledger of hours keeps the etag of the file that was loaded; that the same bytes bear another one now (a folder copied anew, another mirror)
is no news of the hour, so it stands in a private file of the lake and makes no snapshot. Without that file they are read once more.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from catalog.local_files import write_whole


class SeenFiles:
    """SHA-256 of files by address and etag, kept in a JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_changed = False
        try:
            self._seen: dict[str, list[str]] = orjson.loads(path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            self._seen = {}

    def sha256(self, address: str, etag: str | None) -> str | None:
        """Return the hash of a file as it was when it bore this etag; None if that isn't known."""
        seen_etag, sha256 = self._seen.get(address, (None, None))
        return sha256 if etag is not None and seen_etag == etag else None

    def note(self, address: str, etag: str | None, sha256: str) -> None:
        """Remember a file that was read."""
        if etag is not None:
            self._seen[address] = [etag, sha256]
            self._is_changed = True

    def save(self) -> None:
        """Write down what was noted."""
        if self._is_changed:
            write_whole(self._path, orjson.dumps(self._seen))
            self._is_changed = False
