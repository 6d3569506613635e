"""Files below a table's folder that nothing names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from catalog.bucket import RELEASES_FOLDER, Bucket, StoredObject, bucket_key
from catalog.crash import crash_point
from catalog.errors import StorageError

if TYPE_CHECKING:
    from pyiceberg.table import Table


def list_objects(bucket: Bucket, table: Table) -> list[StoredObject]:
    """Return all objects in a table's folder.

    Raises:
        StorageError: the table doesn't lie in a folder of its own in the lake's bucket.
    """
    location = table.location().rstrip("/")
    try:
        folder = bucket_key(bucket.dataset, location)
    except ValueError as error:
        raise StorageError(f"table {'.'.join(table.name())} lies outside the lake's bucket: {error}") from error
    if folder.split("/")[0] == RELEASES_FOLDER:
        raise StorageError(f"table {'.'.join(table.name())} lies among the release documents, at {location}")
    return bucket.objects(folder)


def find_orphans(
    bucket: Bucket, listed: Mapping[str, Sequence[StoredObject]], kept: Collection[str], before: datetime
) -> dict[str, list[StoredObject]]:
    """Return, by table, the objects last written before a time that aren't kept.

    Args:
        bucket: the lake's.
        listed: the objects of each table's folder, listed before `kept` was gathered.
        kept: paths, of all tables and releases.
        before: what is younger may belong to a load that runs.
    """
    keys = {bucket_key(bucket.dataset, path) for path in kept}
    return {name: [one for one in objects if one.key not in keys and one.modified_at < before] for name, objects in listed.items()}


def delete_objects(bucket: Bucket, objects: Sequence[StoredObject]) -> None:
    """Delete objects; those that are gone already are no error."""
    for one in objects:
        crash_point("maintain.orphan")
        bucket.delete(one.key)
