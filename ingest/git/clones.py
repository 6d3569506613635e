"""From an address to a clone that can be read: found on disk or fetched, checked, and its remote named."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from catalog.addresses.remotes import Remote, is_url, parse_remote
from catalog.errors import SettingsError, SourceFormatError, SourceMissingError
from ingest.git.commands import Repository, redact, run_git
from ingest.git.fetching import TIMEOUT_S, fetch, is_bundle, read_remote_head


@dataclass(frozen=True)
class Clone:
    """A repository whose whole history is on this machine.

    Attributes:
        head_sha: commit that HEAD leads to.
        head_ref: short name of the branch that HEAD names; None if it names a commit.
    """

    repository: Repository
    remote: Remote
    head_sha: str
    head_ref: str | None


def identify_repository(address: str, *, repository: str | None = None) -> Remote:
    """Return the remote that a repository's rows bear: `repository`, or the URL, else the clone's `remote.origin.url`.

    Raises:
        SettingsError: none of them is an address with a host.
        SourceMissingError, SourceFormatError: the path is no repository.
    """
    if repository:
        remote = parse_remote(repository)
        if remote is None:
            raise SettingsError(f"--repository {redact(repository)!r} is no address such as https://github.com/owner/name")
        return remote
    origin = address if is_url(address) else _origin(address)
    remote = parse_remote(origin)
    if remote is None:
        raise SettingsError(f"{redact(address)} does not tell which repository it is a clone of: pass --repository https://host/owner/name")
    return remote


def open_clone(
    address: str, *, repository: str | None, cache: Path, known_sha: str | None = None, timeout_s: float = TIMEOUT_S
) -> Clone | None:
    """Open a clone, fetching it first where the address is a URL or a bundle; None if its HEAD is at `known_sha` still.

    Raises:
        SettingsError: its remote isn't known (`identify_repository`).
        SourceMissingError: the address names nothing.
        SourceUnavailableError: the remote doesn't answer.
        SourceFormatError: no repository, no commits, HEAD names no commit, or the clone is shallow or partial.
    """
    remote = identify_repository(address, repository=repository)
    if is_remote(address):
        offered = read_remote_head(address, timeout_s=timeout_s)
        if offered.sha == known_sha:
            return None
        found = fetch(address, offered, cache / _folder_name(remote), silence_s=timeout_s)
        branch = offered.branch
    else:
        found = find_repository(address)
        branch = found.ask("symbolic-ref", "--quiet", "HEAD").text.removeprefix("refs/heads/") or None
    check_whole(found, address)
    head_sha = head_of(found, address)
    return None if head_sha == known_sha else Clone(found, remote, head_sha, branch)


def is_remote(address: str) -> bool:
    """Tell whether an address has to be fetched: a URL, or a bundle."""
    return is_url(address) or is_bundle(Path(address))


def find_repository(address: str) -> Repository:
    """Return the repository at a path: a work tree's top, a bare one or a `.git` folder; none that lies around it.

    Raises:
        SourceMissingError: there is nothing at the path.
        SourceFormatError: what is there is no repository, or one that git refuses.
    """
    path = Path(address)
    if not path.exists():
        raise SourceMissingError(f"there is no folder {address}", address=address)
    if not path.is_dir():
        raise SourceFormatError(f"{address} is neither a git repository nor a git bundle", address=address)
    ceiling = str(path.resolve().parent)
    answer = run_git("rev-parse", "--absolute-git-dir", folder=path, GIT_CEILING_DIRECTORIES=ceiling)
    if answer.code:
        raise SourceFormatError(f"{address} is not a git repository: {answer.complaint}", address=address)
    return Repository(Path(answer.text))


def _origin(address: str) -> str:
    return "" if is_remote(address) else find_repository(address).ask("config", "--get", "remote.origin.url").text


def _folder_name(remote: Remote) -> str:
    """Return the name of a repository's folder in the cache."""
    readable = re.sub(r"[^a-z0-9._-]+", "-", f"{remote.host}-{remote.name}")[:80]
    return f"{readable}-{hashlib.sha256(remote.url.encode()).hexdigest()[:12]}.git"


def check_whole(found: Repository, address: str) -> None:
    """Refuse a clone that lacks a part of its history.

    Raises:
        SourceFormatError: it is shallow or partial.
    """
    if found.text("rev-parse", "--is-shallow-repository") == "true":
        raise SourceFormatError(
            f"{redact(address)} is a shallow clone, so numbers would be wrong: run `git fetch --unshallow` in it",
            address=address,
        )
    if found.ask("config", "--get-regexp", r"^(remote\..*\.promisor|extensions\.partialclone)$").output:
        raise SourceFormatError(
            f"{redact(address)} is a partial clone, whose files are not all there to compare: clone without --filter",
            address=address,
        )


def head_of(found: Repository, address: str) -> str:
    """Return the commit that HEAD leads to.

    Raises:
        SourceFormatError: there are no commits, or HEAD leads to none.
    """
    answer = found.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if answer.code == 0:
        return answer.text
    branches = found.text("for-each-ref", "--count=5", "--format=%(refname:short)", "refs/heads").split()
    names = found.ask("symbolic-ref", "--quiet", "HEAD").text or "a commit that is not there"
    if branches:
        raise SourceFormatError(
            f"HEAD of {redact(address)} names {names}, which has no commits; its branches are {', '.join(branches)}",
            address=address,
        )
    raise SourceFormatError(f"{redact(address)} has no commits", address=address)
