"""Compaction of raw tables: small data files of one partition become one, with the same rows in the order of the grain.

Published tables have files of whole days already (`lakehouse/stretches.py`), and Trino's own tables are Trino's to compact. Files of loads
that did not end stay alone: the bounds of the load's id tell them from others (`lakehouse/ingest.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.bucket import lake_connection, locate, open_bucket
from catalog.crash import crash_point
from catalog.datasets import Dataset
from catalog.digests import digest_files, total
from catalog.duck import identifier, scan_sql
from catalog.errors import CommitError
from catalog.iceberg import arrow_schema, commit_files, data_files, write_data_file
from catalog.settings import MaintainSettings, Settings
from catalog.snapshots import same_rows

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

BATCH_ROWS = 50_000


def small_groups(table: Table, chosen: MaintainSettings, left_alone: Collection[str]) -> list[list[DataFile]]:
    """Return the groups of data files that are worth to be made one file each."""
    partitions: dict[tuple[object, ...], list[DataFile]] = defaultdict(list)
    for file in data_files(table):
        if file.file_size_in_bytes < chosen.file_bytes / 2 and file.file_path not in left_alone:
            partitions[(file.spec_id, *(file.partition[position] for position in range(len(file.partition))))].append(file)
    groups = [group for files in partitions.values() for group in _packed(files, chosen.file_bytes)]
    return [group for group in groups if len(group) >= chosen.compact_files]


def _packed(files: Sequence[DataFile], most_bytes: int) -> list[list[DataFile]]:
    """Group files, the smallest first, so that no group is too large."""
    groups: list[list[DataFile]] = [[]]
    filled = 0
    for file in sorted(files, key=lambda one: (one.file_size_in_bytes, one.file_path)):
        if filled + file.file_size_in_bytes > most_bytes and groups[-1]:
            groups.append([])
            filled = 0
        groups[-1].append(file)
        filled += file.file_size_in_bytes
    return groups


def compact(settings: Settings, table: Table, dataset: Dataset, groups: Sequence[Sequence[DataFile]]) -> None:
    """Write each group as one file and commit all in one snapshot, once the new files are known to hold the same rows.

    Raises:
        CommitError: rows differ, or another writer was first; nothing is changed.
    """
    added = [_write(settings, table, dataset, group) for group in groups]
    crash_point("maintain.written")
    commit_files(table, added, [file for group in groups for file in group], same_rows(table))


def _write(settings: Settings, table: Table, dataset: Dataset, group: Sequence[DataFile]) -> DataFile:
    bucket = open_bucket(settings)
    old = [locate(bucket, file.file_path) for file in group]
    with lake_connection(settings) as connection:
        file = write_data_file(table, _rows(connection, table, dataset, old))
        new = locate(bucket, file.file_path) if file else ""
        digests = digest_files(connection, [*old, new], table.schema(), dataset.column_names, table=dataset.full_name)
    if file is None or digests.pop(new) != total(digests.values()):
        raise CommitError(f"{dataset.full_name}: compacted files hold other rows than before; nothing was changed", table=dataset.full_name)
    return file


def _rows(connection: object, table: Table, dataset: Dataset, paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
    lists = {column.name for column in dataset.columns if column.type.startswith("list")}
    order = ", ".join(f"{identifier(name)} NULLS LAST" for name in dataset.grain if name not in lists)
    query = f"SELECT * FROM ({scan_sql(paths, table.schema())}) ORDER BY {order}"
    schema = arrow_schema(table)
    for batch in connection.execute(query).to_arrow_reader(BATCH_ROWS):  # type: ignore[attr-defined]
        yield pa.RecordBatch.from_arrays([batch.column(name).cast(schema.field(name).type) for name in schema.names], schema=schema)
