"""One repository's load: the commits since the last one known, or all of them where history was rewritten."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from catalog.raw_tables import GIT_REPOSITORIES
from catalog.settings import author_key_id
from ingest.git.clones import Clone, open_clone
from ingest.git.fetching import TIMEOUT_S
from ingest.git.log import CommitLog
from ingest.git.people import People
from ingest.git.rows import CommitRows
from ingest.git.tables import load_schema, rejected_table
from ingest.loads import Load, Replaced, load_id


@dataclass(frozen=True)
class KnownRepository:
    """What the lake has of a repository: its row of `raw.git__repositories`.

    Attributes:
        load_id: the row's `_load_id`. The next load's id is made of it, so that a history which comes back to an
            earlier state is a load of its own.
        is_doubtful: whether what the lake has may be more or other than the row says (a later load was cut off, the
            key of the authors' HMAC is another one), so that all is read again.
    """

    head_sha: str
    commit_count: int
    load_id: str
    is_doubtful: bool = False


def read_repository(
    address: str,
    *,
    repository: str | None = None,
    known: KnownRepository | None = None,
    author_key: bytes,
    cache: Path,
    timeout_s: float = TIMEOUT_S,
) -> Load | None:
    """Read the commits that a repository's HEAD reaches, as far as they are not known.

    If the known head is an ancestor of HEAD, the new commits are added. Else, and without `known`, all rows of the
    repository are replaced.

    Args:
        address: path of a clone or a bare repository; or a URL or a bundle, which is fetched into `cache`.
        repository: address of the repository, where the clone doesn't tell it.
        known: what was loaded last, of the repository that `identify_repository` names.
        author_key: key of the HMAC over hashed addresses.
        cache: folder for bare repositories that are fetched.
        timeout_s: longest silence of a remote.

    Returns:
        Rows for git__commits, rejected and git__repositories; None if HEAD is at the known commit.

    Raises:
        SettingsError: the repository's address isn't known.
        SourceMissingError, SourceUnavailableError, SourceFormatError: it can't be read (`open_clone`).
    """
    known_sha = known.head_sha if known and not known.is_doubtful else None
    clone = open_clone(address, repository=repository, cache=cache, known_sha=known_sha, timeout_s=timeout_s)
    if clone is None:
        return None
    base = known if known and not known.is_doubtful and _is_ancestor(clone, known.head_sha) else None
    rows = CommitRows(clone.remote, People(author_key))
    log = CommitLog(clone.repository, clone.head_sha, base.head_sha if base else None)
    for commit in log:
        rows.add(commit)
    return _load(clone, rows, log.bytes, base, known, author_key_id(author_key))


def _is_ancestor(clone: Clone, sha: str) -> bool:
    if clone.repository.ask("cat-file", "-e", f"{sha}^{{commit}}").code:
        return False
    return clone.repository.ask("merge-base", "--is-ancestor", sha, clone.head_sha).code == 0


def _load(clone: Clone, rows: CommitRows, bytes_: int, base: KnownRepository | None, known: KnownRepository | None, key_id: str) -> Load:
    url = frozenset({clone.remote.url})
    replaces = {"git__repositories": Replaced("repository_url", url)}
    if base is None:
        replaces |= {"git__commits": Replaced("repository_url", url), "rejected": Replaced("_source_file", url)}
    commit_count = rows.count + (base.commit_count if base else 0)
    return Load(
        load_id("git", clone.remote.url, known.load_id if known else "", clone.head_sha, key_id),
        "git",
        {
            "git__commits": rows.table(),
            "rejected": rejected_table(rows.rejected),
            "git__repositories": _cursor(clone, commit_count, key_id),
        },
        {"repository_url": clone.remote.url, "head_sha": clone.head_sha},
        replaces,
        bytes=bytes_,
        rejected=Counter(str(row["reason"]) for row in rows.rejected),
        record_tables=frozenset({"git__commits"}),
    )


def _cursor(clone: Clone, commit_count: int, key_id: str) -> pa.Table:
    remote = clone.remote
    row = {
        "repository_url": remote.url,
        "repository_host": remote.host,
        "repository_name": remote.name,
        "head_sha": clone.head_sha,
        "head_ref": clone.head_ref,
        "commit_count": commit_count,
        "author_key_id": key_id,
        "_source_file": remote.url,
        "_source_line": 0,
    }
    return pa.Table.from_pylist([row], schema=load_schema(GIT_REPOSITORIES))
