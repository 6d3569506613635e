"""Releases as others read them: the newest, a kept one, their list.

What is read here always has the bytes that its id names; who signed it is told by catalog.release_checks. A release counts
from the moment when `latest.json` names it: the list is the chain of `previous` from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from catalog.bucket import LATEST_KEY, RELEASES_FOLDER, ReadableBucket, open_bucket
from catalog.canonical import canonical_json, parse, parse_canonical
from catalog.errors import ReleaseError, VerificationError
from catalog.release_document import (
    ID_PATTERN,
    Audit,
    Coverage,
    Latest,
    Models,
    ReleasedFile,
    ReleaseDocument,
    ReleasedTable,
    release_id,
)
from catalog.settings import Settings

__all__ = [
    "LATEST_KEY",
    "RELEASES_FOLDER",
    "Audit",
    "Coverage",
    "Latest",
    "Models",
    "ReleaseDocument",
    "ReleasedFile",
    "ReleasedTable",
    "canonical_json",
    "release_id",
]

IDS_SHOWN = 10


@dataclass(frozen=True)
class Release:
    """A document with its id and its very bytes."""

    id: str
    document: ReleaseDocument
    content: bytes

    @property
    def sequence(self) -> int:
        """Its place in the chain, from 1."""
        return self.document.sequence

    @property
    def as_of_date(self) -> date:
        """Last day that metrics speak of."""
        return self.document.as_of_date

    @property
    def created_at(self) -> datetime:
        """When it was made."""
        return self.document.created_at

    @property
    def tables(self) -> list[ReleasedTable]:
        """Its tables, by stage and name."""
        return self.document.tables


def document_key(identifier: str) -> str:
    """Return the key of a release's document.

    Raises:
        ReleaseError: this is no release id.
    """
    return f"{RELEASES_FOLDER}/{_checked(identifier)}.json"


def signature_key(identifier: str) -> str:
    """Return the key of a release's signature."""
    return f"{RELEASES_FOLDER}/{_checked(identifier)}.sig.json"


def sequence_of(identifier: str) -> int:
    """Return the sequence number that a release's id begins with."""
    return int(_checked(identifier).partition("-")[0])


def _checked(identifier: str) -> str:
    if not re.fullmatch(ID_PATTERN, identifier):
        raise ReleaseError(f"{identifier!r} is not a release id, which is <sequence>-<64 hex digits>", id=identifier)
    return identifier


def read_latest(source: Settings | ReadableBucket) -> Latest | None:
    """Return what `latest.json` says; None where nothing was released yet.

    Raises:
        VerificationError: it isn't such a document, or its parts don't fit together.
    """
    try:
        latest = parse_canonical(Latest, bucket_of(source).read(LATEST_KEY), LATEST_KEY)
    except FileNotFoundError:
        return None
    if latest.id != f"{latest.sequence:06d}-{latest.sha256}":
        raise VerificationError(f"{LATEST_KEY}: its id, sequence and sha256 don't fit together", id=latest.id)
    return latest


def read_release(source: Settings | ReadableBucket, identifier: str | None = None) -> Release:
    """Return a release: the newest, or the one with this id; a sequence number or an id's beginning will do.

    Raises:
        ReleaseError: nothing was released, or there is no such release.
        VerificationError: its bytes aren't those that the id names.
    """
    bucket = bucket_of(source)
    if identifier is None:
        latest = read_latest(bucket)
        if latest is None:
            raise ReleaseError(f"nothing was released yet in {bucket.dataset}; `osslake release create` makes a release")
        return _read(bucket, latest.id)
    if re.fullmatch(ID_PATTERN, identifier):
        return _read(bucket, identifier)
    return _read(bucket, _expand(bucket, identifier))


def _expand(bucket: ReadableBucket, asked: str) -> str:
    """Return the id that a sequence number or an id's beginning stands for."""
    latest = read_latest(bucket)
    return choose_id([one for one in kept_ids(bucket) if latest is not None and sequence_of(one) <= latest.sequence], asked)


def is_number(name: str) -> bool:
    """Tell whether a text is meant as a release's sequence number."""
    return re.fullmatch("[0-9]{1,12}", name) is not None


def choose_id(kept: list[str], asked: str) -> str:
    """Return the one of these ids that a sequence number, an id's beginning or an id stands for.

    Raises:
        ReleaseError: none does, or several; the message lists the newest ids.
    """
    if is_number(asked):
        fitting = [one for one in kept if sequence_of(one) == int(asked)]
    else:
        fitting = [one for one in kept if re.match(r"[0-9]{6,}-", asked) and one.startswith(asked)]
    if len(fitting) != 1:
        problem = f"stands for {len(fitting)} releases" if fitting else "is no release of this lake"
        raise ReleaseError(f"{asked!r} {problem}; {_listed(kept)}", id=asked)
    return fitting[0]


def kept_ids(bucket: ReadableBucket) -> list[str]:
    """Return the ids of all documents in the bucket, oldest first; one that `latest.json` never named may be among them."""
    names = [re.fullmatch(rf"{RELEASES_FOLDER}/([0-9]{{6,}}-[0-9a-f]{{64}})\.json", key) for key in bucket.keys(RELEASES_FOLDER)]
    return sorted((found.group(1) for found in names if found), key=lambda one: (sequence_of(one), one))


def _listed(ids: list[str]) -> str:
    return f"kept are {', '.join(one[:19] for one in ids[-IDS_SHOWN:]) or 'none'}; `osslake release list` lists them, a sequence number will do"


def _read(bucket: ReadableBucket, identifier: str) -> Release:
    try:
        content = bucket.read(document_key(identifier))
    except FileNotFoundError as error:
        raise ReleaseError(f"release {identifier} does not exist; {_listed(kept_ids(bucket))}", id=identifier) from error
    return parse_release(identifier, content)


def parse_release(identifier: str, content: bytes) -> Release:
    """Return the release that these bytes are.

    Raises:
        VerificationError: they aren't those that the id names, or no release document.
    """
    name = document_key(identifier)
    actual = release_id(sequence_of(identifier), content)
    if actual != identifier:
        raise VerificationError(f"{name}: the SHA-256 of its bytes is {actual[-64:]}, its name says another", name=name)
    document = parse(ReleaseDocument, content, name)
    if document.sequence != sequence_of(identifier):
        raise VerificationError(f"{name}: the document's own sequence number is {document.sequence}", name=name)
    return Release(identifier, document, content)


def release_chain(source: Settings | ReadableBucket, start: str | None = None) -> Iterator[Release]:
    """Yield releases from the newest (or from `start`) back to the first that is kept, each checked against its successor.

    Raises:
        VerificationError: a document's bytes or its place in the chain don't hold.
    """
    bucket = bucket_of(source)
    latest = read_latest(bucket) if start is None else None
    identifier = latest.id if latest else start
    successor: Release | None = None
    while identifier is not None:
        try:
            release = _read(bucket, identifier)
        except VerificationError:
            raise
        except ReleaseError:
            if successor is None:
                raise
            return
        if successor is not None:
            check_link(successor, release)
        yield release
        successor, identifier = release, release.document.previous


def list_releases(source: Settings | ReadableBucket) -> list[Release]:
    """Return all kept releases, the newest first; empty where nothing was released yet.

    Raises:
        VerificationError: a document's bytes or its place in the chain don't hold.
    """
    return list(release_chain(source))


def check_link(release: Release, previous: Release) -> None:
    """Check that one release directly follows another.

    Raises:
        VerificationError: it doesn't.
    """
    if release.document.previous != previous.id or release.sequence != previous.sequence + 1:
        raise VerificationError(f"release {release.id} does not follow {previous.id} in the chain", id=release.id)
    if release.document.dataset != previous.document.dataset:
        raise VerificationError(f"release {release.id} is of another dataset than {previous.id}", id=release.id)


def bucket_of(source: Settings | ReadableBucket) -> ReadableBucket:
    """Return the bucket of a lake, or the bucket itself."""
    return open_bucket(source) if isinstance(source, Settings) else source
