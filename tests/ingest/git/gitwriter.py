"""Small repositories, made commit by commit."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

JANE = b"Jane Doe <jane.doe@Example.org> 1600000000 +0530"


class Writer:
    """A bare repository that is written to through git's plumbing, so that any bytes can be in it."""

    def __init__(self, folder: Path, origin: str | None = "https://github.com/Owner/Name.git") -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--bare", "--initial-branch=main")
        if origin:
            self.git("config", "remote.origin.url", origin)

    def git(self, *arguments: str, data: bytes = b"") -> str:
        """Return what a git command prints."""
        done = subprocess.run(["git", *arguments], cwd=self.folder, input=data, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def commit(
        self,
        files: Mapping[bytes, bytes] | None = None,
        *,
        message: bytes = b"A change\n",
        author: bytes = JANE,
        committer: bytes = JANE,
        branch: str = "main",
        merged: str | None = None,
        deleted: tuple[bytes, ...] = (),
        encoding: bytes | None = None,
    ) -> str:
        """Add a commit to a branch and return its id."""
        head = b"encoding %b\n" % encoding if encoding else b""
        merge = f"merge {merged}\n".encode() if merged else b""
        started = self.git("for-each-ref", f"refs/heads/{branch}")
        parent = f"from refs/heads/{branch}^0\n".encode() if started else b""
        stream = b"commit refs/heads/%b\nauthor %b\ncommitter %b\n%b" % (branch.encode(), author, committer, head)
        stream += b"data %d\n%b\n%b%b" % (len(message), message, parent, merge)
        for path in deleted:
            stream += b"D %b\n" % path
        for path, content in (files or {}).items():
            stream += b'M 100644 inline "%b"\ndata %d\n%b\n' % (path, len(content), content)
        self.git("fast-import", "--quiet", "--force", "--date-format=raw-permissive", data=stream)
        return self.git("rev-parse", f"refs/heads/{branch}")

    def commit_raw(self, author: bytes, committer: bytes, message: bytes = b"Raw\n") -> str:
        """Add a commit to main whose author and committer lines git itself would not write, and return its id."""
        parent, tree = self.git("rev-parse", "main"), self.git("rev-parse", "main^{tree}")
        people = b"author %b\ncommitter %b\n\n%b" % (author, committer, message)
        text = f"tree {tree}\nparent {parent}\n".encode() + people
        sha = self.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", data=text)
        self.git("update-ref", "refs/heads/main", sha)
        return sha
