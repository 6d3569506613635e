"""Checks of releases that need no trust in the host they came from: who signed, and how old the word of the newest is."""

from __future__ import annotations

from datetime import datetime

from catalog.bucket import Bucket
from catalog.canonical import check_canonical, parse_canonical
from catalog.errors import VerificationError
from catalog.release_document import Latest, SignatureDocument
from catalog.releases import LATEST_KEY, Release, bucket_of, document_key, signature_key
from catalog.settings import Settings
from catalog.signatures import TrustedKeys, check_latest_signature, check_signature


def check_release(source: Settings | Bucket, release: Release, trusted: TrustedKeys | None) -> None:
    """Check a release's signature, and that its document is canonical.

    Args:
        source: where the signature lies.
        release: from `read_release`.
        trusted: the publisher's keys by id; None accepts any key, and shows only that the signature fits.

    Raises:
        VerificationError: the document isn't canonical; the signature is missing, does not fit, or is by a key that isn't trusted.
    """
    name = signature_key(release.id)
    try:
        signature = parse_canonical(SignatureDocument, bucket_of(source).read(name), name)
    except FileNotFoundError as error:
        raise VerificationError(f"{name} is missing: the release is not signed", name=name) from error
    check_canonical(release.content, document_key(release.id))
    check_signature(release.content, signature, trusted, name)
    if release.document.key_id != signature.key_id:
        raise VerificationError(f"{name}: signed by key {signature.key_id}, the document names {release.document.key_id}", name=name)


def check_latest(latest: Latest, trusted: TrustedKeys, now: datetime) -> None:
    """Check the signature of `latest.json`, and that it hasn't expired.

    Raises:
        VerificationError: either doesn't hold.
    """
    check_latest_signature(latest, trusted, LATEST_KEY)
    if now > latest.expires_at:
        raise VerificationError(f"{LATEST_KEY} expired at {latest.expires_at}: this copy may be a frozen one", id=latest.id)
