"""The logical bucket's bytes, by key, whatever holds them: the one place that knows whether a lake is a folder or an object store."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from catalog.errors import AGAIN, StorageError
from catalog.local_files import local_path, write_whole
from catalog.settings import Settings

if TYPE_CHECKING:
    from pyiceberg.io import FileIO

    from catalog.duck import DuckConnection

LATEST_KEY = "latest.json"
RELEASES_FOLDER = "releases"
BUCKET_PROPERTY = "osslake.bucket"
FOLDER_PROPERTY = "osslake.folder"
CHUNK_BYTES = 1 << 20
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


@dataclass(frozen=True)
class ObjectState:
    """An object's size in bytes, and a tag that changes with its bytes."""

    size_bytes: int
    etag: str


@dataclass(frozen=True)
class StoredObject:
    """An object as a listing shows it: key, size in bytes, and when it was last written."""

    key: str
    size_bytes: int
    modified_at: datetime


class ReadableBucket(Protocol):
    """What reading releases takes of a bucket."""

    @property
    def dataset(self) -> str:
        """The bucket's name, as in `s3://<dataset>/`."""

    def read(self, key: str) -> bytes:
        """Return an object's bytes."""

    def keys(self, folder: str) -> list[str]:
        """Return the keys directly below a folder (`releases`), sorted; objects that are being written are left out."""


class Bucket(ReadableBucket, Protocol):
    """Bytes by key. Keys are plain relative paths.

    All but `keys`, `objects`, `write` and `delete` raise FileNotFoundError for a key that isn't there; a store that refuses or does not answer
    raises StorageError.
    """

    def make(self) -> None:
        """Make the place of the bytes where there is none."""

    def chunks(self, key: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """Yield an object's bytes from the first to the last byte that are asked for (both included)."""

    def state(self, key: str) -> ObjectState:
        """Return an object's size and tag."""

    def size(self, key: str) -> int:
        """Return an object's size in bytes."""

    def sha256(self, key: str) -> str:
        """Return the SHA-256 of an object's bytes in hex, without holding them all in memory."""

    def objects(self, folder: str) -> list[StoredObject]:
        """Return all objects below a folder at any depth, by key; what an interrupted write left is among them."""

    def write(self, key: str, content: bytes) -> None:
        """Write an object, whole or not at all."""

    def replace(self, key: str, content: bytes, etag: str | None) -> bool:
        """Write an object if the one that is there has this tag (None: if there is none); tell whether that was so.

        An object store does it in one; in a folder a lock has to keep other writers away.
        """

    def delete(self, key: str) -> None:
        """Delete an object; one that isn't there is no error."""

    def local_file(self, key: str) -> AbstractContextManager[Path]:
        """Give an object as a local file while the block runs; it may be the object itself, and is not to be changed."""

    def location(self, key: str) -> str:
        """Return how DuckDB names an object, on a connection that was prepared."""

    def prepare(self, connection: DuckConnection) -> None:
        """Let a connection of DuckDB read the objects."""

    def io_properties(self) -> dict[str, str]:
        """Return the properties by which PyIceberg reads and writes the objects."""

    def file_io(self) -> FileIO:
        """Return PyIceberg's access to the paths of the bucket."""


class FolderBucket:
    """A bucket whose bytes lie in a local folder: its paths are virtual ones."""

    def __init__(self, folder: Path, dataset: str) -> None:
        self.folder = folder
        self.dataset = dataset

    def _path(self, key: str) -> Path:
        return local_path(self.folder, f"s3://{self.dataset}", f"s3://{self.dataset}/{key}")

    def make(self) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def read(self, key: str) -> bytes:
        """Return a file's bytes."""
        return self._path(key).read_bytes()

    def chunks(self, key: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """Yield a file's bytes."""
        with self._path(key).open("rb") as file:
            file.seek(first)
            left = last - first + 1 if last is not None else self.size(key) - first
            while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk

    def state(self, key: str) -> ObjectState:
        """Return a file's size and a tag of its size and time."""
        status = self._path(key).stat()
        return ObjectState(status.st_size, f"{status.st_size:x}-{status.st_mtime_ns:x}")

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

    def objects(self, folder: str) -> list[StoredObject]:
        """Return all files below a folder, hidden ones too."""
        found = []
        for root, _, names in os.walk(self._path(folder)):
            for path in (Path(root, name) for name in names):
                status = path.stat()
                found.append(StoredObject(str(path.relative_to(self.folder)), status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)))
        return sorted(found, key=lambda one: one.key)

    def write(self, key: str, content: bytes) -> None:
        """Write a file whole: aside, fsync, rename, fsync of the folder."""
        write_whole(self._path(key), content)

    def replace(self, key: str, content: bytes, etag: str | None) -> bool:
        """Write a file if the one that is there has this tag."""
        try:
            found: str | None = self.state(key).etag
        except FileNotFoundError:
            found = None
        if found == etag:
            self.write(key, content)
        return found == etag

    def delete(self, key: str) -> None:
        """Delete a file if it is there."""
        self._path(key).unlink(missing_ok=True)

    def local_file(self, key: str) -> AbstractContextManager[Path]:
        """Give the file itself."""
        return nullcontext(self._path(key))

    def location(self, key: str) -> str:
        """Return the file's path."""
        return str(self._path(key))

    def prepare(self, connection: DuckConnection) -> None:
        """Do nothing: DuckDB reads local files as it is."""

    def io_properties(self) -> dict[str, str]:
        """Return the properties of catalog.storage."""
        return {
            "py-io-impl": "catalog.storage.VirtualFileIO",
            BUCKET_PROPERTY: f"s3://{self.dataset}",
            FOLDER_PROPERTY: str(self.folder),
        }

    def file_io(self) -> FileIO:
        """Return PyIceberg's access to the folder by virtual paths."""
        from catalog.storage import VirtualFileIO

        return VirtualFileIO(self.io_properties())


def open_bucket(settings: Settings) -> Bucket:
    """Return the bucket of a lake."""
    if settings.storage.type == "local":
        return FolderBucket(settings.warehouse, settings.dataset)
    from catalog.s3_bucket import S3Bucket

    return S3Bucket(settings.storage, settings.dataset)


def locate(bucket: Bucket, path: str) -> str:
    """Return how DuckDB names the object at a table's path.

    Raises:
        ValueError: the path isn't below the bucket.
    """
    return bucket.location(bucket_key(bucket.dataset, path))


def connect_lake(settings: Settings, database: Path | str = ":memory:") -> DuckConnection:
    """Open DuckDB within the settings' limits, able to read the lake's objects by their locations.

    Raises:
        QueryError: the database file is held by another process, or isn't DuckDB's.
    """
    from catalog import duck

    connection = duck.connect(database, threads=settings.transform.threads, memory_limit=settings.transform.memory_limit)
    open_bucket(settings).prepare(connection)
    return connection


def unread(settings: Settings, error: Exception) -> StorageError:
    """Return our own error for DuckDB's of an object that it can't read; with a folder there is no server that may answer later."""
    advice = "" if settings.storage.type == "local" else f"; {AGAIN}"
    return StorageError(f"{' '.join(str(error).split())}{advice}")


@contextmanager
def lake_connection(settings: Settings, database: Path | str = ":memory:") -> Iterator[DuckConnection]:
    """Open DuckDB as `connect_lake` does, for as long as the block runs.

    Raises:
        QueryError: the database file is held by another process, or isn't DuckDB's.
        StorageError: an object can't be read.
    """
    from catalog import duck

    connection = connect_lake(settings, database)
    try:
        yield connection
    except duck.DuckReadError as error:
        raise unread(settings, error) from error
    finally:
        connection.close()
