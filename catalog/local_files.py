"""Local files of a lake: where a virtual path's bytes lie, and writes that are whole or not there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

ASIDE_SUFFIX = ".part"


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
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
