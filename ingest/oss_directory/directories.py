"""A directory as it lies there: a plain folder, a git repository, a bundle or a git URL."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catalog.addresses.remotes import parse_remote
from catalog.errors import SettingsError, SourceFormatError, SourceMissingError
from ingest.git.clones import check_whole, find_repository, head_of, is_remote
from ingest.git.commands import Repository
from ingest.git.fetching import fetch, is_bundle, read_remote_head
from ingest.oss_directory.histories import Change, Version, key_of

_ROOTS = ("data/projects", "data/collections")
_FILE_MODES = (b"100644", b"100755")


@dataclass(frozen=True)
class Identity:
    """What a directory is called, and what tells one state of it from another: its HEAD, or a hash of its files."""

    name: str
    state: str


class Directory(Protocol):
    """A directory that can be read."""

    @property
    def identity(self) -> Identity:
        """Its name and its state."""

    def changes(self) -> list[Change]:
        """Return its commits, oldest first, or its newest state as one."""

    def contents(self, versions: Sequence[Version]) -> Iterator[bytes]:
        """Yield the content of each version."""


class PlainFolder:
    """A folder without git, read whole when it is opened; links are not followed."""

    def __init__(self, path: Path) -> None:
        files = sorted(file for root in _ROOTS for file in (path / root).rglob("*.y*ml"))
        named = {_text(os.fsencode(file.relative_to(path).as_posix())): file for file in files}
        self._files = {name: file.read_bytes() for name, file in named.items() if key_of(name) and file.is_file() and not file.is_symlink()}
        digest = hashlib.sha256()
        for name, content in self._files.items():
            digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        self.identity = Identity(path.resolve().name, digest.hexdigest())

    def changes(self) -> list[Change]:
        """Return the state as one change."""
        return [Change(None, None, {name: name for name in self._files})]

    def contents(self, versions: Sequence[Version]) -> Iterator[bytes]:
        """Yield the content of each version."""
        return (self._files[version.content] for version in versions)


class GitFolder:
    """A git repository, read at its HEAD: what is not committed plays no part."""

    def __init__(self, name: str, repository: Repository, head: str, *, history: bool) -> None:
        self.identity = Identity(name, head)
        self._repository, self._head, self._history = repository, head, history

    def changes(self) -> list[Change]:
        """Return the first-parent line of commits up to HEAD, or HEAD's state as one change without a time."""
        return self._all_changes() if self._history else [self._newest()]

    def contents(self, versions: Sequence[Version]) -> Iterator[bytes]:
        """Yield the content of each version, through one process.

        Raises:
            SourceFormatError: the repository lacks one of them.
        """
        wanted = "".join(f"{version.content}\n" for version in versions).encode()
        with self._repository.stream("cat-file", "--batch", data=wanted) as output:
            for version in versions:
                header = output.readline().split()
                if len(header) != 3 or header[1] != b"blob":
                    raise SourceFormatError(f"{self.identity.name} lacks {version.content}, a version of {version.path}")
                yield output.read(int(header[2]))
                output.read(1)

    def _newest(self) -> Change:
        with self._repository.stream("ls-tree", "-r", "-z", self._head, "--", *_ROOTS) as output:
            lines = output.read().split(b"\0")[:-1]
        listed = [(line.partition(b"\t")[0].split(), line.partition(b"\t")[2]) for line in lines]
        return Change(self._head, None, {_text(path): of[2].decode() for of, path in listed if of[0] in _FILE_MODES})

    def _all_changes(self) -> list[Change]:
        options = ("--raw", "-z", "--no-abbrev", "--no-renames", "--first-parent", "--diff-merges=first-parent")
        arguments = ("-c", "log.showRoot=true", "-c", "log.showSignature=false", "log", *options, "--format=%H %ct")
        with self._repository.stream(*arguments, self._head, "--", *_ROOTS) as output:
            tokens = iter(output.read().split(b"\0")[:-1])
        changes: list[Change] = []
        for token in tokens:
            described = token.removeprefix(b"\n")
            if not described.startswith(b":"):
                commit, seconds = described.decode().split()
                changes.append(Change(commit, int(seconds), {}))
                continue
            _, mode, _, blob, _ = described.split()
            changes[-1].files[_text(next(tokens))] = blob.decode() if mode in _FILE_MODES else None
        return changes[::-1]


def identify_directory(address: str) -> Identity:
    """Return a directory's name and state without fetching or parsing anything.

    Raises:
        SourceMissingError, SourceUnavailableError, SourceFormatError: there is no directory, or it can't be reached.
    """
    if is_remote(address):
        return Identity(name_of(address), read_remote_head(address).sha)
    return _open_folder(address, history=False).identity


@contextmanager
def open_directory(address: str, *, history: bool) -> Iterator[Directory]:
    """Open a directory; what has to be fetched lies in a temporary folder meanwhile.

    Raises:
        SettingsError: the history of a folder without git is asked for.
        SourceMissingError, SourceUnavailableError, SourceFormatError: there is no directory, or it can't be reached.
    """
    if not is_remote(address):
        yield _open_folder(address, history=history)
        return
    with tempfile.TemporaryDirectory(prefix="osslake-directory-") as folder:
        # A bundle is fetched whole: it has no way to leave out history.
        depth = None if history or is_bundle(Path(address)) else 1
        repository = fetch(address, read_remote_head(address), Path(folder) / "directory.git", depth=depth)
        if history:
            check_whole(repository, address)
        yield GitFolder(name_of(address), repository, head_of(repository, address), history=history)


def name_of(address: str) -> str:
    """Return the name of a directory: its remote's URL without credentials, or the last part of its path.

    Raises:
        SourceMissingError, SourceFormatError: the path names no folder.
    """
    if is_remote(address):
        remote = parse_remote(address)
        return remote.url if remote else Path(address.partition("://")[2] or address).resolve().stem
    path = _folder(address)
    repository = find_repository(address) if _is_repository(path) else None
    origin = parse_remote(repository.ask("config", "--get", "remote.origin.url").text) if repository else None
    return origin.url if origin else path.resolve().name


def _open_folder(address: str, *, history: bool) -> Directory:
    path = _folder(address)
    if not _is_repository(path):
        if history:
            raise SettingsError(f"{address} has no git history: leave out --history, or give a clone", address=address)
        return PlainFolder(path)
    repository = find_repository(address)
    if history:
        check_whole(repository, address)
    return GitFolder(name_of(address), repository, head_of(repository, address), history=history)


def _folder(address: str) -> Path:
    path = Path(address)
    if not path.exists():
        raise SourceMissingError(f"there is no folder {address}", address=address)
    if not path.is_dir():
        raise SourceFormatError(f"{address} is neither a folder nor a git bundle", address=address)
    return path


def _is_repository(path: Path) -> bool:
    return (path / ".git").exists() or all((path / name).exists() for name in ("HEAD", "objects", "refs"))


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")
