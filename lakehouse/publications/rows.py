"""The rows of released files, for targets that are sent rows: Arrow batches out of DuckDB, in bounded memory; or small files as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.bucket import lake_connection, locate, open_bucket
from catalog.duck import DuckConnection, DuckError, DuckReadError, identifier, quoted
from catalog.errors import StorageError
from catalog.query import table_scan
from catalog.release_document import ReleasedFile, ReleasedTable
from catalog.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 50_000


def row_batches(
    settings: Settings, connection: DuckConnection, table: ReleasedTable, files: Sequence[ReleasedFile], order_by: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table's files, under the table's schema as the release states it; a column that a file lacks is NULL.

    Args:
        settings: of the lake.
        connection: from `catalog.bucket.lake_connection`, which tells errors of reading as ours.
        table: whose schema counts.
        files: some of its data files.
        order_by: columns that the rows are sorted by.
    """
    bucket = open_bucket(settings)
    scan = table_scan([locate(bucket, file.path) for file in files], table)
    if order_by:
        scan = f"SELECT * FROM ({scan}) ORDER BY {', '.join(map(identifier, order_by))}"
    yield from connection.execute(scan).to_arrow_reader(BATCH_ROWS)


def join_files(settings: Settings, table: ReleasedTable, files: Sequence[ReleasedFile], path: Path) -> None:
    """Write the rows of some of a table's files into one Parquet file, under the table's schema as the release states it.

    Raises:
        StorageError: a file can't be read.
    """
    bucket = open_bucket(settings)
    scan = table_scan([locate(bucket, file.path) for file in files], table)
    with lake_connection(settings) as connection:
        try:
            connection.execute(f"COPY ({scan}) TO '{quoted(str(path))}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
        except DuckReadError:
            raise
        except DuckError as error:
            told = " ".join(str(error).split())
            raise StorageError(f"{table.full_name}: {told}; `osslake release verify` tells which files are whole") from error
