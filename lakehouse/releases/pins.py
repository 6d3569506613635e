"""Pins: which snapshot of each table goes into a release, the metadata that has it as current, and the tag that keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.catalogs import catalog_answers
from catalog.datasets import Dataset
from catalog.errors import CommitError, ReleaseError, StorageError
from catalog.iceberg import COMMIT_ATTEMPTS, commit_files, wait_before_retry
from catalog.release_document import STAGES
from lakehouse.releases.inputs import ReleaseInputs

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.snapshots import Snapshot

TAG_PREFIX = "release-"


@dataclass(frozen=True)
class Pin:
    """A table at the snapshot that is released; `metadata` is the newest whose current snapshot that is."""

    dataset: Dataset
    table: Table
    snapshot: Snapshot
    metadata: TableMetadata
    metadata_file: str


def pin_tables(catalog: Catalog, inputs: ReleaseInputs) -> list[Pin]:
    """Pin the tables, ordered by stage and name.

    Left out are raw tables that no model read and intermediate tables without a snapshot. A mart that never had a row gets
    an empty snapshot, so that readers find it.

    Raises:
        ReleaseError: a mart isn't there, a pinned snapshot is gone, or a table has delete files.
    """
    ordered = sorted(inputs.datasets, key=lambda dataset: (STAGES.index(dataset.stage), dataset.name))
    with catalog_answers("looking up the tables to release"):
        pins = [_pin(catalog, dataset, inputs) for dataset in ordered]
    return [pin for pin in pins if pin is not None]


def _pin(catalog: Catalog, dataset: Dataset, inputs: ReleaseInputs) -> Pin | None:
    if dataset.stage == "raw" and dataset.full_name not in inputs.raw_snapshots:
        return None
    table = _load(catalog, dataset, inputs.places.get(dataset.full_name, dataset.identifier))
    if table is None:
        return None
    if dataset.stage == "raw":
        snapshot_id = inputs.raw_snapshots[dataset.full_name]
        snapshot = table.snapshot_by_id(snapshot_id)
    else:
        if table.current_snapshot() is None and dataset.stage == "marts":
            table = commit_files(table, [])
        snapshot = table.current_snapshot()
        snapshot_id = snapshot.snapshot_id if snapshot else 0
    if snapshot is None and dataset.stage == "raw":
        raise ReleaseError(f"{dataset.full_name} has no snapshot {snapshot_id}, which the models read", table=dataset.full_name)
    if snapshot is None:
        return None
    metadata_file, metadata = _metadata_of(table, snapshot_id)
    return Pin(dataset, table, snapshot, metadata, metadata_file)


def _load(catalog: Catalog, dataset: Dataset, place: tuple[str, str]) -> Table | None:
    from pyiceberg.exceptions import NoSuchTableError

    try:
        return catalog.load_table(place)
    except NoSuchTableError as error:
        if dataset.stage == "intermediate":
            return None
        raise ReleaseError(f"table {dataset.full_name} is to be released and isn't in the catalog", table=dataset.full_name) from error


def _metadata_of(table: Table, snapshot_id: int) -> tuple[str, TableMetadata]:
    """Return the newest metadata file whose current snapshot is this one, and what it says."""
    for location, metadata in _metadata_files(table):
        if metadata.current_snapshot_id == snapshot_id:
            return location, metadata
    name = ".".join(table.name())
    raise ReleaseError(
        f"{name} has moved on from snapshot {snapshot_id}, and its metadata log no longer leads back to it; run again from the models",
        table=name,
        snapshot_id=snapshot_id,
    )


def _metadata_files(table: Table) -> Iterator[tuple[str, TableMetadata]]:
    from pyiceberg.serializers import FromInputFile

    yield table.metadata_location, table.metadata
    for entry in reversed(table.metadata.metadata_log):
        try:
            yield entry.metadata_file, FromInputFile.table_metadata(table.io.new_input(entry.metadata_file))
        except FileNotFoundError:
            return


def tag_pin(pin: Pin, sequence: int) -> str:
    """Tag a pin's snapshot, unless a release has done so, and return the metadata file to list.

    Raises:
        CommitError: other writers were always first.
    """
    from pyiceberg.exceptions import CommitFailedException

    snapshot_id, is_stale = pin.snapshot.snapshot_id, False
    for attempt in range(COMMIT_ATTEMPTS):
        try:
            with catalog_answers(f"the tag on {pin.dataset.full_name}"):
                if is_stale:
                    pin.table.refresh()
                if _is_tagged(pin.table, snapshot_id):
                    return _metadata_of(pin.table, snapshot_id)[0]
                pin.table.manage_snapshots().create_tag(snapshot_id, f"{TAG_PREFIX}{sequence}").commit()
        except (CommitFailedException, StorageError):
            is_stale = True
            wait_before_retry(attempt)
    raise CommitError(
        f"tag {TAG_PREFIX}{sequence} on {pin.dataset.full_name} was refused {COMMIT_ATTEMPTS} times", table=pin.dataset.full_name
    )


def _is_tagged(table: Table, snapshot_id: int) -> bool:
    return any(name.startswith(TAG_PREFIX) and ref.snapshot_id == snapshot_id for name, ref in table.metadata.refs.items())
