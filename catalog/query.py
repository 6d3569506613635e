"""Reading a release with SQL: DuckDB with a view for each table, and nothing else within its reach."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from catalog import duck
from catalog.bucket import bucket_key, connect_lake, open_bucket
from catalog.duck import DuckConnection, DuckError
from catalog.errors import QueryError
from catalog.local_files import whole_file
from catalog.releases import Release, ReleasedTable
from catalog.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.results import ResultFormat

STAGES = ("raw", "staging", "intermediate", "marts")
BATCH_ROWS = 50_000
CAUSE_ATTEMPTS, CAUSE_S = 3, 10.0
"""How often a query is tried again to learn why it failed, where it took no longer than this."""
_INTERRUPTED = "INTERRUPT Error: Interrupted!"
_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(ANALYZE\s+)?", re.IGNORECASE)


def open_release(
    settings: Settings, release: Release, stages: Sequence[str] = STAGES, staging_views: Mapping[str, str] | None = None
) -> DuckConnection:
    """Open DuckDB with the tables of a release as views `stage.table`, over the files that the release pins.

    Plain names lead to the marts, or to the only stage that is asked for. The connection reads those files and no others, has no
    network, and its configuration is locked; people's SQL still goes through `run_query`, which lets it write nothing.

    Args:
        settings: where the files are.
        release: what is read.
        stages: which stages there are; `staging` brings `raw`, which its views read.
        staging_views: name -> DuckDB's SQL over `raw.*` (and over staging views before it), in the order in which they are made.

    Raises:
        QueryError: a stage is not known, or a staging view can't be made; the message names it.
    """
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown:
        raise QueryError(f"stage {unknown[0]!r} is not one of {', '.join(STAGES)}", stage=unknown[0])
    shown = {*stages, "raw"} if "staging" in stages else set(stages)
    bucket, connection = open_bucket(settings), connect_lake(settings)
    connection.execute("SET parquet_metadata_cache = true")  # files of releases never change
    for stage in STAGES:
        if stage in shown:
            connection.execute(f"CREATE SCHEMA {stage}")
    files: list[str] = []
    for table in release.tables:
        if table.stage in shown:
            paths = [bucket.location(bucket_key(release.document.dataset, file.path)) for file in table.data_files]
            _create_view(connection, table.stage, table.name, table_scan(paths, table))
            files += paths
    for name, sql in (staging_views or {}).items() if "staging" in shown else ():
        _create_view(connection, "staging", name, sql)
    _lock_down(connection, files, stages)
    return connection


def run_query(connection: DuckConnection, sql: str, output_format: ResultFormat, out: Path | BinaryIO) -> int:
    """Run one SELECT (or DESCRIBE, SHOW, SUMMARIZE, EXPLAIN) and write its rows; return how many were written.

    Args:
        connection: from `open_release`.
        sql: one statement that reads.
        output_format: `table` (the first rows, aligned), `csv`, `json` (an array of objects, nothing else) or `parquet`.
        out: a stream, or a file that is there whole after success and untouched after an error.

    Raises:
        QueryError: the SQL can't be run (one line, with the near names that DuckDB knows), or its rows can't be written.
    """
    from pyarrow import ArrowException

    from catalog.results import write_result

    _check_reads(connection, sql)
    begun = time.monotonic()
    try:
        reader = _reader(connection, sql)
        with _as_query_error((ArrowException,), f"the result can't be written as {output_format}: "), _opened(out) as stream:
            return write_result(output_format, reader.schema, _batches(reader), stream)
    except QueryError as error:
        if _INTERRUPTED not in str(error) or time.monotonic() - begun > CAUSE_S:
            raise
        raise _cause(connection, sql, error) from error


def _reader(connection: DuckConnection, sql: str) -> pa.RecordBatchReader:
    with _as_query_error():
        return connection.execute(sql).to_arrow_reader(BATCH_ROWS)


def _cause(connection: DuckConnection, sql: str, told: QueryError) -> QueryError:
    """Return why a query failed that nobody interrupted: DuckDB ends its other threads when one fails, and now and then tells of that alone."""
    for _ in range(CAUSE_ATTEMPTS):
        try:
            for _ in _batches(_reader(connection, sql)):
                pass
            return QueryError("DuckDB ended the query without a reason; it goes through when tried again")
        except QueryError as error:
            if _INTERRUPTED not in str(error):
                return error
    return told


@contextlib.contextmanager
def _opened(out: Path | BinaryIO) -> Iterator[BinaryIO]:
    if not isinstance(out, Path):
        yield out
        return
    try:
        with whole_file(out) as stream:
            yield stream
    except OSError as error:
        raise QueryError(f"{out} can't be written: {error.strerror or error}", path=str(out)) from error


def table_scan(paths: Sequence[str], table: ReleasedTable, *, filename: bool = False) -> str:
    """Return DuckDB's query that reads data files under a table's schema as its release states it; a column that a file lacks is NULL.

    With `filename` each row tells the name of its file.
    """
    from pyiceberg.schema import Schema

    return duck.scan_sql(paths, Schema.model_validate(table.schema_), filename=filename)


def _create_view(connection: DuckConnection, stage: str, name: str, sql: str) -> None:
    try:
        connection.execute(f"CREATE VIEW {duck.identifier(stage)}.{duck.identifier(name)} AS {sql}")
    except DuckError as error:
        raise QueryError(f"{stage}.{name} can't be opened: {_one_line(error)}", table=f"{stage}.{name}") from error


def _lock_down(connection: DuckConnection, files: Sequence[str], stages: Sequence[str]) -> None:
    """Leave the connection these files to read, and no way to change that."""
    plain_stage = stages[0] if len(stages) == 1 else "marts"
    if plain_stage in stages:
        connection.execute(f"SET search_path = '{plain_stage}'")
    listed = ", ".join(f"'{duck.quoted(path)}'" for path in files)
    connection.execute(f"SET allowed_paths = [{listed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _check_reads(connection: DuckConnection, sql: str) -> None:
    """Refuse all but one reading statement (`EXPLAIN ANALYZE COPY ...` would write, so what EXPLAIN explains is looked at)."""
    with _as_query_error():
        statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise QueryError(f"one statement can be run at a time; these are {len(statements)}", statements=len(statements))
    kind = statements[0].type.name
    explained = _EXPLAIN.match(sql)
    if kind == "EXPLAIN" and explained:
        _check_reads(connection, sql[explained.end() :])
    elif kind != "SELECT":
        raise QueryError(f"a release can only be read: {kind} is refused, SELECT would be right", statement=kind)


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Pass the rows on; DuckDB's errors in the middle of them come as OSError."""
    while True:
        with _as_query_error((DuckError, OSError)):
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
        yield batch


@contextlib.contextmanager
def _as_query_error(kinds: tuple[type[Exception], ...] = (DuckError,), beginning: str = "") -> Iterator[None]:
    try:
        yield
    except kinds as error:
        raise QueryError(beginning + _one_line(error)) from error


def _one_line(error: Exception) -> str:
    """Return DuckDB's message without its picture of the statement."""
    lines = str(error).split("\n\nLINE ")[0].splitlines()
    return " ".join(line.strip() for line in lines if line.strip())
