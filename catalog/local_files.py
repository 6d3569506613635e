"""Local files of a lake: where a virtual path's bytes lie, and writes that are whole or not there."""

from __future__ import annotations

import io
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

ASIDE_SUFFIX = ".part"
SYNC_THREADS = 8
WRITE_BYTES = 1_000_000


def local_path(folder: Path, bucket: str, location: str) -> Path:
    """Return where the bytes of `location` (below `bucket`) lie in `folder`.

    Raises:
        ValueError: the location is not below the bucket, or leads out of the folder.
    """
    key = location.removeprefix(f"{bucket}/")
    if key == location or ".." in key.split("/"):
        raise ValueError(f"{location!r} is not a path below {bucket}")
    return folder / key


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that gets its name when the block ends; after an error or a kill `path` is as it was before.

    What a kill leaves behind is called `.<name>.<hex>.part`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}{ASIDE_SUFFIX}")
    try:
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that after a kill or a power loss it is there whole, or as it was before."""
    with whole_file(path) as file:
        file.write(content)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    sync_file(folder)


def sync_file(path: Path) -> None:
    """Make what was written into a file durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Unsynced:
    """Files that were written and might be empty after a power loss; they are made durable together, which costs least."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: set[Path] = set()
        self._folders: set[Path] = set()

    def open(self, path: Path, mode: str, *, sync: bool = False) -> BinaryIO:
        """Open a file for writing, in mode `wb` or `xb`, and make the folders that it needs; closed, it is one of these.

        Args:
            sync: make it durable as soon as it is closed, and all others with it.
        """
        made = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        folders = {path.parent, *(folder.parent for folder in made)}
        return _Noted(io.FileIO(path, mode), partial(self._closed, path, folders, sync=sync))

    def _closed(self, path: Path, folders: set[Path], *, sync: bool) -> None:
        with self._lock:
            self._files.add(path)
            self._folders |= folders
        if sync:
            self.sync()

    def sync(self) -> None:
        """Make the files and their names durable; those that are gone again are none."""
        with self._lock:
            with ThreadPoolExecutor(SYNC_THREADS, thread_name_prefix="sync") as pool:
                list(pool.map(_sync_file, self._files))
                list(pool.map(_sync_file, self._folders))
            self._files.clear()
            self._folders.clear()


class _Noted(io.BufferedWriter):
    """A file that tells when it is closed."""

    def __init__(self, file: io.RawIOBase, on_close: Callable[[], None]) -> None:
        super().__init__(file, WRITE_BYTES)
        self._on_close = on_close

    def close(self) -> None:
        """Close the file and tell it."""
        if not self.closed:
            super().close()
            self._on_close()


def _sync_file(path: Path) -> None:
    with suppress(FileNotFoundError):
        sync_folder(path)
