"""The logical bucket's bytes, by key, whatever holds them: the only way by which releases touch files."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from catalog.settings import Settings

if TYPE_CHECKING:
    from pyiceberg.io import FileIO

_SEGMENT = re.compile(r"[^/\\\x00-\x1f]+")


def bucket_key(dataset: str, path: str) -> str:
    """Return a path's key below the logical bucket.

    Raises:
        ValueError: the path isn't below `s3://<dataset>/`, or isn't plain (`..`, empty parts, control characters).
    """
    key = path.removeprefix(f"s3://{dataset}/")
    if key == path or not all(part not in (".", "..") and _SEGMENT.fullmatch(part) for part in key.split("/")):
        raise ValueError(f"{path!r} is not a plain path below s3://{dataset}/")
    return key


class Bucket(Protocol):
    """Bytes by key. Keys are plain relative paths; `read`, `size` and `sha256` of a key that isn't there raise FileNotFoundError."""

    @property
    def dataset(self) -> str:
        """The bucket's name, as in `s3://<dataset>/`."""

    def read(self, key: str) -> bytes:
        """Return an object's bytes."""

    def size(self, key: str) -> int:
        """Return an object's size in bytes."""

    def sha256(self, key: str) -> str:
        """Return the SHA-256 of an object's bytes in hex, without holding them all in memory."""

    def keys(self, folder: str) -> list[str]:
        """Return the keys directly below a folder (`releases`), sorted; objects that are being written are left out."""

    def write(self, key: str, content: bytes) -> None:
        """Write an object, whole or not at all."""

    def delete(self, key: str) -> None:
        """Delete an object; one that isn't there is no error."""

    def location(self, key: str) -> str:
        """Return how DuckDB names an object."""

    def file_io(self) -> FileIO:
        """Return PyIceberg's access to the virtual paths of the bucket."""


class FolderBucket:
    """A bucket whose bytes lie in a local folder."""

    def __init__(self, folder: Path, dataset: str) -> None:
        self.folder = folder
        self.dataset = dataset

    def _path(self, key: str) -> Path:
        from catalog.local_files import local_path

        return local_path(self.folder, f"s3://{self.dataset}", f"s3://{self.dataset}/{key}")

    def read(self, key: str) -> bytes:
        """Return a file's bytes."""
        return self._path(key).read_bytes()

    def size(self, key: str) -> int:
        """Return a file's size in bytes."""
        return self._path(key).stat().st_size

    def sha256(self, key: str) -> str:
        """Return the SHA-256 of a file's bytes in hex."""
        with self._path(key).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def keys(self, folder: str) -> list[str]:
        """Return the keys of the files in a folder, sorted; hidden ones are being written and left out."""
        place = self._path(folder)
        names = [file.name for file in place.iterdir() if file.is_file()] if place.is_dir() else []
        return sorted(f"{folder}/{name}" for name in names if not name.startswith("."))

    def write(self, key: str, content: bytes) -> None:
        """Write a file whole: aside, fsync, rename, fsync of the folder."""
        from catalog.local_files import write_whole

        write_whole(self._path(key), content)

    def delete(self, key: str) -> None:
        """Delete a file if it is there."""
        self._path(key).unlink(missing_ok=True)

    def location(self, key: str) -> str:
        """Return the file's path."""
        return str(self._path(key))

    def file_io(self) -> FileIO:
        """Return PyIceberg's access to the folder by virtual paths."""
        from catalog.storage import BUCKET_PROPERTY, FOLDER_PROPERTY, VirtualFileIO

        return VirtualFileIO({BUCKET_PROPERTY: f"s3://{self.dataset}", FOLDER_PROPERTY: str(self.folder)})


def open_bucket(settings: Settings) -> Bucket:
    """Return the bucket of a lake."""
    return FolderBucket(settings.warehouse, settings.dataset)
