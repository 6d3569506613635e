"""Git repositories whose every byte depends on their content alone: fixed people, times and settings."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = {bare}\n\tlogallrefupdates = false\n"


@dataclass(frozen=True, slots=True)
class Person:
    """An author or committer at a moment: Unix time and offset from UTC such as +0530."""

    name: str
    address: str
    second: int
    offset: str = "+0000"

    def line(self, role: str) -> str:
        """Return the line of a fast-import stream."""
        return f"{role} {self.name} <{self.address}> {self.second} {self.offset}\n"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit to be made: its mark (from 1), parents' marks, and the files that it writes (None: removes)."""

    mark: int
    branch: str
    author: Person
    committer: Person
    message: str
    parents: Sequence[int] = ()
    files: dict[str, str | None] = field(default_factory=dict)

    def stream(self) -> bytes:
        """Return the commit in git's fast-import format."""
        head = f"commit refs/heads/{self.branch}\nmark :{self.mark}\n"
        head += self.author.line("author") + self.committer.line("committer")
        parts = [head.encode(), _data(self.message)]
        for at, parent in enumerate(self.parents):
            parts.append(f"{'merge' if at else 'from'} :{parent}\n".encode())
        for path, text in sorted(self.files.items()):
            parts.append(f"D {path}\n".encode() if text is None else f"M 100644 inline {path}\n".encode() + _data(text))
        return b"".join(parts) + b"\n"


def _data(text: str) -> bytes:
    content = text.encode()
    return b"data %d\n%s\n" % (len(content), content)


def run_git(folder: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    """Run git in a folder without any of the user's settings; what it printed.

    Raises:
        RuntimeError: git failed; the message is git's own.
    """
    settings = ("-c", "fastimport.unpackLimit=0", "-c", "gc.auto=0", "-c", "core.compression=6", "-c", "pack.threads=1")
    command = ["git", *settings, *arguments]
    done = subprocess.run(command, cwd=folder, env=_environment(), input=stdin, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]} in {folder} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
        "TZ": "UTC",
    }


def make_repository(folder: Path, commits: Iterable[Commit], head: str = "main", remote: str | None = None) -> None:
    """Make a bare repository with the commits, whose HEAD is the branch `head`, as if cloned from `remote`."""
    folder.mkdir(parents=True)
    run_git(folder, "init", "--quiet", "--bare", "--template=", f"--initial-branch={head}", ".")
    _write_config(folder, bare=True, remote=remote)
    run_git(folder, "fast-import", "--quiet", stdin=b"".join(commit.stream() for commit in commits))


def make_work_tree(folder: Path, commits: Iterable[Commit], files: dict[str, str]) -> None:
    """Make a repository with the commits on main and `files`, the newest state, laid out beside .git."""
    make_repository(folder / ".git", commits)
    _write_config(folder / ".git", bare=False, remote=None)
    run_git(folder, "read-tree", "main")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())


def _write_config(git_folder: Path, *, bare: bool, remote: str | None) -> None:
    text = _CONFIG.format(bare=str(bare).lower())
    if remote:
        text += f'[remote "origin"]\n\turl = {remote}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
    (git_folder / "config").write_text(text)
