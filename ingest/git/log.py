"""Reading commits: one `git log` for all of them, parsed as it comes.

Fields and paths are parted by NUL bytes, which git allows in neither, so names and paths may hold any other byte. After
its fields a commit has, if it changes files, a newline and one `additions TAB deletions TAB path` for each; a renamed
file has an empty path there and two paths after it. The next commit begins with its object id, which has no TAB.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import IO, NamedTuple

from catalog.errors import SourceFormatError
from ingest.git.commands import Repository

CHUNK_BYTES = 1 << 20
_FIELDS = ("%H", "%P", "%an", "%ae", "%at", "%ad", "%cn", "%ce", "%ct", "%cd", "%(trailers:only,unfold)")
_SETTINGS = (
    *("-c", "log.showRoot=true"),
    *("-c", "log.showSignature=false"),
    *("-c", "log.mailmap=false"),
    *("-c", "trailer.separators=:"),
    *("-c", "core.attributesFile=/dev/null"),
    *("-c", "attr.tree=refs/osslake/no-attributes"),
    *("-c", "diff.renameLimit=1000"),
    *("-c", "core.quotePath=false"),
)
_OPTIONS = (
    "--numstat",
    "-z",
    "-M",
    "--diff-merges=first-parent",
    "--diff-algorithm=default",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--submodule=short",
    "--ignore-submodules=none",
    "--no-color",
    "--no-notes",
    "--no-mailmap",
    "--date=raw",
    "--encoding=UTF-8",
    "--format=" + "%x00".join(_FIELDS),
)


class LoggedCommit(NamedTuple):
    """A commit as git prints it: bytes that may be of any encoding; times as digits, and with their offset."""

    files_changed: int
    additions: int
    deletions: int
    sha: bytes
    parents: bytes
    author_name: bytes
    author_address: bytes
    author_time: bytes
    author_date: bytes
    committer_name: bytes
    committer_address: bytes
    committer_time: bytes
    committer_date: bytes
    trailers: bytes


class CommitLog:
    """The commits that `head_sha` reaches and `since_sha` does not, each against its first parent.

    Attributes:
        bytes: how many bytes of git's output were read so far.
    """

    def __init__(self, repository: Repository, head_sha: str, since_sha: str | None = None) -> None:
        self.bytes = 0
        self._repository = repository
        self._wanted = [head_sha] if since_sha is None else [head_sha, f"^{since_sha}"]

    def __iter__(self) -> Iterator[LoggedCommit]:
        """Yield the commits.

        Raises:
            SourceFormatError: git can't read one of them (the repository is damaged), or its output stops short.
        """
        fields: tuple[bytes, ...] = ()
        with self._repository.stream(*_SETTINGS, "log", *_OPTIONS, *self._wanted, "--") as output:
            tokens = self._tokens(output)
            token = next(tokens, None)
            while token is not None:
                fields = (token, *islice(tokens, len(_FIELDS) - 1))
                if len(fields) < len(_FIELDS):
                    break
                token, files, additions, deletions = _read_changes(next(tokens, None), tokens)
                yield LoggedCommit(files, additions, deletions, *fields)
        if 0 < len(fields) < len(_FIELDS):
            raise SourceFormatError(f"git's log ends inside commit {fields[0].decode('ascii', 'replace')[:64]}")

    def _tokens(self, output: IO[bytes]) -> Iterator[bytes]:
        """Yield what stands between NUL bytes."""
        rest = b""
        while chunk := output.read(CHUNK_BYTES):
            self.bytes += len(chunk)
            parts = (rest + chunk).split(b"\0")
            rest = parts.pop()
            yield from parts
        if rest:
            yield rest


def _read_changes(token: bytes | None, tokens: Iterator[bytes]) -> tuple[bytes | None, int, int, int]:
    """Read a commit's changes from its first one; return the token after them, and files, additions and deletions."""
    files = additions = deletions = 0
    if token is None or token[:1] != b"\n":
        return token, 0, 0, 0
    token = token[1:]
    while token is not None and b"\t" in token:
        added, deleted, path = token.split(b"\t", 2)
        files += 1
        if added != b"-":
            additions += int(added)
            deletions += int(deleted)
        if not path:
            next(tokens, None), next(tokens, None)
        token = next(tokens, None)
    return token, files, additions, deletions
