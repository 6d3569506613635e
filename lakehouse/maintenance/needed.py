"""What maintenance must leave: what kept releases list, and the raw snapshots that the next transformation compares with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.bucket import Bucket
from catalog.errors import ReleaseError
from catalog.releases import kept_ids, read_latest, read_release
from catalog.settings import Settings
from lakehouse.control import compared_snapshots, needed_snapshots
from lakehouse.engines import open_engine
from lakehouse.releases.pins import TAG_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyiceberg.table import Table


@dataclass(frozen=True)
class Needed:
    """What stays.

    Attributes:
        snapshots: ids of snapshots, of whatever table.
        files: paths that kept releases list.
        compared: the raw snapshot that the next transformation compares with, by table; None after one that was interrupted.
    """

    snapshots: frozenset[int]
    files: frozenset[str]
    compared: dict[str, int] | None


def find_needed(settings: Settings, bucket: Bucket, tables: Sequence[Table]) -> Needed:
    """Read all kept releases, and what the engine remembers.

    Raises:
        ReleaseError: release documents are missing, so that it can't be told what they need.
        VerificationError: a release document isn't what its name says.
    """
    ids, latest = kept_ids(bucket), read_latest(bucket)
    is_tagged = any(name.startswith(TAG_PREFIX) for table in tables for name in table.metadata.refs)
    if (latest is not None and latest.id not in ids) or (is_tagged and not ids):
        raise ReleaseError(
            "tables bear tags of releases whose documents are not in the bucket: put them back before anything is cleaned up"
        )
    listed = [table for identifier in ids for table in read_release(bucket, identifier).tables]
    engine = open_engine(settings)
    compared: dict[str, int] | None = {}
    remembered: set[int] = set()
    if engine.is_built():
        with engine.session() as session:
            compared, remembered = compared_snapshots(session), needed_snapshots(session)
    return Needed(
        frozenset({int(table.snapshot_id) for table in listed} | remembered),
        frozenset({file.path for table in listed for file in table.files}),
        compared,
    )
