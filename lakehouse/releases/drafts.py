"""Drafts: what a release will say of each pinned table; sealed when tagging has made the metadata file to list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.bucket import Bucket
from catalog.digests import FileDigest, total
from catalog.duck import DuckConnection
from catalog.release_document import ReleasedFile, ReleasedTable
from lakehouse.releases.inputs import Progress
from lakehouse.releases.known import Known
from lakehouse.releases.pins import Pin, tag_pin
from lakehouse.releases.snapshot_files import FileHash, SnapshotFiles, digest_data, hash_files, list_files

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table.metadata import TableMetadata


def draft_tables(bucket: Bucket, connection: DuckConnection, pins: Sequence[Pin], known: Known, progress: Progress) -> list[ReleasedTable]:
    """Describe the pinned tables; a table that is as a recent release describes it is taken over from there.

    Raises:
        ReleaseError: a file is missing, a table has delete files or a NaN, or a file's rows aren't as many as its manifest says.
    """
    drafts = [declare(pin) for pin in pins]
    changed = {
        number: list_files(pins[number].snapshot, pins[number].table.io, draft.full_name)
        for number, draft in enumerate(drafts)
        if known.table(draft) is None
    }
    hashes = hash_files(bucket, [path for files in changed.values() for path in files.paths], known, progress)
    for number, files in changed.items():
        digests = digest_data(bucket, connection, pins[number], drafts[number], files, known)
        measured = _measured(drafts[number], pins[number], files, hashes, digests)
        drafts[number] = known.same_content(measured) or measured
    return [known.table(draft) or draft if number not in changed else draft for number, draft in enumerate(drafts)]


def declare(pin: Pin) -> ReleasedTable:
    """Describe a table as declared, without its files and numbers."""
    dataset, schema = pin.dataset, pin.metadata.schema()
    outside = {column.name for column in dataset.columns if not column.is_content}
    fields = sorted(schema.fields, key=lambda field: field.field_id)
    return ReleasedTable(
        stage=dataset.stage,
        name=dataset.name,
        description=dataset.description,
        licence=dataset.licence,
        grain=list(dataset.grain),
        content_columns=[field.name for field in fields if field.name not in outside],
        snapshot_id=str(pin.snapshot.snapshot_id),
        schema_=schema.model_dump(mode="json"),
        partition_spec=pin.metadata.spec().model_dump(mode="json"),
        row_count=0,
        content_digest=FileDigest().hex,
        metadata_file=pin.metadata_file,
        files=[],
    )


def _measured(
    draft: ReleasedTable, pin: Pin, listed: SnapshotFiles, hashes: Mapping[str, FileHash], digests: Mapping[str, FileDigest]
) -> ReleasedTable:
    files = [
        _described(file.file_path, "data", hashes, digests[file.file_path], partition_text(pin.metadata, file)) for file in listed.data
    ]
    files.extend(_described(path, kind, hashes) for path, kind in listed.others.items())
    whole = total(digests.values())
    return draft.model_copy(update={"files": files, "row_count": whole.row_count, "content_digest": whole.hex})


def _described(
    path: str, kind: str, hashes: Mapping[str, FileHash], digest: FileDigest | None = None, partition: str | None = None
) -> ReleasedFile:
    plain: dict[str, object] = {"path": path, "kind": kind, "size_bytes": hashes[path].size_bytes, "sha256": hashes[path].sha256}
    if digest is not None:
        plain |= {"row_count": digest.row_count, "content_digest": digest.hex, "partition": partition}
    return ReleasedFile.model_validate(plain)


def partition_text(metadata: TableMetadata, file: DataFile) -> str:
    """Return a data file's partition as people read it: `2024-01`; several fields are joined by a comma; empty without partitions."""
    spec, schema = metadata.specs()[file.spec_id], metadata.schema()
    return ",".join(
        field.transform.to_human_string(schema.find_field(field.source_id).field_type, file.partition[position])
        for position, field in enumerate(spec.fields)
    )


def seal_table(bucket: Bucket, draft: ReleasedTable, pin: Pin, sequence: int, known: Known) -> ReleasedTable:
    """Tag a draft's snapshot and list the metadata file; a table that was taken over from a recent release has both and stays as it is."""
    if any(file.kind == "metadata" for file in draft.files):
        return draft
    metadata_file = tag_pin(pin, sequence)
    described = _described(metadata_file, "metadata", hash_files(bucket, [metadata_file], known))
    return draft.model_copy(update={"metadata_file": metadata_file, "files": [*draft.files, described]})
