"""Starting the `git` command line: the only place that does so.

Every call gets an environment in which neither the caller's repository (a hook's `GIT_DIR`), nor replace refs, grafts
or attributes of a work tree can change what is read, and in which git never asks a question.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from catalog.errors import SettingsError, SourceError, SourceFormatError, SourceMissingError, SourceUnavailableError

_OF_THE_CALLER = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
_OURS = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_CREDENTIALS = re.compile(r"://[^/@\s]+@")
_ABSENT = re.compile(
    r"does not exist|not found|no such file|does not appear to be a git repository|could not read (username|password)"
    r"|error: 4(0[134]|10)|permission denied|authentication failed|access denied",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"could not resolve|connect|timed? ?out|early eof|hung up|error: (408|429|5\d\d)|network|ssl|tls|too slow"
    r"|rpc failed|broken pipe",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Answer:
    """What a git command gave back."""

    code: int
    output: bytes
    complaint: str

    @property
    def text(self) -> str:
        """The output as text, without the last newline."""
        return self.output.decode("utf-8", "replace").rstrip("\n")


def redact(text: str) -> str:
    """Return text with user names and passwords in URLs left out."""
    return _CREDENTIALS.sub("://", text)


def run_git(*arguments: str, folder: Path | None = None, timeout_s: float | None = None, **environment: str) -> Answer:
    """Run a git command to its end, whatever its exit code.

    Raises:
        SettingsError: there is no `git` command.
        SourceUnavailableError: it took longer than `timeout_s`.
    """
    try:
        process = subprocess.Popen(
            ["git", *arguments],
            cwd=folder,
            env=_environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise SettingsError("the git source needs the command `git`, and it is not on PATH") from error
    try:
        output, complaint = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        _kill_with_children(process)
        command = redact(" ".join(arguments))
        raise SourceUnavailableError(f"`git {command}` did not end within {timeout_s:g} s") from error
    except BaseException:
        _kill_with_children(process)
        raise
    return Answer(process.returncode, output, redact(complaint.decode("utf-8", "replace").strip()))


def remote_error(address: str, answer: Answer) -> SourceError:
    """Return the error of ours that fits what git says of a remote that it could not read."""
    reason = " / ".join(answer.complaint.splitlines()[:3]) or "it gave no reason"
    message = f"git could not read {redact(address)}: {reason}"
    if _ABSENT.search(answer.complaint):
        return SourceMissingError(f"{message} (no such repository, or it needs credentials)", address=redact(address))
    if _AWAY.search(answer.complaint):
        return SourceUnavailableError(message, address=redact(address))
    return SourceFormatError(message, address=redact(address))


@dataclass(frozen=True)
class Repository:
    """A repository on disk, read without its work tree.

    Attributes:
        git_dir: absolute path of the folder with its objects and refs.
    """

    git_dir: Path

    def ask(self, *arguments: str) -> Answer:
        """Run a git command on the repository, whatever its exit code."""
        return run_git(f"--git-dir={self.git_dir}", *arguments)

    def text(self, *arguments: str) -> str:
        """Return what a git command prints.

        Raises:
            SourceFormatError: the command failed.
        """
        answer = self.ask(*arguments)
        if answer.code:
            raise self._failure(arguments, answer.complaint)
        return answer.text

    @contextmanager
    def stream(self, *arguments: str, data: bytes = b"") -> Iterator[IO[bytes]]:
        """Run a git command whose output is read while it runs, with `data` on its standard input.

        Its current folder is an empty one, given as the work tree, so that attributes in files play no part.

        Raises:
            SourceFormatError: the command failed, told when all its output has been read.
        """
        with (
            tempfile.TemporaryDirectory(prefix="osslake-git-") as empty,
            tempfile.TemporaryFile() as questions,
            tempfile.TemporaryFile() as complaints,
        ):
            questions.write(data)
            questions.seek(0)
            process = subprocess.Popen(
                ["git", f"--git-dir={self.git_dir}", f"--work-tree={empty}", *arguments],
                cwd=empty,
                env=_environment(GIT_INDEX_FILE=f"{empty}/index", GIT_GRAFT_FILE=f"{empty}/grafts"),
                stdin=questions,
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
            try:
                assert process.stdout is not None  # noqa: S101 - a pipe was asked for
                yield process.stdout
            except BaseException:
                process.kill()
                raise
            finally:
                process.communicate()
            complaints.seek(0)
            if process.returncode:
                raise self._failure(arguments, redact(complaints.read().decode("utf-8", "replace").strip()))

    def _failure(self, arguments: tuple[str, ...], complaint: str) -> SourceFormatError:
        command = next(argument for argument in arguments if argument != "-c" and "=" not in argument)
        return SourceFormatError(f"`git {command}` failed in {self.git_dir}: {complaint}", repository=str(self.git_dir))


def _environment(**more: str) -> dict[str, str]:
    """Return this process's environment (proxies, ssh agents) without what points at another repository."""
    return {name: value for name, value in os.environ.items() if name not in _OF_THE_CALLER} | _OURS | more


def _kill_with_children(process: subprocess.Popen[bytes]) -> None:
    """End a git process and its helpers, which would go on waiting for a silent remote."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
