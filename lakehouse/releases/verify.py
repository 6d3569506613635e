"""Verifying: that a release is what was signed, to the last byte, and that its numbers are those of its rows.

All failures are collected, each with the thing's name. No engine opens a file whose SHA-256 does not hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from catalog.bucket import Bucket, open_bucket
from catalog.errors import OsslakeError, ReleaseError, VerificationError
from catalog.release_checks import check_latest, check_release
from catalog.release_document import Latest
from catalog.releases import LATEST_KEY, Release, check_link, choose_id, document_key, kept_ids, read_latest, read_release, sequence_of
from catalog.settings import Settings
from catalog.signatures import TrustedKeys
from lakehouse.releases.inputs import Progress, no_progress
from lakehouse.releases.keys import trusted_keys
from lakehouse.releases.verify_tables import Failure, verify_tables


@dataclass(frozen=True)
class Verification:
    """What was checked and held: the release, the documents in its chain, and the files of its tables."""

    release: Release
    chain_length: int
    file_count: int
    size_bytes: int
    row_count: int


def verify_release(settings: Settings, identifier: str | None = None, progress: Progress = no_progress) -> Verification:
    """Check `latest.json`, all kept documents with signatures and chain, and one release's files and digests.

    Args:
        settings: of the lake; its own public keys are the trusted ones.
        identifier: id, beginning of an id, or sequence number; None: the newest.
        progress: told of each file that was read.

    Raises:
        VerificationError: something doesn't hold; `values["failures"]` has a `Failure` for each thing.
        ReleaseError: nothing was released, or there is no such release.
        SettingsError: there is no public key to verify with.
    """
    bucket, trusted = open_bucket(settings), trusted_keys(settings)
    failures: list[Failure] = []
    latest = _verify_latest(bucket, trusted, failures)
    chain = _verify_chain(bucket, trusted, latest, failures)
    target = _target(bucket, chain, latest, identifier, failures)
    if target is not None:
        failures.extend(verify_tables(settings, bucket, target, progress))
    if failures or target is None:
        lines = "\n".join(f"  {failure.subject}: {failure.problem}" for failure in failures)
        raise VerificationError(f"{len(failures)} checks failed:\n{lines}", failures=tuple(failures))
    files = [file for table in target.tables for file in table.files]
    rows = sum(table.row_count for table in target.tables)
    return Verification(target, len(chain), len(files), sum(file.size_bytes for file in files), rows)


def _verify_latest(bucket: Bucket, trusted: TrustedKeys, failures: list[Failure]) -> Latest | None:
    try:
        latest = read_latest(bucket)
    except VerificationError as error:
        failures.append(Failure(LATEST_KEY, str(error)))
        return None
    if latest is None:
        if not kept_ids(bucket):
            raise ReleaseError(f"nothing was released yet in {bucket.dataset}; `osslake release create` makes a release")
        failures.append(Failure(LATEST_KEY, "is missing"))
        return None
    _collect(failures, LATEST_KEY, lambda: check_latest(latest, trusted, datetime.now(UTC)))
    if latest.id not in kept_ids(bucket):
        failures.append(Failure(LATEST_KEY, f"names release {latest.id}, whose document is missing"))
    return latest


def _verify_chain(bucket: Bucket, trusted: TrustedKeys, latest: Latest | None, failures: list[Failure]) -> dict[str, Release]:
    """Check each kept document up to the newest, and that each follows the one before; return those that can be read."""
    releases: dict[str, Release] = {}
    before: str | None = None
    for identifier in kept_ids(bucket):
        if latest is not None and sequence_of(identifier) > latest.sequence:
            continue
        release = _verify_document(bucket, trusted, identifier, failures)
        if release is not None:
            releases[identifier] = release
            previous = releases.get(before or "")
            if previous is not None:
                _collect(failures, document_key(identifier), lambda: check_link(release, previous))  # noqa: B023 - called at once
            elif before is not None and release.document.previous != before:
                failures.append(Failure(document_key(identifier), f"does not follow {before} in the chain"))
        before = identifier
    return releases


def _verify_document(bucket: Bucket, trusted: TrustedKeys, identifier: str, failures: list[Failure]) -> Release | None:
    try:
        release = read_release(bucket, identifier)
    except ReleaseError as error:
        failures.append(Failure(document_key(identifier), str(error)))
        return None
    _collect(failures, document_key(identifier), lambda: check_release(bucket, release, trusted))
    return release


def _target(
    bucket: Bucket, chain: dict[str, Release], latest: Latest | None, identifier: str | None, failures: list[Failure]
) -> Release | None:
    """Return the release to look into: the one asked for, else the newest that can be read."""
    if identifier is None:
        return chain.get(latest.id) if latest is not None else next(reversed(chain.values()), None)
    found = choose_id(kept_ids(bucket), identifier)
    if found not in chain and not failures:
        failures.append(Failure(document_key(found), "was never current: it is left from a run that was stopped"))
    return chain.get(found)


def _collect(failures: list[Failure], subject: str, check: Callable[[], object]) -> None:
    try:
        check()
    except OsslakeError as error:
        failures.append(Failure(subject, str(error)))
