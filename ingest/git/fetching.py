"""Bringing a remote's HEAD to this machine: what a URL or a bundle offers, and fetching it into a bare repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalog.errors import SourceFormatError, SourceUnavailableError
from ingest.git.commands import Repository, redact, remote_error, run_git

TIMEOUT_S = 60.0
_BUNDLE = b"git bundle"
_BRANCHES = "refs/heads/"
_FETCHED = "refs/osslake/head"
_USUAL_BRANCHES = ("refs/heads/main", "refs/heads/master")


@dataclass(frozen=True)
class RemoteHead:
    """The HEAD that a remote offers.

    Attributes:
        sha: the commit that it leads to.
        branch: short name of the branch that it names; None where the remote doesn't say.
        ref: what to ask for: `HEAD`, or a branch's full name where a bundle has no HEAD.
    """

    sha: str
    branch: str | None
    ref: str = "HEAD"


def is_bundle(file: Path) -> bool:
    """Tell whether a file is a git bundle."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return _BUNDLE in stream.readline(64)


def read_remote_head(address: str, *, timeout_s: float = TIMEOUT_S) -> RemoteHead:
    """Ask a remote (a URL, or a bundle's path) for its HEAD, without fetching anything.

    A bundle without HEAD counts as having its only branch, or else main or master, as HEAD.

    Raises:
        SourceMissingError: the address names nothing that can be read.
        SourceUnavailableError: it does not answer, or not within `timeout_s`.
        SourceFormatError: it has no commits, or its HEAD names a branch that doesn't exist.
    """
    answer = run_git("ls-remote", "--symref", "--", address, timeout_s=timeout_s)
    if answer.code:
        raise remote_error(address, answer)
    branch, shas = None, {}
    for line in answer.text.splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: ") and name == "HEAD":
            branch = value.removeprefix("ref: ")
        elif not value.startswith("ref: "):
            shas[name] = value
    if "HEAD" in shas:
        return RemoteHead(shas["HEAD"], branch.removeprefix(_BRANCHES) if branch else None)
    branches = [name for name in shas if name.startswith(_BRANCHES)]
    chosen = branches if len(branches) == 1 else [name for name in _USUAL_BRANCHES if name in branches]
    if not is_bundle(Path(address)) or not chosen:
        reason = f"its HEAD names none of its {len(branches)} branches" if branches else "it has no commits"
        raise SourceFormatError(f"{redact(address)} can't be read: {reason}", address=redact(address))
    return RemoteHead(shas[chosen[0]], chosen[0].removeprefix(_BRANCHES), chosen[0])


def fetch(address: str, head: RemoteHead, folder: Path, *, depth: int | None = None, silence_s: float = TIMEOUT_S) -> Repository:
    """Fetch a remote's HEAD, with all its history or the newest `depth` commits, into a bare repository.

    The repository is made if need be. A fetch that was cut off leaves it as it was. HTTP transfers that stand still
    for `silence_s` are given up.

    Raises:
        SourceMissingError, SourceUnavailableError, SourceFormatError: as `read_remote_head`.
    """
    repository = Repository(folder.absolute())
    if not (folder / "HEAD").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        made = run_git("init", "--quiet", "--bare", "--", str(folder))
        if made.code:
            raise SourceUnavailableError(f"can't make a repository at {folder}: {made.complaint}")
    settings = ("http.lowSpeedLimit=1", f"http.lowSpeedTime={max(1, round(silence_s))}", "gc.autoDetach=false")
    options = [part for setting in settings for part in ("-c", setting)]
    shallow = () if depth is None else (f"--depth={depth}",)
    wanted = f"+{head.ref}:{_FETCHED}"
    answer = run_git(*options, f"--git-dir={folder.absolute()}", "fetch", "--quiet", "--no-tags", *shallow, "--", address, wanted)
    if answer.code:
        raise remote_error(address, answer)
    repository.text("update-ref", "--no-deref", "HEAD", _FETCHED)
    return repository
