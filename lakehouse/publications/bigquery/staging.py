"""Staging tables: what is to come, loaded from the release's own Parquet files beside the tables that readers see, and checked there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from urllib.parse import urlsplit

from google.cloud import bigquery

from catalog.bucket import bucket_key, open_bucket
from catalog.crash import crash_point
from catalog.errors import OsslakeError, PublishError
from catalog.release_document import ReleasedFile
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.publications.bigquery.at_once import at_once
from lakehouse.publications.bigquery.connection import STAGING_PREFIX, Connection
from lakehouse.publications.bigquery.digest import digest_of, digests_sql, released_digest
from lakehouse.publications.bigquery.tables import OWNER_LABEL, ROLE_LABEL, STAGING, columns_of, owner
from lakehouse.publications.changes import TableChange
from lakehouse.publications.rows import join_files

CLOUD_STORAGE = "storage.googleapis.com"
JOINED_BELOW_BYTES = 1 << 20
"""Files that are smaller are uploaded as one: a load is a job of some seconds, and BigQuery takes 1,500 a day, and few at once, for one table."""
_LOADING = bigquery.LoadJobConfig(
    source_format=bigquery.SourceFormat.PARQUET,
    write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
    create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
)


@dataclass(frozen=True)
class Staged:
    """A staging table with the rows that are to come into a table; `size_bytes` as BigQuery counts them."""

    change: TableChange
    name: str
    size_bytes: int


def gs_address(settings: Settings, path: str) -> str | None:
    """Return a file's gs:// address; None where the lake isn't in Cloud Storage."""
    storage = settings.storage
    if storage.type != "s3" or urlsplit(storage.endpoint).hostname != CLOUD_STORAGE:
        return None
    return f"gs://{settings.dataset}/{bucket_key(settings.dataset, path)}"


def staging_name(run: str, table: str = "") -> str:
    """Return the name of a run's staging table for a table; without one, how all of the run's begin, or without a run those of all."""
    return STAGING_PREFIX + "_".join(filter(None, (run, table)))


def stage(settings: Settings, connection: Connection, release: Release, changes: Iterable[TableChange], run: str) -> list[Staged]:
    """Load the files of changed tables, each table into a staging table of its own, the largest first.

    Some are uploaded at once, and BigQuery works on all that were. Where one fails, the loads of the others are given up.

    Raises:
        PublishError: BigQuery refused a table or a file.
        StorageError: a file of the lake can't be read.
    """
    stop, jobs = Event(), dict[str, list[bigquery.LoadJob]]()

    def begin(change: TableChange) -> tuple[str, TableChange]:
        name = staging_name(run, change.table.name)
        connection.create_table(_staging_table(settings, connection.table_reference(name), change, release))
        _begin_loads(settings, connection, name, change, jobs.setdefault(name, []), stop)
        return name, change

    largest_first = sorted((one for one in changes if one.files), key=lambda one: one.row_count, reverse=True)
    try:
        begun = at_once(begin, largest_first, came=lambda: crash_point("publish.bigquery.load"), stop=stop)
        return [Staged(change, name, sum(connection.finish_load(name, job) for job in jobs[name])) for name, change in begun]
    except OsslakeError:
        at_once(connection.cancel, [job for one in jobs.values() for job in one])
        raise


def _staging_table(settings: Settings, reference: bigquery.TableReference, change: TableChange, release: Release) -> bigquery.Table:
    table = bigquery.Table(reference, schema=columns_of(change.table))
    table.expires = datetime.now(UTC) + timedelta(hours=settings.publish.bigquery.staging_hours)
    table.labels = {OWNER_LABEL: owner(release), ROLE_LABEL: STAGING}
    return table


def _begin_loads(
    settings: Settings, connection: Connection, name: str, change: TableChange, jobs: list[bigquery.LoadJob], stop: Event
) -> None:
    """Begin a load for each file, and one for all small ones together where they are uploaded.

    Files of one job must be alike, and a file may be older than a column that was added; joined ones are.

    Args:
        settings: the lake's.
        connection: to the dataset.
        name: the staging table.
        change: whose files.
        jobs: gets each load as soon as it is begun.
        stop: no more is begun once it is set.
    """
    bucket, files, small = open_bucket(settings), list(change.files), _small_files(settings, change)
    if len(small) > 1:
        files = [file for file in files if file not in small]
        with TemporaryDirectory(prefix="osslake-") as folder:
            joined = Path(folder) / "joined.parquet"
            join_files(settings, change.table, small, joined)
            jobs.append(connection.begin_load(name, joined, _LOADING))
    for file in files:
        if stop.is_set():
            return
        address = gs_address(settings, file.path)
        if address:
            jobs.append(connection.begin_load(name, address, _LOADING))
            continue
        try:
            with bucket.local_file(bucket_key(settings.dataset, file.path)) as path:
                jobs.append(connection.begin_load(name, path, _LOADING))
        except FileNotFoundError as error:
            raise PublishError(f"{file.path} is missing; `osslake release verify` tells what else is", path=file.path) from error


def _small_files(settings: Settings, change: TableChange) -> list[ReleasedFile]:
    return [file for file in change.files if file.size_bytes < JOINED_BELOW_BYTES and gs_address(settings, file.path) is None]


def check_staged(connection: Connection, staged: Sequence[Staged]) -> None:
    """Have BigQuery count and digest what was loaded, and compare it with the release.

    Raises:
        PublishError: a table's rows are others than the release's; the message names it.
    """
    if not staged:
        return
    crash_point("publish.bigquery.check")
    sql = digests_sql({connection.path(one.name): one.change.table for one in staged})
    found = {row["table_name"]: digest_of(row) for row in connection.query("checking what was loaded", sql)}
    for one in staged:
        expected, actual = released_digest(one.change.files), found[one.change.table.name]
        if actual != expected:
            raise PublishError(
                f"{one.change.table.name}: BigQuery loaded {actual.row_count:,} rows with content digest {actual.hex}, the release has"
                f" {expected.row_count:,} with {expected.hex}; nothing was published, run it again",
                table=one.change.table.name,
            )
