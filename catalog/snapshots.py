"""What the snapshots of an Iceberg table hold on to, and commits that leave its rows as they are.

Maintenance says in a snapshot's summary (`osslake.same-rows-as`) which snapshot's rows it lays out anew, so that nobody takes it for news.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from catalog.catalogs import catalog_answers
from catalog.errors import CommitError
from catalog.iceberg import TABLE_PROPERTIES

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

SAME_ROWS_PROPERTY = "osslake.same-rows-as"
_MERGE_PROPERTY = "commit.manifest.min-count-to-merge"


def load_tables(catalog: Catalog) -> list[Table]:
    """Return all tables of a catalog, by namespace and name.

    Raises:
        StorageError: catalog or object store did not answer.
    """
    with catalog_answers("listing the catalog's tables"):
        names = sorted(name for space in catalog.list_namespaces() for name in catalog.list_tables(space))
        return [catalog.load_table(name) for name in names]


def content_snapshot_id(table: Table, snapshot_id: int | None = None) -> int | None:
    """Return the snapshot that brought the rows of a snapshot (default: the current one), whatever maintenance did since.

    None for a table without snapshots; a snapshot that is gone stands for itself.
    """
    snapshot = table.current_snapshot() if snapshot_id is None else table.snapshot_by_id(snapshot_id)
    if snapshot is None:
        return snapshot_id
    told = snapshot.summary.additional_properties.get(SAME_ROWS_PROPERTY) if snapshot.summary else None
    return int(told) if told else snapshot.snapshot_id


def same_rows(table: Table) -> dict[str, str]:
    """Return the summary of a snapshot that is to have the current one's rows."""
    return {SAME_ROWS_PROPERTY: str(content_snapshot_id(table))}


def superseded_snapshots(table: Table, before: datetime, *, newest_kept: int) -> list[int]:
    """Return the snapshots that neither a branch nor a tag names and that were followed by another before a time, but for the newest."""
    named = {ref.snapshot_id for ref in table.metadata.refs.values()}
    ordered = sorted(table.metadata.snapshots, key=lambda snapshot: (snapshot.timestamp_ms, snapshot.sequence_number or 0))
    limit_ms = before.timestamp() * 1000
    old = [one.snapshot_id for one, following in pairwise(ordered) if following.timestamp_ms <= limit_ms]
    newest = {snapshot.snapshot_id for snapshot in ordered[-newest_kept:]}
    return [one for one in old if one not in named | newest]


def expire_snapshots(table: Table, snapshot_ids: Collection[int]) -> None:
    """Take snapshots out of a table's metadata; no file is deleted.

    Raises:
        CommitError: another writer was first.
        StorageError: there was no answer.
    """
    with _refusals(table, "the expiry of snapshots"):
        table.maintenance.expire_snapshots().by_ids(sorted(snapshot_ids)).commit()


def count_manifests(table: Table) -> int:
    """Return how many manifests the current snapshot has."""
    snapshot = table.current_snapshot()
    return len(snapshot.manifests(table.io)) if snapshot else 0


def merge_manifests(table: Table) -> None:
    """Write the current snapshot's manifests as one of 8 MB, or as few as that takes, in a snapshot with the same rows.

    Raises:
        CommitError: another writer was first.
        StorageError: there was no answer.
    """
    usual = table.properties.get(_MERGE_PROPERTY, TABLE_PROPERTIES[_MERGE_PROPERTY])
    with _refusals(table, "the merging of manifests"), table.transaction() as transaction:
        transaction.set_properties({_MERGE_PROPERTY: "2"})
        with transaction.update_snapshot(snapshot_properties=same_rows(table)).merge_append():
            pass
        transaction.set_properties({_MERGE_PROPERTY: usual})


@contextmanager
def _refusals(table: Table, what: str) -> Iterator[None]:
    from pyiceberg.exceptions import CommitFailedException

    name = ".".join(table.name())
    try:
        with catalog_answers(f"{what} of {name}"):
            yield
    except CommitFailedException as error:
        raise CommitError(f"{what} of {name} was refused: {error}; run again", table=name) from error


def kept_paths(table: Table, expired: Collection[int] = ()) -> set[str]:
    """Return the paths that a table leads to: its metadata files, statistics, and all files of its snapshots but the expired ones.

    Raises:
        StorageError: a manifest can't be read.
    """
    metadata = table.metadata
    paths = {table.metadata_location, *(entry.metadata_file for entry in metadata.metadata_log)}
    paths |= {one.statistics_path for one in (*metadata.statistics, *metadata.partition_statistics)}
    with catalog_answers(f"reading the manifests of {'.'.join(table.name())}"):
        for snapshot in metadata.snapshots:
            if snapshot.snapshot_id in expired:
                continue
            paths.add(snapshot.manifest_list)
            for manifest in snapshot.manifests(table.io):
                if manifest.manifest_path not in paths:
                    paths.add(manifest.manifest_path)
                    paths |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io)}
    return paths
