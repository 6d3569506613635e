"""Small directories, and where the real one lies."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ingest.loads import Load
from ingest.oss_directory import read_directory

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "oss-directory"


class DirectoryWriter:
    """A directory in a folder, with commits if it is told to have some."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)

    def write(self, files: dict[str, str | bytes | None]) -> None:
        """Write files below `data/`, or delete those that are None."""
        for name, content in files.items():
            path = self.folder / "data" / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, seconds: int, files: dict[str, str | bytes | None]) -> str:
        """Write files and commit them at a time; return the commit's id."""
        if not (self.folder / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change", seconds=seconds)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str, seconds: int = 0) -> str:
        """Return what a git command prints."""
        who = ("-c", "user.name=Editor", "-c", "user.email=editor@example.org")
        dates = {"GIT_COMMITTER_DATE": f"@{seconds} +0200", "GIT_AUTHOR_DATE": "@1 +0000"}
        command = ["git", *who, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=os.environ | dates, capture_output=True, check=True, text=True)
        return done.stdout.strip()


def project(name: str, *lines: str) -> str:
    """Return a project's file in version 7 of the schema."""
    return "\n".join(("version: 7", f"name: {name}", f"display_name: {name.title()}", *lines, ""))


def github(*urls: str) -> str:
    """Return the lines of a list of GitHub URLs."""
    return "\n".join(("github:", *(f"  - url: {url}" for url in urls)))


def read(folder: object, *, history: bool = False, known_load_id: str | None = None, position: int = 0) -> Load:
    """Read a directory that has news."""
    load = read_directory(str(folder), position=position, history=history, known_load_id=known_load_id)
    assert load is not None
    return load


def rows(load: Load, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table, named without its source."""
    return load.tables[table if table == "rejected" else f"oss_directory__{table}"].to_pylist()


def real_file(name: str) -> Path:
    """Return a file of the real directory; without it the test is skipped, or fails where CI is set."""
    path = REAL / name
    if not path.is_file():
        reason = f"the real directory {name} is not in ../shared/data/oss-directory"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
