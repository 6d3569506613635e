"""Verifying a release's tables: files by SHA-256, digests by their rows, Iceberg's metadata by what the document lists."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.bucket import Bucket, bucket_key, lake_connection, locate
from catalog.digests import FileDigest, digest_files, total
from catalog.duck import DuckConnection
from catalog.errors import OsslakeError
from catalog.release_document import ReleasedFile, ReleasedTable
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.releases.inputs import Progress
from lakehouse.releases.snapshot_files import list_files

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata


@dataclass(frozen=True)
class Failure:
    """A thing (a key, a path or a table) and what is wrong with it."""

    subject: str
    problem: str


def verify_tables(settings: Settings, bucket: Bucket, release: Release, progress: Progress) -> list[Failure]:
    """Check the tables of a release; return all that doesn't hold."""
    broken = _broken_files(bucket, [file for table in release.tables for file in table.files], progress)
    failures = list(broken.values())
    with lake_connection(settings) as connection:
        for table in release.tables:
            failures.extend(_check_digests(bucket, connection, table, broken.keys()))
            failures.extend(_check_metadata(bucket, table, broken.keys()))
    return failures


def _broken_files(bucket: Bucket, files: Sequence[ReleasedFile], progress: Progress) -> dict[str, Failure]:
    broken = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (file, problem) in enumerate(zip(files, pool.map(lambda file: _file_problem(bucket, file), files), strict=True), 1):
            if problem:
                broken[file.path] = Failure(file.path, problem)
            progress(done, len(files))
    return broken


def _file_problem(bucket: Bucket, file: ReleasedFile) -> str | None:
    try:
        key = bucket_key(bucket.dataset, file.path)
        size = bucket.size(key)
        if size != file.size_bytes:
            return f"has {size} bytes, the release lists {file.size_bytes}"
        sha256 = bucket.sha256(key)
    except FileNotFoundError:
        return "is missing"
    return None if sha256 == file.sha256 else f"its SHA-256 is {sha256}, the release lists {file.sha256}"


def _check_digests(bucket: Bucket, connection: DuckConnection, table: ReleasedTable, broken: Collection[str]) -> Iterator[Failure]:
    from pyiceberg.schema import Schema

    listed = {file.path: FileDigest(file.row_count or 0, int(file.content_digest or "0", 16)) for file in table.data_files}
    whole = total(listed.values())
    if (whole.row_count, whole.hex) != (table.row_count, table.content_digest):
        yield Failure(table.full_name, "the row counts and digests of its files don't add up to the table's")
    places = {locate(bucket, path): path for path in listed if path not in broken}
    try:
        schema = Schema.model_validate(table.schema_)
        found = digest_files(connection, list(places), schema, table.content_columns, table=table.full_name)
    except (OsslakeError, ValueError) as error:
        yield Failure(table.full_name, str(error))
        return
    for place, digest in found.items():
        path = places[place]
        if digest != listed[path]:
            yield Failure(path, f"its {digest.row_count} rows have digest {digest.hex}, the release lists {listed[path]}")


def _check_metadata(bucket: Bucket, table: ReleasedTable, broken: Collection[str]) -> Iterator[Failure]:
    from pyiceberg.serializers import FromInputFile

    others = {file.path: file.kind for file in table.files if file.kind != "data"}
    if others.get(table.metadata_file) != "metadata":
        yield Failure(table.full_name, f"metadata file {table.metadata_file} is not among its files")
        return
    if any(path in broken for path in others):
        return
    try:
        metadata = FromInputFile.table_metadata(bucket.file_io().new_input(table.metadata_file))
        yield from _compare_metadata(bucket, table, metadata)
    except (OsslakeError, OSError, ValueError) as error:
        yield Failure(table.metadata_file, str(error))


def _compare_metadata(bucket: Bucket, table: ReleasedTable, metadata: TableMetadata) -> Iterator[Failure]:
    snapshot = metadata.current_snapshot()
    if snapshot is None or str(snapshot.snapshot_id) != table.snapshot_id:
        current = snapshot.snapshot_id if snapshot else "none"
        yield Failure(table.metadata_file, f"its current snapshot is {current}, the release lists {table.snapshot_id}")
        return
    if metadata.schema().model_dump(mode="json") != table.schema_:
        yield Failure(table.metadata_file, "its schema is not the one that the release lists")
    if metadata.spec().model_dump(mode="json") != table.partition_spec:
        yield Failure(table.metadata_file, "its partition spec is not the one that the release lists")
    files = list_files(snapshot, bucket.file_io(), table.full_name)
    there = {file.file_path: "data" for file in files.data} | files.others
    listed = {file.path: file.kind for file in table.files if file.kind != "metadata"}
    if there != listed:
        odd = sorted(path for path in there.keys() | listed.keys() if there.get(path) != listed.get(path))
        yield Failure(table.metadata_file, f"the snapshot's files are not those that the release lists: {', '.join(odd[:5])}")
