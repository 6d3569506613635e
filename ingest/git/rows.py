"""Commits as rows of `raw.git__commits`, collected in batches; commits whose times can't be are set aside."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa

from catalog.addresses.remotes import Remote
from catalog.raw_tables import GIT_COMMITS, LAST_YEAR
from ingest.git.log import LoggedCommit
from ingest.git.people import People, Person
from ingest.git.tables import load_schema

BATCH_ROWS = 20_000
LAST_SECOND = int(datetime(LAST_YEAR, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
_LONGEST_OFFSET_MINUTES = 24 * 60
_SCHEMA = load_schema(GIT_COMMITS)


class CommitRows:
    """Collects the rows of one repository's commits.

    Attributes:
        rejected: rows for `raw.rejected`.
        count: commits seen, the rejected ones included.
    """

    def __init__(self, remote: Remote, people: People) -> None:
        self.rejected: list[dict[str, Any]] = []
        self.count = 0
        self._remote, self._people = remote, people
        self._rows: list[tuple[Any, ...]] = []
        self._batches: list[pa.RecordBatch] = []

    def add(self, commit: LoggedCommit) -> None:
        """Take a commit, or reject it where one of its times is not one between 1970 and 9998."""
        self.count += 1
        authored, committed = _micros(commit.author_time), _micros(commit.committer_time)
        if authored is None or committed is None:
            self._reject(commit, "authored_at" if authored is None else "committed_at")
            return
        author = self._people.person(commit.author_name, commit.author_address)
        committer = self._people.person(commit.committer_name, commit.committer_address)
        trailers, co_authors = self._people.trailers(commit.trailers)
        self._rows.append(
            (
                *(self._remote.url, self._remote.host, self._remote.name, commit.sha.decode()),
                *(authored, offset_minutes(commit.author_date), committed, offset_minutes(commit.committer_date)),
                *(author.name, author.address, author.key, author.account_id, author.login),
                *(committer.name, committer.address, committer.key, committer.account_id, committer.login),
                *(commit.parents.decode().split(), commit.files_changed, commit.additions, commit.deletions),
                *(co_authors, trailers, self._remote.url, 0),
            )
        )
        if len(self._rows) >= BATCH_ROWS:
            self._flush()

    def table(self) -> pa.Table:
        """Return all rows taken."""
        self._flush()
        return pa.Table.from_batches(self._batches, schema=_SCHEMA)

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
            self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
            self._rows = []

    def _reject(self, commit: LoggedCommit, field: str) -> None:
        time = commit.author_time if field == "authored_at" else commit.committer_time
        shown = time.decode("ascii", "replace")[:40] or "none, or one before 1970"
        self.rejected.append(
            {
                "source": "git",
                "reason": "bad_time",
                "field": field,
                "message": f"{field} of a commit should be seconds from 1970 up to the year {LAST_YEAR}, and is: {shown}",
                "record": self._record(commit),
                "_source_file": self._remote.url,
                "_source_line": 0,
            }
        )

    def _record(self, commit: LoggedCommit) -> str:
        """Return a commit as JSON text, without its message, addresses hashed."""
        author = self._people.person(commit.author_name, commit.author_address)
        committer = self._people.person(commit.committer_name, commit.committer_address)
        record = {
            "sha": commit.sha.decode(),
            "parents": commit.parents.decode().split(),
            "author": _shown(author, commit.author_time, commit.author_date),
            "committer": _shown(committer, commit.committer_time, commit.committer_date),
            "files_changed": commit.files_changed,
            "additions": commit.additions,
            "deletions": commit.deletions,
            "trailers": self._people.trailers(commit.trailers)[0],
        }
        return json.dumps(record, ensure_ascii=False)


@lru_cache(maxsize=4096)
def _offset(offset: bytes) -> int | None:
    try:
        value = int(offset)
    except ValueError:
        return None
    hours, minutes = divmod(abs(value), 100)
    total = (hours * 60 + minutes) * (-1 if value < 0 else 1)
    return total if abs(total) <= _LONGEST_OFFSET_MINUTES else None


def offset_minutes(date: bytes) -> int | None:
    """Return the offset in minutes of a raw date such as `1691345216 -0330`; None if it has none within a day."""
    return _offset(date.rpartition(b" ")[2]) if b" " in date else None


def _micros(seconds: bytes) -> int | None:
    """Return microseconds since 1970 for digits of seconds; None where they are none or lie beyond the year 9998."""
    if not seconds.isdigit() or len(seconds) > 15:
        return None
    value = int(seconds)
    return value * 1_000_000 if value <= LAST_SECOND else None


def _shown(person: Person, seconds: bytes, date: bytes) -> dict[str, str | None]:
    return {
        "name": person.name,
        "address": person.address,
        "seconds": seconds.decode("ascii", "replace"),
        "date": date.decode("ascii", "replace"),
    }
