"""A released table's Iceberg metadata written once more, with other addresses: for engines that don't follow the logical bucket's `s3://` paths.

The data files stay where they are, and as they are. Metadata file, manifest list and manifest are small, and name one snapshot only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pyiceberg.io import FileIO
from pyiceberg.manifest import ManifestEntry, ManifestFile, write_manifest, write_manifest_list
from pyiceberg.serializers import FromInputFile, ToOutputFile
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from catalog.bucket import Bucket
from catalog.release_document import ReleasedTable

Address = Callable[[str], str]
_CODEC: Literal["deflate"] = "deflate"
_FORMAT_VERSION: Literal[2] = 2
_PATH_OF_MANIFEST, _PATH_OF_DATA = 0, 1
"""Places of the path in Iceberg's records of a manifest and of a data file."""


def relocate_metadata(bucket: Bucket, table: ReleasedTable, folder: str, address: Address) -> str:
    """Write the metadata of a released table below a folder of the bucket, and return the key of its metadata file.

    Args:
        bucket: the lake's.
        table: as the release lists it.
        folder: key of the folder, for this table and release alone.
        address: gives a path's address elsewhere.
    """
    io, place = bucket.file_io(), f"s3://{bucket.dataset}/{folder}"
    metadata = FromInputFile.table_metadata(io.new_input(table.metadata_file))
    snapshot = next(one for one in metadata.snapshots if one.snapshot_id == int(table.snapshot_id))
    manifests = _write_manifests(io, metadata, snapshot, place, address)
    manifest_list = f"{place}/snapshot.avro"
    listing = write_manifest_list(
        _FORMAT_VERSION, io.new_output(manifest_list), snapshot.snapshot_id, None, snapshot.sequence_number, avro_compression=_CODEC
    )
    with listing as writer:
        writer.add_manifests(manifests)
    moved = snapshot.model_copy(update={"manifest_list": address(manifest_list), "parent_snapshot_id": None})
    changed = {"location": address(metadata.location), "snapshots": [moved], "metadata_log": [], "snapshot_log": [], "statistics": []}
    refs = {name: ref for name, ref in metadata.refs.items() if name == "main"}
    told = metadata.model_copy(update=changed | {"current_snapshot_id": snapshot.snapshot_id, "refs": refs})
    ToOutputFile.table_metadata(told, io.new_output(f"{place}/v1.metadata.json"), overwrite=True)
    return f"{folder}/v1.metadata.json"


def _write_manifests(io: FileIO, metadata: TableMetadata, snapshot: Snapshot, place: str, address: Address) -> list[ManifestFile]:
    written = []
    for number, manifest in enumerate(snapshot.manifests(io)):
        entries = manifest.fetch_manifest_entry(io, discard_deleted=True)
        if not entries:
            continue
        output = io.new_output(f"{place}/manifest-{number}.avro")
        spec = metadata.specs()[manifest.partition_spec_id]
        with write_manifest(_FORMAT_VERSION, spec, metadata.schema(), output, snapshot.snapshot_id, _CODEC) as writer:
            for entry in entries:
                writer.existing(_moved(entry, address))
        told = writer.to_manifest_file()
        told[_PATH_OF_MANIFEST] = address(told.manifest_path)
        written.append(told)
    return written


def _moved(entry: ManifestEntry, address: Address) -> ManifestEntry:
    entry.data_file[_PATH_OF_DATA] = address(entry.data_file.file_path)
    return entry
