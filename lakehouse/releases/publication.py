"""Making a release count: signature and document first, `latest.json` last; a kill in between is invisible to readers.

Both happen while nobody else can take the lake, and `latest.json` is replaced only where it is still what this run has seen: a run that
stood still in between for so long that another took over changes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.bucket import Bucket
from catalog.canonical import canonical_json
from catalog.crash import crash_point
from catalog.errors import LakeBusyError, ReleaseError, VerificationError
from catalog.release_document import Latest, ReleaseDocument, release_id
from catalog.releases import (
    LATEST_KEY,
    RELEASES_FOLDER,
    Release,
    document_key,
    kept_ids,
    parse_release,
    read_latest,
    sequence_of,
    signature_key,
)
from catalog.settings import Settings
from catalog.signatures import key_id, sign, sign_latest
from lakehouse.lock import held
from lakehouse.releases.keys import load_key, load_or_create_key


def signing_key(settings: Settings, newest: Release | None) -> Ed25519PrivateKey:
    """Return the key that signs; it is made where nothing was released yet, and never silently after that.

    Raises:
        SettingsError: there are releases and the key isn't there.
    """
    return load_or_create_key(settings.signing_key) if newest is None else load_key(settings.signing_key)


def publish_document(settings: Settings, bucket: Bucket, key: Ed25519PrivateKey, document: ReleaseDocument) -> Release:
    """Write a document, its signature, and `latest.json`.

    A document with this sequence number that was never current is left from a run that was killed: it is made current if it says
    the same, and removed else.

    Raises:
        LakeBusyError: another run has the lake, or has released meanwhile; nothing is changed.
    """
    with held(settings).fenced():
        release = _unfinished(bucket, document) or _release_of(document)
        etag = _expected_tag(bucket, release)
        bucket.write(signature_key(release.id), canonical_json(sign(key, release.content)))
        bucket.write(document_key(release.id), release.content)
        crash_point("release.written")
        _move_latest(settings, bucket, key, release, etag)
    return release


def point_latest(settings: Settings, bucket: Bucket, key: Ed25519PrivateKey, release: Release) -> None:
    """Say, signed anew and with a new term, that this release is the current one.

    Raises:
        LakeBusyError: another run has the lake, or has released meanwhile; nothing is changed.
    """
    with held(settings).fenced():
        _move_latest(settings, bucket, key, release, _expected_tag(bucket, release))


def _expected_tag(bucket: Bucket, release: Release) -> str | None:
    """Return the tag of the `latest.json` that a release follows, or that names it already; None where there is none."""
    try:
        etag: str | None = bucket.state(LATEST_KEY).etag
    except FileNotFoundError:
        etag = None
    current = read_latest(bucket)
    if (current.id if current else None) not in (release.id, release.document.previous):
        raise _overtaken(release)
    return etag


def _overtaken(release: Release) -> LakeBusyError:
    return LakeBusyError(f"another run has released since this one began, so {release.id} does not become current; run again")


def _move_latest(settings: Settings, bucket: Bucket, key: Ed25519PrivateKey, release: Release, etag: str | None) -> None:
    """Replace the `latest.json` of this tag; then remove what was to be this release and never was current."""
    now = datetime.now(UTC)
    latest = Latest(
        format_version=1,
        sequence=release.sequence,
        sha256=release.id.partition("-")[2],
        id=release.id,
        signed_at=now,
        expires_at=now + timedelta(days=settings.release.expires_after_days),
        key_id=key_id(key.public_key()),
        signature="",
    )
    if not bucket.replace(LATEST_KEY, canonical_json(sign_latest(key, latest)), etag):
        raise _overtaken(release)
    crash_point("release.latest")
    _remove_others(bucket, release)


def _release_of(document: ReleaseDocument) -> Release:
    content = canonical_json(document)
    return Release(release_id(document.sequence, content), document, content)


def check_no_later(bucket: Bucket, newest: Release | None) -> None:
    """See that no documents are newer than the one in preparation: else `latest.json` is an old copy, or was lost.

    Raises:
        ReleaseError: there are; going on would fork the chain.
    """
    following = newest.sequence + 1 if newest else 1
    later = [one for one in kept_ids(bucket) if sequence_of(one) > following]
    if later:
        current = newest.id if newest else "nothing"
        raise ReleaseError(
            f"{LATEST_KEY} names {current}, though there is a release {later[-1]}: put back the {LATEST_KEY} that was lost", id=later[-1]
        )


def _unfinished(bucket: Bucket, document: ReleaseDocument) -> Release | None:
    """Find an unfinished release that says what `document` says, all but times."""
    unfinished = [_parsed(bucket, one) for one in kept_ids(bucket) if sequence_of(one) == document.sequence]
    return next((one for one in unfinished if one is not None and _timeless(one.document) == _timeless(document)), None)


def _remove_others(bucket: Bucket, release: Release) -> None:
    """Remove what unfinished releases of the same number left, now that `latest.json` can't come to name them any more."""
    wanted = {document_key(release.id), signature_key(release.id)}
    for key in bucket.keys(RELEASES_FOLDER):
        if key.startswith(f"{RELEASES_FOLDER}/{release.sequence:06d}-") and key not in wanted:
            bucket.delete(key)


def _parsed(bucket: Bucket, identifier: str) -> Release | None:
    try:
        return parse_release(identifier, bucket.read(document_key(identifier)))
    except VerificationError:
        return None


def _timeless(document: ReleaseDocument) -> ReleaseDocument:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    audits = [audit.model_copy(update={"checked_at": epoch}) for audit in document.audits]
    return document.model_copy(update={"created_at": epoch, "audits": audits})
