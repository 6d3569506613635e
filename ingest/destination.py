"""The dlt destination that puts load packages into Iceberg, exactly once (protocol 1).

A load's rows are written once, as Parquet files that are data files of the raw table already (sorted, one partition each), and handed to dlt
by its file import. dlt makes them jobs of a package; each job brings its file to the table's place; when all jobs are done the package is
committed, table by table. Rows, cursor and load id land in one snapshot of a table, and a commit is preceded
by a look for the load id, so that a second try (after a kill, a lost answer, or beside another loader) finds what the first one did.

PyIceberg's own retry is off: it rebases without looking again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from dlt.common.configuration import configspec
from dlt.common.destination import Destination, DestinationCapabilitiesContext
from dlt.common.destination.client import DestinationClientConfiguration, JobClientBase, LoadJob, PreparedTableSchema, RunnableLoadJob
from dlt.common.schema import Schema

from catalog.catalogs import catalog_answers
from catalog.crash import crash_point
from catalog.datasets import Dataset
from catalog.errors import CommitError, StorageError
from catalog.iceberg import (
    COMMIT_ATTEMPTS,
    CURSOR_PROPERTY,
    LOAD_ID_PROPERTY,
    arrow_schema,
    commit_files,
    data_files,
    ensure_table,
    has_load,
    take_data_file,
    wait_before_retry,
    write_data_file,
    write_parquet,
)
from catalog.raw_tables import RAW_TABLES
from ingest.loads import Load, Replaced

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyiceberg.types import PrimitiveType

BATCH_ROWS = 50_000
LARGE_BYTES = 2_000_000_000


class Package:
    """A load on its way into the catalog.

    Rows are let go table by table as they are written: dlt's objects refer to each other in circles and would keep them.

    Attributes:
        load: the load, its tables without rows.
        folder: where its files are written.
        written: the data files that its jobs made, by raw table.
    """

    def __init__(self, load: Load, catalog: Catalog, folder: Path) -> None:
        self.load = replace(load, tables={name: rows.schema.empty_table() for name, rows in load.tables.items()})
        self.catalog = catalog
        self.folder = folder
        self.written: dict[str, list[DataFile]] = {}
        self.lock = threading.Lock()
        self._rows = {name: rows for name, rows in load.tables.items() if rows.num_rows}
        self._tables = {name: ensure_table(catalog, _raw_dataset(name)) for name in self._rows}
        self._loaded_at = datetime.now(UTC)

    def table(self, name: str) -> Table:
        """Return a raw table that this load brings rows to, as it was when the load began."""
        return self._tables[name]

    def as_dlt_source(self) -> Any:
        """Return a dlt source with one resource of Parquet files for each table that has rows; None if none has."""

        @dlt.source(name="osslake", max_table_nesting=0)
        def source() -> Any:
            return [dlt.resource(self._files(name), name=name, table_name=name, write_disposition="append") for name in self._tables]

        return source() if self._tables else None

    def _files(self, name: str) -> Iterator[Any]:
        """Write a table's rows as files of one partition each, in the order of the grain, for dlt to import."""
        schema = arrow_schema(self._tables[name])
        for number, part in enumerate(partitions(self._with_load(self._rows.pop(name), schema), _raw_dataset(name))):
            path = self.folder / f"{name}-{number}.parquet"
            write_parquet(path, schema, part.to_batches(BATCH_ROWS))
            yield dlt.mark.with_file_import(str(path), "parquet", part.num_rows, hints=schema.empty_table())

    def _with_load(self, rows: pa.Table, target: pa.Schema) -> pa.Table:
        """Add `_load_id` and `_loaded_at`, and bring columns into the table's order and types."""
        added = {"_load_id": pa.scalar(self.load.id), "_loaded_at": pa.scalar(self._loaded_at, pa.timestamp("us", "UTC"))}
        columns = [
            pa.repeat(added[name], rows.num_rows) if name in added else rows.column(name).cast(target.field(name).type)
            for name in target.names
        ]
        return pa.Table.from_arrays(columns, schema=target)


class IcebergJob(RunnableLoadJob):
    """Brings one Parquet file of the package to the place of its raw table."""

    def __init__(self, file_path: str, package: Package, table_name: str) -> None:
        super().__init__(file_path)
        self._package = package
        self._name = table_name

    def run(self) -> None:
        """Make the job's file a data file, which no snapshot knows yet."""
        package = self._package
        file = take_data_file(package.table(self._name), Path(self._file_path))
        crash_point("load.written")
        with package.lock:
            package.written.setdefault(self._name, []).append(file)


class IcebergClient(JobClientBase):
    """dlt's view of the raw tables of a lake."""

    def __init__(
        self, schema: Schema, config: IcebergConfiguration, capabilities: DestinationCapabilitiesContext, package: Package
    ) -> None:
        super().__init__(schema, config, capabilities)
        self._package = package

    def initialize_storage(self, truncate_tables: Any = None) -> None:
        """Nothing to do: tables are made when their first rows come."""

    def is_storage_initialized(self) -> bool:
        """Tell dlt that it can begin."""
        return True

    def drop_storage(self) -> None:
        """Refuse: raw tables are never dropped by a load."""
        raise CommitError("a load never drops raw tables")

    def create_load_job(self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False) -> LoadJob:  # noqa: ARG002
        """Return the job that writes one file's rows."""
        return IcebergJob(file_path, self._package, str(table["name"]))

    def complete_load(self, load_id: str) -> None:  # noqa: ARG002 - dlt's own id is of the clock
        """Commit the package, one snapshot a table, in the order in which the load names its tables."""
        commit_package(self._package)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return None


@configspec
class IcebergConfiguration(DestinationClientConfiguration):
    """Nothing but the destination's name: what is loaded where stands in the package."""

    destination_type: str = "osslake_iceberg"


class IcebergDestination(Destination[IcebergConfiguration, IcebergClient]):
    """A destination for one package."""

    spec = IcebergConfiguration

    def __init__(self, package: Package) -> None:
        self._package = package
        super().__init__(destination_name="osslake_iceberg")

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = DestinationCapabilitiesContext.generic_capabilities("parquet")
        capabilities.supported_loader_file_formats = ["parquet"]
        capabilities.naming_convention = "direct"
        capabilities.has_case_sensitive_identifiers = True
        return capabilities

    @property
    def client_class(self) -> type[IcebergClient]:
        """The class that `client` makes."""
        return IcebergClient

    def client(self, schema: Schema, initial_config: Any = None) -> IcebergClient:
        """Return a client that knows the package."""
        return IcebergClient(schema, self.configuration(initial_config or IcebergConfiguration()), self.capabilities(), self._package)


def _raw_dataset(name: str) -> Dataset:
    return next(dataset for dataset in RAW_TABLES if dataset.name == name)


def partitions(rows: pa.Table, dataset: Dataset) -> Iterator[pa.Table]:
    """Cut rows by the dataset's partitions, each part sorted by the grain (lists aside); the parts are slices of one sorted table."""
    grain = [name for name in dataset.grain if not pa.types.is_list(rows.schema.field(name).type)]
    if dataset.partitioning is None:
        yield _sorted(rows, rows, grain)
        return
    keys = pc.floor_temporal(rows.column(dataset.partitioning.column), unit=dataset.partitioning.transform)
    rows = _sorted(rows, rows.select(grain).append_column("_key", keys), ["_key", *grain])
    counts = pc.value_counts(keys.combine_chunks())
    start = 0
    for part in counts.field("counts").take(pc.sort_indices(counts.field("values"))).to_pylist():
        yield rows.slice(start, part)
        start += part


def _sorted(rows: pa.Table, sortable: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return rows in the order of columns of `sortable`; texts of more than 2 GB together need 64-bit offsets on the way."""
    if rows.nbytes > LARGE_BYTES:
        rows = rows.cast(pa.schema([field.with_type(pa.large_string()) if field.type == pa.string() else field for field in rows.schema]))
    return rows.take(pc.sort_indices(sortable, sort_keys=[(name, "ascending") for name in names]))


def commit_package(package: Package) -> None:
    """Commit each table of the package once; tables that have the load id already are left alone.

    Raises:
        CommitError, StorageError: a table's commit was refused, or not answered, COMMIT_ATTEMPTS times.
    """
    load = package.load
    names = list(dict.fromkeys((*load.replaces, *load.tables)))
    order = [name for name in names if name not in load.tables] + list(load.tables)
    for name in order:
        crash_point("load.commit")
        _commit_table(package, name, _raw_dataset(name))
    crash_point("load.committed")


def _commit_table(package: Package, name: str, dataset: Dataset) -> None:
    added, load = package.written.get(name, []), package.load
    replaced = load.replaces.get(name)
    if not added and replaced is None:
        return
    summary = {LOAD_ID_PROPERTY: load.id, CURSOR_PROPERTY: json.dumps({"source": load.source, **load.cursor})}
    for attempt in range(COMMIT_ATTEMPTS):
        try:
            table = ensure_table(package.catalog, dataset)
            if has_load(table, load.id):
                return
            removed, kept = _replaced_files(table, dataset, replaced)
            if added or removed:
                commit_files(table, [*added, *kept], removed, summary)
        except (CommitError, StorageError):
            if attempt == COMMIT_ATTEMPTS - 1:
                raise
            wait_before_retry(attempt)
        else:
            return


def _replaced_files(table: Table, dataset: Dataset, replaced: Replaced | None) -> tuple[list[DataFile], list[DataFile]]:
    """Return the files that hold rows to be replaced, and new files with those of their rows that stay."""
    if replaced is None or not replaced.values:
        return [], []
    values = pa.array(sorted(replaced.values), pa.string())
    removed: list[DataFile] = []
    kept: list[DataFile] = []
    for file in _files_that_may_hold(table, replaced, data_files(table)):
        with catalog_answers(f"reading {file.file_path}"), table.io.new_input(file.file_path).open() as stream:
            parquet = pq.ParquetFile(stream)
            stays = pc.invert(pc.is_in(parquet.read([replaced.column]).column(0), value_set=values))
            if pc.all(stays).as_py():
                continue
            rest = parquet.read().filter(stays)
        removed.append(file)
        kept += [written for part in partitions(rest, dataset) if (written := write_data_file(table, part.to_batches(BATCH_ROWS)))]
    return removed, kept


def _files_that_may_hold(table: Table, replaced: Replaced, files: Sequence[DataFile]) -> list[DataFile]:
    """Leave out the files whose bounds of the column exclude all values."""
    from pyiceberg.conversions import from_bytes

    field_ = table.schema().find_field(replaced.column)
    kind = cast("PrimitiveType", field_.field_type)
    lowest, highest = min(replaced.values)[:16], max(replaced.values)

    def may_hold(file: DataFile) -> bool:
        lower, upper = (file.lower_bounds or {}).get(field_.field_id), (file.upper_bounds or {}).get(field_.field_id)
        if lower is None or upper is None:
            return True
        low, high = from_bytes(kind, lower), from_bytes(kind, upper)
        return bool(low <= highest and high >= lowest)

    return [file for file in files if may_hold(file)]
