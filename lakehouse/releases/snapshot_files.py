"""The files of a pinned snapshot: which they are, their SHA-256, and the digests of their rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.bucket import Bucket, bucket_key, locate
from catalog.catalogs import catalog_answers
from catalog.digests import FileDigest, digest_files
from catalog.duck import DuckConnection
from catalog.errors import ReleaseError
from catalog.release_document import ReleasedTable
from lakehouse.releases.inputs import Progress, no_progress
from lakehouse.releases.known import Known, digest_basis
from lakehouse.releases.pins import Pin

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import DataFile
    from pyiceberg.table.snapshots import Snapshot


@dataclass(frozen=True)
class FileHash:
    """Size in bytes, and SHA-256 in hex."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class SnapshotFiles:
    """Data files in the order of their paths, and path -> kind of the manifests and the manifest list."""

    data: list[DataFile]
    others: dict[str, str]

    @property
    def paths(self) -> list[str]:
        """All paths."""
        return [file.file_path for file in self.data] + list(self.others)


def list_files(snapshot: Snapshot, io: FileIO, name: str) -> SnapshotFiles:
    """List the files of a snapshot of the table `name`.

    Raises:
        ReleaseError: the table has delete files.
    """
    from pyiceberg.manifest import DataFileContent

    data, others = [], {snapshot.manifest_list: "manifest_list"}
    with catalog_answers(f"reading the manifests of {name}"):
        for manifest in snapshot.manifests(io):
            others[manifest.manifest_path] = "manifest"
            for entry in manifest.fetch_manifest_entry(io):
                if entry.data_file.content != DataFileContent.DATA:
                    raise ReleaseError(f"{name} has delete files; it must be compacted before it is released", table=name)
                entry.data_file.spec_id = manifest.partition_spec_id
                data.append(entry.data_file)
    return SnapshotFiles(sorted(data, key=lambda file: file.file_path), dict(sorted(others.items())))


def hash_files(bucket: Bucket, paths: Sequence[str], known: Known, progress: Progress = no_progress) -> dict[str, FileHash]:
    """Return the hashes of files; only those that no recent release lists are read, on all cores.

    Raises:
        ReleaseError: a file isn't there, or isn't below the bucket.
    """
    hashes = {path: FileHash(known.files[path][0].size_bytes, known.files[path][0].sha256) for path in paths if path in known.files}
    new = [path for path in paths if path not in hashes]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (path, answer) in enumerate(zip(new, pool.map(lambda path: _hash_file(bucket, path), new), strict=True), 1):
            hashes[path] = answer
            progress(done, len(new))
    return hashes


def _hash_file(bucket: Bucket, path: str) -> FileHash:
    try:
        key = bucket_key(bucket.dataset, path)
        return FileHash(bucket.size(key), bucket.sha256(key))
    except FileNotFoundError as error:
        raise ReleaseError(f"{path} is listed by its table and isn't there", path=path) from error
    except ValueError as error:
        raise ReleaseError(f"a release can't list {error}", path=path) from error


def digest_data(
    bucket: Bucket, connection: DuckConnection, pin: Pin, declared: ReleasedTable, files: SnapshotFiles, known: Known
) -> dict[str, FileDigest]:
    """Return path -> digest of the snapshot's data files; those that no recent release lists are read in one query.

    Raises:
        ReleaseError: a NaN, or a file whose rows aren't as many as its manifest says.
    """
    basis = digest_basis(declared)
    digests = {file.file_path: digest for file in files.data if (digest := known.digest(file.file_path, basis))}
    new = {locate(bucket, file.file_path): file for file in files.data if file.file_path not in digests}
    found = digest_files(connection, list(new), pin.metadata.schema(), declared.content_columns, table=declared.full_name)
    for location, digest in found.items():
        file = new[location]
        if digest.row_count != file.record_count:
            raise ReleaseError(
                f"{file.file_path} holds {digest.row_count} rows, its manifest says {file.record_count}", path=file.file_path
            )
        digests[file.file_path] = digest
    return digests
