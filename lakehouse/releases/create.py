"""Creating a release from tables that passed their audits (protocol 3 of the architecture)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from catalog.bucket import Bucket, lake_connection, open_bucket
from catalog.crash import crash_point
from catalog.release_document import Models, ReleaseDocument, ReleasedTable
from catalog.releases import Release, read_latest, read_release, release_chain
from catalog.settings import Settings
from catalog.signatures import key_id
from lakehouse.releases.drafts import draft_tables, seal_table
from lakehouse.releases.inputs import Progress, ReleaseInputs, ReleaseOutcome, no_progress
from lakehouse.releases.known import Known, known_from
from lakehouse.releases.news import is_same_news, origin, rolled_back_from
from lakehouse.releases.pins import Pin, pin_tables
from lakehouse.releases.publication import check_no_later, point_latest, publish_document, signing_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from pyiceberg.catalog import Catalog

RECENT_RELEASES = 5


def create_release(settings: Settings, catalog: Catalog, inputs: ReleaseInputs, progress: Progress = no_progress) -> ReleaseOutcome:
    """Release the tables as they are, or answer with the newest release if nothing is news, or what was rolled back from.

    The caller holds the lake's lock. Killed anywhere, readers see the release before, and a run again completes.

    Args:
        settings: of the lake.
        catalog: the lake's Iceberg catalog.
        inputs: what is released, and what it was made from.
        progress: told of each file that was hashed.

    Raises:
        ReleaseError: a table can't be released.
        SettingsError: the key that signed the releases before is gone.
    """
    bucket = open_bucket(settings)
    recent = recent_releases(bucket)
    newest = recent[0] if recent else None
    check_no_later(bucket, newest)
    key = signing_key(settings, newest)
    pins, known = pin_tables(catalog, inputs), known_from(recent, inputs.digests)
    document = _document(settings, inputs, key, newest, _drafts(settings, bucket, pins, known, progress))
    if newest is not None:
        is_same = is_same_news(newest.document, document)
        held_back = None if is_same else rolled_back_from(release_chain(bucket), origin(document))
        if is_same or held_back:
            point_latest(settings, bucket, key, newest)
            return ReleaseOutcome(newest, is_new=False, held_back=held_back)
    sealed = [seal_table(bucket, draft, pin, document.sequence, known) for pin, draft in zip(pins, document.tables, strict=True)]
    crash_point("release.tagged")
    return ReleaseOutcome(publish_document(settings, bucket, key, document.model_copy(update={"tables": sealed})), is_new=True)


def sign_again(settings: Settings) -> ReleaseOutcome:
    """Sign `latest.json` anew for the current release, which stays as it is.

    Raises:
        ReleaseError: nothing was released yet.
    """
    bucket = open_bucket(settings)
    newest = read_release(bucket)
    point_latest(settings, bucket, signing_key(settings, newest), newest)
    return ReleaseOutcome(newest, is_new=False)


def recent_releases(bucket: Bucket) -> list[Release]:
    """Return the newest releases, the newest first; empty where nothing was released yet."""
    return list(islice(release_chain(bucket), RECENT_RELEASES)) if read_latest(bucket) else []


def _drafts(settings: Settings, bucket: Bucket, pins: Sequence[Pin], known: Known, progress: Progress) -> list[ReleasedTable]:
    with lake_connection(settings) as connection:
        drafts = draft_tables(bucket, connection, pins, known, progress)
    crash_point("release.hashed")
    return drafts


def _document(
    settings: Settings, inputs: ReleaseInputs, key: Ed25519PrivateKey, newest: Release | None, tables: list[ReleasedTable]
) -> ReleaseDocument:
    return ReleaseDocument(
        format_version=1,
        dataset=settings.dataset,
        sequence=newest.sequence + 1 if newest else 1,
        created_at=datetime.now(UTC),
        as_of_date=inputs.as_of_date,
        previous=newest.id if newest else None,
        restores=None,
        key_id=key_id(key.public_key()),
        author_key_id=settings.author_key_id,
        tables=tables,
        inputs={name: str(snapshot) for name, snapshot in inputs.raw_snapshots.items()},
        models=Models(git_commit=inputs.git_commit, sources=dict(inputs.model_sources)),
        coverage=sorted(inputs.coverage, key=lambda one: one.source),
        audits=sorted(inputs.audits, key=lambda one: (one.model, one.audit)),
    )
