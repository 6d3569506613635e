"""Staging tables: what is to come, loaded from the release's own Parquet files beside the tables that readers see, and checked there."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from urllib.parse import urlsplit

from google.cloud import bigquery

from catalog.bucket import bucket_key, open_bucket
from catalog.crash import crash_point
from catalog.errors import OsslakeError, PublishError
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.publications.bigquery.at_once import StoppedError, at_once
from lakehouse.publications.bigquery.connection import Connection
from lakehouse.publications.bigquery.digest import digest_of, digests_sql, released_digest
from lakehouse.publications.bigquery.tables import OWNER_LABEL, ROLE_LABEL, STAGING, columns_of, owner
from lakehouse.publications.changes import TableChange

CLOUD_STORAGE = "storage.googleapis.com"


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


def stage(settings: Settings, connection: Connection, release: Release, changes: Iterable[TableChange]) -> list[Staged]:
    """Load the files of changed tables, each table into a staging table of its own, some of them at once; the largest begin.

    Where one fails, the loads of the others are given up; they can come into staging tables only.

    Raises:
        PublishError: BigQuery refused a table or a file.
        StorageError: a file of the lake can't be read.
    """
    run, stop = secrets.token_hex(4), Event()

    def load(change: TableChange) -> Staged:
        name = f"staging_{run}_{change.table.name}"
        connection.create_table(_staging_table(settings, connection.table_reference(name), change, release))
        return Staged(change, name, _load(settings, connection, name, change, stop))

    largest_first = sorted((one for one in changes if one.files), key=lambda one: one.row_count, reverse=True)
    return at_once(load, largest_first, came=lambda: crash_point("publish.bigquery.load"), stop=stop)


def _staging_table(settings: Settings, reference: bigquery.TableReference, change: TableChange, release: Release) -> bigquery.Table:
    table = bigquery.Table(reference, schema=columns_of(change.table))
    table.expires = datetime.now(UTC) + timedelta(hours=settings.publish.bigquery.staging_hours)
    table.labels = {OWNER_LABEL: owner(release), ROLE_LABEL: STAGING}
    return table


def _load(settings: Settings, connection: Connection, name: str, change: TableChange, stop: Event) -> int:
    """Load a table's files; return their bytes as BigQuery counts them.

    Each has a load of its own: files of one load must be alike, and a file may be older than a column that was added.
    """
    jobs: list[bigquery.LoadJob] = []
    try:
        for file in change.files:
            jobs.append(_begin_load(settings, connection, name, file.path, stop))
        return sum(connection.finish_load(name, job, stop) for job in jobs)
    except (OsslakeError, StoppedError):
        for job in jobs:
            connection.cancel(job)
        raise


def _begin_load(settings: Settings, connection: Connection, name: str, path: str, stop: Event) -> bigquery.LoadJob:
    if stop.is_set():
        raise StoppedError
    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
    )
    address = gs_address(settings, path)
    if address:
        return connection.begin_load(name, address, config)
    try:
        with open_bucket(settings).local_file(bucket_key(settings.dataset, path)) as file:
            return connection.begin_load(name, file, config)
    except FileNotFoundError as error:
        raise PublishError(f"{path} is missing; `osslake release verify` tells what else is", path=path) from error


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
