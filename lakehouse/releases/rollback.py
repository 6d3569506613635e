"""Rolling back: a new signed release with an old one's tables. Nothing is deleted, the chain goes on."""

from __future__ import annotations

from datetime import UTC, datetime

from catalog.bucket import Bucket, bucket_key, open_bucket
from catalog.errors import ReleaseError
from catalog.releases import Release, read_release, release_chain
from catalog.settings import Settings
from catalog.signatures import key_id
from lakehouse.releases.inputs import ReleaseOutcome
from lakehouse.releases.publication import check_no_later, point_latest, publish_document, signing_key


def rollback_release(settings: Settings, identifier: str) -> ReleaseOutcome:
    """Make a release whose tables are those of an earlier one; its `restores` names that one.

    The content that is left is not released again while inputs and models stay as they are. The same rollback again does nothing.

    Args:
        settings: of the lake.
        identifier: id, beginning of an id, or sequence number of a kept release before the newest.

    Raises:
        ReleaseError: there is no such release in the chain, it is the newest, or some of its files are gone.
    """
    bucket = open_bucket(settings)
    newest, target = read_release(bucket), read_release(bucket, identifier)
    check_no_later(bucket, newest)
    key = signing_key(settings, newest)
    if newest.document.restores == target.id:
        point_latest(settings, bucket, key, newest)
        return ReleaseOutcome(newest, is_new=False)
    if target.id == newest.id:
        raise ReleaseError(f"release {target.id} is the current one; one before it would be right", id=target.id)
    if all(release.id != target.id for release in release_chain(bucket)):
        raise ReleaseError(f"release {target.id} is not in the chain of the current release {newest.id}", id=target.id)
    _check_files(bucket, target)
    changes = {
        "sequence": newest.sequence + 1,
        "created_at": datetime.now(UTC).replace(microsecond=0),
        "previous": newest.id,
        "restores": target.id,
        "key_id": key_id(key.public_key()),
    }
    return ReleaseOutcome(publish_document(settings, bucket, key, target.document.model_copy(update=changes)), is_new=True)


def _check_files(bucket: Bucket, target: Release) -> None:
    """See that the files of a release are there in their length (their bytes are `verify`'s concern)."""
    for table in target.tables:
        for file in table.files:
            try:
                size = bucket.size(bucket_key(bucket.dataset, file.path))
            except FileNotFoundError as error:
                raise ReleaseError(f"release {target.id} can't be restored: {file.path} is gone", path=file.path) from error
            if size != file.size_bytes:
                raise ReleaseError(
                    f"release {target.id} can't be restored: {file.path} has {size} bytes, listed are {file.size_bytes}", path=file.path
                )
