"""Commits of the clones and the states of the directory, read with git."""

import hashlib
import hmac
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.world.truth.keys import Key, Kind, Person, kind_of_login

DEFAULT_KEY = b"osslake-public-default-key-v1"
_NOREPLY = re.compile(r"(?:(\d+)\+)?([^@+]+)@users\.noreply\.github\.com")


@dataclass(frozen=True, slots=True)
class GitCommit:
    """A commit that HEAD reaches; `second` is the committer's Unix time, `author` not yet led to an account."""

    sha: str
    second: int
    author: Person


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The directory at a commit: the text of each file by its path."""

    second: int
    files: dict[str, str]


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, check=True)
    return done.stdout.decode()


def remote_name(folder: Path) -> str:
    """Return the lower-case owner/name of a clone's remote."""
    url = git(folder, "config", "remote.origin.url").strip().lower()
    return url.removeprefix("https://github.com/").removesuffix(".git")


def read_commits(folder: Path) -> Iterator[GitCommit]:
    """Return the commits that the clone's HEAD reaches."""
    for line in git(folder, "log", "--format=%H %ct %ae", "HEAD").splitlines():
        sha, second, address = line.split(" ", 2)
        yield GitCommit(sha, int(second), author_of(address))


def author_of(address: str) -> Person:
    """Return the account of a noreply address, else a hashed author."""
    noreply = _NOREPLY.fullmatch(address.lower())
    if noreply:
        number, login = noreply.groups()
        key = Key(Kind.ACCOUNT, int(number)) if number else Key(Kind.ACCOUNT_NAME, login)
        return Person(key, kind_of_login(login))
    local, _, domain = address.rpartition("@")
    hashed = local if re.fullmatch("[0-9a-f]{40}", local) else hashlib.sha1(local.encode(), usedforsecurity=False).hexdigest()
    digest = hmac.new(DEFAULT_KEY, f"{hashed}@{domain}".lower().encode(), hashlib.sha256)
    return Person(Key(Kind.AUTHOR, digest.hexdigest()), "unknown")


def read_snapshots(folder: Path) -> Iterator[Snapshot]:
    """Return the states of a repository's YAML files, oldest first."""
    texts: dict[str, str] = {}
    for line in git(folder, "log", "--reverse", "--first-parent", "--format=%H %ct", "HEAD").splitlines():
        sha, second = line.split()
        files = {}
        for entry in git(folder, "ls-tree", "-r", sha, "data").splitlines():
            blob, path = entry.split(" ", 2)[2].split("\t")
            if path.endswith(".yaml"):
                if blob not in texts:
                    texts[blob] = git(folder, "cat-file", "blob", blob)
                files[path] = texts[blob]
        yield Snapshot(int(second), files)
