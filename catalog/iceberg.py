"""The Iceberg side of a lake: opening the catalog, creating declared tables, writing data files, committing them once.

This module owns PyIceberg on the writing side. Commits are of whole data files (these come, those go), so nothing is ever
scanned to be deleted and no delete files arise.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.bucket import BUCKET_PROPERTY
from catalog.catalogs import catalog_answers
from catalog.datasets import Dataset
from catalog.errors import CommitError, SettingsError

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.io import OutputStream
    from pyiceberg.manifest import DataFile
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table
    from pyiceberg.types import IcebergType, PrimitiveType

LOAD_ID_PROPERTY = "osslake.load-id"
RECENT_LOADS_PROPERTY = "osslake.recent-load-ids"
CURSOR_PROPERTY = "osslake.cursor"
"""In a snapshot's summary beside the load's id: how far its source was read with it, as JSON."""
RECENT_LOADS_KEPT = 200
COMMIT_ATTEMPTS = 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROW_GROUP_ROWS = 250_000
COPY_BYTES = 1_000_000
TABLE_PROPERTIES = {
    "format-version": "2",
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "20",
    "write.metadata.previous-versions-max": "20",
    "write.parquet.compression-codec": "zstd",
}


def ensure_table(catalog: Catalog, dataset: Dataset, place: tuple[str, str] | None = None) -> Table:
    """Return the dataset's table; make it, or add the columns that it lacks, where needed. Another process may do so at the same time.

    Args:
        catalog: the lake's Iceberg catalog.
        dataset: what the table is.
        place: namespace and name of the table, if not the dataset's own.

    Raises:
        CommitError: it can't be made.
        StorageError: catalog or object store did not answer.
    """
    from pyiceberg.exceptions import CommitFailedException, NoSuchTableError

    for attempt in range(COMMIT_ATTEMPTS):
        try:
            with catalog_answers(f"opening table {dataset.full_name}"):
                return _with_columns(catalog.load_table(place or dataset.identifier), dataset)
        except NoSuchTableError:
            _make_table(catalog, dataset, place or dataset.identifier, is_last=attempt == COMMIT_ATTEMPTS - 1)
        except CommitFailedException:
            wait_before_retry(attempt)
    raise CommitError(f"table {dataset.full_name} can't be made or changed: others change it all the time", table=dataset.full_name)


def _make_table(catalog: Catalog, dataset: Dataset, place: tuple[str, str], *, is_last: bool) -> None:
    """Make a table; that another process made it meanwhile shows as one of several errors, so the caller looks again."""
    try:
        catalog.create_namespace_if_not_exists(place[0])
        properties = TABLE_PROPERTIES | {"comment": dataset.description}
        bucket = str(catalog.properties[BUCKET_PROPERTY])
        made = catalog.create_table(
            place,
            iceberg_schema(dataset),
            location=f"{bucket}/{'/'.join(place)}",
            partition_spec=_partition_spec(dataset),
            properties=properties,
        )
    except Exception as error:
        if is_last:
            raise CommitError(f"table {dataset.full_name} can't be made: {error}", table=dataset.full_name) from error
        wait_before_retry(0)
    else:
        _check_location(made.location(), bucket, dataset)


def _check_location(location: str, bucket: str, dataset: Dataset) -> None:
    if not location.startswith(f"{bucket}/"):
        raise SettingsError(
            f"the catalog puts {dataset.full_name} at {location}; all paths must begin with {bucket}/: the setting dataset must be the name"
            f" of the bucket of the catalog's warehouse (now {dataset.full_name} stands in the wrong place and is to be dropped)",
            table=dataset.full_name,
        )


def _with_columns(table: Table, dataset: Dataset) -> Table:
    known = {field.name for field in table.schema().fields}
    missing = [column for column in dataset.columns if column.name not in known]
    if missing:
        types = {field.name: field.field_type for field in iceberg_schema(dataset).fields}
        with table.update_schema() as update:
            for column in missing:
                update.add_column(column.name, types[column.name], doc=column.comment)
    return table


def iceberg_schema(dataset: Dataset) -> Schema:
    """Return the Iceberg schema of a declared dataset; field ids count from 1 in the order of the columns."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField

    fields, next_id = [], len(dataset.columns) + 1
    for position, column in enumerate(dataset.columns, 1):
        fields.append(
            NestedField(position, column.name, _iceberg_type(column.type, next_id), required=column.is_required, doc=column.comment)
        )
        next_id += column.type == "list<string>"
    return Schema(*fields)


def _iceberg_type(name: str, element_id: int) -> IcebergType:
    from pyiceberg import types

    if name == "list<string>":
        return types.ListType(element_id, types.StringType(), element_required=False)
    simple: dict[str, IcebergType] = {
        "string": types.StringType(),
        "long": types.LongType(),
        "int": types.IntegerType(),
        "double": types.DoubleType(),
        "boolean": types.BooleanType(),
        "date": types.DateType(),
        "timestamptz": types.TimestamptzType(),
    }
    return simple[name]


def _partition_spec(dataset: Dataset) -> Any:
    from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionField, PartitionSpec
    from pyiceberg.transforms import DayTransform, MonthTransform, YearTransform

    chosen = dataset.partitioning
    if chosen is None:
        return UNPARTITIONED_PARTITION_SPEC
    transforms: dict[str, Any] = {"day": DayTransform(), "month": MonthTransform(), "year": YearTransform()}
    source_id = dataset.column_names.index(chosen.column) + 1
    return PartitionSpec(PartitionField(source_id, 1000, transforms[chosen.transform], f"{chosen.column}_{chosen.transform}"))


def arrow_schema(table: Table) -> pa.Schema:
    """Return the table's schema for Arrow, with field ids in the fields' metadata, as its data files carry them."""
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    return schema_to_pyarrow(table.schema(), include_field_ids=True)


def write_data_file(table: Table, batches: Iterable[pa.RecordBatch]) -> DataFile | None:
    """Write rows of one partition as one Parquet file and return its manifest entry; None if there are no rows.

    The rows' order is kept. The file belongs to no snapshot until it is committed.
    """
    location = _new_location(table)
    with catalog_answers(f"writing {location}"):
        with table.io.new_output(location).create(overwrite=True) as stream:
            rows = write_parquet(stream, arrow_schema(table), batches)
        if rows == 0:
            table.io.delete(location)
            return None
        return _data_file(table, location)


def take_data_file(table: Table, path: Path) -> DataFile:
    """Bring a local Parquet file that `write_parquet` wrote for this table (rows of one partition) to the table's place."""
    location = _new_location(table)
    with catalog_answers(f"writing {location}"):
        with path.open("rb") as source, table.io.new_output(location).create(overwrite=True) as stream:
            shutil.copyfileobj(source, stream, COPY_BYTES)
        return _data_file(table, location)


def write_parquet(target: Path | OutputStream, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write rows as Parquet in a table's schema (`arrow_schema`), a row group a batch; return their number."""
    rows = 0
    with pq.ParquetWriter(target, schema, compression="zstd", compression_level=1, version="2.6") as writer:
        for batch in batches:
            rows += batch.num_rows
            writer.write_table(pa.Table.from_batches([batch]).cast(schema), row_group_size=ROW_GROUP_ROWS)
    return rows


def _new_location(table: Table) -> str:
    return f"{table.location()}/data/{secrets.token_hex(16)}.parquet"


def _data_file(table: Table, location: str) -> DataFile:
    from pyiceberg.io.pyarrow import parquet_file_to_data_file

    return parquet_file_to_data_file(table.io, table.metadata, location)


def data_files(table: Table, snapshot_id: int | None = None) -> list[DataFile]:
    """Return the data files of a snapshot (default: the current one); empty for a table without snapshots."""
    snapshot = table.snapshot_by_id(snapshot_id) if snapshot_id is not None else table.current_snapshot()
    if snapshot is None:
        return []
    files = []
    with catalog_answers(f"reading the manifests of {'.'.join(table.name())}"):
        for manifest in snapshot.manifests(table.io):
            for entry in manifest.fetch_manifest_entry(table.io):
                entry.data_file.spec_id = manifest.partition_spec_id
                files.append(entry.data_file)
    return files


def day_bounds(table: Table, file: DataFile) -> tuple[date, date]:
    """Return the first and last UTC day of the column that a table is cut by, of a file's rows.

    Raises:
        CommitError: the file's manifest entry states no bounds, so nothing of ours wrote it.
    """
    from pyiceberg.conversions import from_bytes
    from pyiceberg.types import DateType

    column = table.spec().fields[0].source_id
    kind = cast("PrimitiveType", table.schema().find_type(column))
    bounds = [(stated or {}).get(column) for stated in (file.lower_bounds, file.upper_bounds)]
    if None in bounds:
        raise CommitError(f"data file {file.file_path} states no bounds of the column that its table is cut by", path=file.file_path)
    unit = timedelta(days=1) if isinstance(kind, DateType) else timedelta(microseconds=1)
    first, last = ((EPOCH + int(from_bytes(kind, bound)) * unit).date() for bound in bounds if bound is not None)
    return first, last


def commit_files(
    table: Table, added: Sequence[DataFile], removed: Sequence[DataFile] = (), summary: Mapping[str, str] | None = None
) -> Table:
    """Commit data files that come and go in one snapshot.

    Raises:
        CommitError: another writer was first, or a file that shall go is not there; the caller looks again before it tries again.
        StorageError: there was no answer; the commit may have been made, so the caller looks for it before it tries again.
    """
    from pyiceberg.exceptions import CommitFailedException, ValidationException

    name = ".".join(table.name())
    for attempt in range(COMMIT_ATTEMPTS):
        try:
            with catalog_answers(f"the commit to {name}"):
                _commit(table, added, removed, dict(summary or {}))
            break
        except (CommitFailedException, ValidationException) as error:
            # PyIceberg 0.12 looks for removed files in several manifests at once with one evaluator, which may take one manifest's bounds for
            # another's: it misses a file that is there, and says so before it writes anything.
            if isinstance(error, CommitFailedException) or attempt == COMMIT_ATTEMPTS - 1:
                raise CommitError(f"commit to {name} was refused: {error}", table=name) from error
    return table


def _commit(table: Table, added: Sequence[DataFile], removed: Sequence[DataFile], properties: dict[str, str]) -> None:
    with table.transaction() as transaction:
        if RECENT_LOADS_PROPERTY not in properties and LOAD_ID_PROPERTY in properties:
            transaction.set_properties({RECENT_LOADS_PROPERTY: _with_load(table, properties[LOAD_ID_PROPERTY])})
        update = transaction.update_snapshot(snapshot_properties=properties)
        with update.overwrite() if removed else update.merge_append() as snapshot:
            for file in removed:
                snapshot.delete_data_file(file)
            for file in added:
                snapshot.append_data_file(file)


def _with_load(table: Table, load_id: str) -> str:
    recent = json.loads(table.properties.get(RECENT_LOADS_PROPERTY, "[]"))
    return json.dumps([*recent, load_id][-RECENT_LOADS_KEPT:])


def has_load(table: Table, load_id: str) -> bool:
    """Tell whether a load was committed to this table."""
    return load_id in committed_loads(table)


def committed_loads(table: Table) -> set[str]:
    """Return the ids of the loads that were committed to this table, by its property and its snapshots' summaries."""
    summaries = [snapshot.summary.additional_properties for snapshot in table.metadata.snapshots if snapshot.summary is not None]
    told = {summary[LOAD_ID_PROPERTY] for summary in summaries if LOAD_ID_PROPERTY in summary}
    return told | set(json.loads(table.properties.get(RECENT_LOADS_PROPERTY, "[]")))


def wait_before_retry(attempt: int) -> None:
    """Sleep before a refused commit is tried again: 20 ms, doubling up to 1 s, with jitter."""
    time.sleep(min(0.02 * 2**attempt, 1.0) * (0.5 + secrets.randbelow(1000) / 1000))
