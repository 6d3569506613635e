"""Where static files are laid down: a folder behind a web server, or an object store behind its own.

Keys are relative paths. A file gets its name when it is whole. On a file system a path can't be a file and a folder at once, so there a
document of the catalog is the `index.json` of a folder called as its address; an object store takes the address as key.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Protocol

import fsspec
from filelock import FileLock, Timeout

from catalog.crash import crash_point
from catalog.errors import PublishError, VerificationError
from catalog.local_files import whole_file, write_whole
from catalog.pages import MEDIA_TYPE
from lakehouse.publications.static_errors import answering, masked

LOCK_FILE = ".export.lock"
OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "r2"})
_CONTENT_TYPE_ARGUMENT = {"s3": "ContentType", "s3a": "ContentType", "gs": "content_type", "gcs": "content_type"}
_LEFT_BEHIND = (".tmp", ".part")
_CHUNK_BYTES = 1 << 20


class StaticTarget(Protocol):
    """A place for static files."""

    def lock(self) -> AbstractContextManager[None]:
        """Hold the place against a second export, where it can be held; raises PublishError if another one has it."""

    def sizes(self) -> dict[str, int]:
        """Return the sizes in bytes of all files that are there."""

    def sha256(self, key: str) -> str:
        """Return the SHA-256 of a file's bytes, in hex."""

    def read(self, key: str) -> bytes | None:
        """Return a small file's bytes; None if it isn't there."""

    def write(self, key: str, content: bytes) -> None:
        """Write a small file."""

    def copy(self, key: str, source: Path, sha256: str, *, hard_link: bool) -> None:
        """Bring a file; raises VerificationError, and leaves nothing, if its bytes are not those of the hash."""

    def catalog_key(self, path: str) -> str:
        """Return the key of the catalog's document at an address."""


def open_target(address: str) -> StaticTarget:
    """Return the target at a folder's path or an fsspec address.

    Raises:
        PublishError: there is no such kind of address, or nothing can be written to it.
        TargetUnavailableError: it does not answer.
    """
    place = masked(address)
    if address.startswith(("http://", "https://")):
        raise PublishError(
            f"{place} can't be written to; a folder, or an object store's address such as s3://bucket/path, would be right", target=place
        )
    with answering(address):
        try:
            files, root = fsspec.core.url_to_fs(address)
        except (ValueError, ImportError) as error:
            # What can't be made out of an address with a password may be a piece of the password.
            cause = f": {error}" if place == address or isinstance(error, ImportError) else ""
            raise PublishError(f"{place} is neither a folder nor an address that fsspec knows{cause}", target=place) from error
    protocols = {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)
    if protocols & {"file", "local"}:
        return FolderTarget(Path(root))
    return RemoteTarget(files, root.rstrip("/"), next(iter(protocols & OBJECT_STORES), ""), address)


class FolderTarget:
    """A local folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder by a lock file, and take away what a killed export left unfinished."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / LOCK_FILE, timeout=0):
                for path in self._walk():
                    if path.name.startswith(".") and path.suffix in _LEFT_BEHIND:
                        path.unlink()
                yield
        except Timeout as error:
            raise PublishError(f"another export into {self.folder} is running; wait for it to end", target=str(self.folder)) from error

    def _walk(self) -> Iterator[Path]:
        for root, _, names in os.walk(self.folder):
            for name in names:
                yield Path(root, name)

    def sizes(self) -> dict[str, int]:
        """Return the sizes of all files."""
        return {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in self._walk()}

    def sha256(self, key: str) -> str:
        """Return a file's SHA-256."""
        return file_sha256(self.folder / key)

    def read(self, key: str) -> bytes | None:
        """Return a file's bytes, if it is there."""
        path = self.folder / key
        return path.read_bytes() if path.is_file() else None

    def write(self, key: str, content: bytes) -> None:
        """Write a file aside and give it its name."""
        write_whole(self.folder / key, content)

    def copy(self, key: str, source: Path, sha256: str, *, hard_link: bool) -> None:
        """Copy a file aside, check it, and give it its name; or link it, where that is wanted and both are on one file system."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if hard_link and source.stat().st_dev == path.parent.stat().st_dev:
            _check(source, file_sha256(source), sha256)
            crash_point("publish.static.file")
            aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
            aside.hardlink_to(source)
            aside.replace(path)
            return
        with source.open("rb") as reading, whole_file(path) as writing:
            digest = hashlib.sha256()
            while chunk := reading.read(_CHUNK_BYTES):
                digest.update(chunk)
                writing.write(chunk)
            _check(source, digest.hexdigest(), sha256)
            crash_point("publish.static.file")

    def catalog_key(self, path: str) -> str:
        """Return the `index.json` of a folder."""
        return f"{path}/index.json"


class RemoteTarget:
    """Any other fsspec file system; in object stores a file is there when its upload has ended, elsewhere it is renamed at its end.

    All but `lock` raise PublishError for a refusal, and TargetUnavailableError where nobody answers.
    """

    def __init__(self, files: Any, root: str, object_store: str, address: str) -> None:
        self.files = files
        self.root = root
        self.object_store = object_store
        self.address = address

    def lock(self) -> AbstractContextManager[None]:
        """Hold nothing: the lake's own lock has to do."""
        return nullcontext()

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}"

    def sizes(self) -> dict[str, int]:
        """Return the sizes of all files."""
        with answering(self.address):
            self.files.invalidate_cache()
            found = self.files.find(self.root, detail=True)
        return {path.removeprefix(f"{self.root}/"): about["size"] for path, about in found.items()}

    def sha256(self, key: str) -> str:
        """Return a file's SHA-256."""
        with answering(self.address), self.files.open(self._path(key), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def read(self, key: str) -> bytes | None:
        """Return a file's bytes, if it is there."""
        with answering(self.address), suppress(FileNotFoundError):
            return bytes(self.files.cat_file(self._path(key)))
        return None

    def write(self, key: str, content: bytes) -> None:
        """Write a file."""
        argument = _CONTENT_TYPE_ARGUMENT.get(self.object_store)
        media_type = MEDIA_TYPE if key.endswith(".html") else "application/json"
        with answering(self.address), self._named_at_end(key) as path:
            self.files.pipe_file(path, content, **({argument: media_type} if argument else {}))

    def copy(self, key: str, source: Path, sha256: str, *, hard_link: bool) -> None:  # noqa: ARG002 - nothing can be linked here
        """Check a file and upload it."""
        _check(source, file_sha256(source), sha256)
        with answering(self.address), self._named_at_end(key) as path:
            self.files.put_file(str(source), path)
            crash_point("publish.static.file")

    @contextmanager
    def _named_at_end(self, key: str) -> Iterator[str]:
        path = self._path(key)
        if self.object_store:
            yield path
            return
        aside = f"{path}.{secrets.token_hex(6)}.part"
        self.files.makedirs(path.rpartition("/")[0], exist_ok=True)
        yield aside
        self.files.mv(aside, path)

    def catalog_key(self, path: str) -> str:
        """Return the address itself in an object store, else the `index.json` of a folder."""
        return path if self.object_store else f"{path}/index.json"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a local file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(source: Path, actual: str, expected: str) -> None:
    if actual != expected:
        raise VerificationError(f"{source.name} is damaged: its SHA-256 is {actual}, the release lists {expected}", path=source.name)
