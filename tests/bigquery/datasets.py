"""What tests do with a dataset: publish to it, and look at it as a reader would."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from google.cloud.bigquery import LoadJob, QueryJob

from bigquery.emulator import PROJECT, Emulator
from catalog.crash import CRASH_VARIABLE
from catalog.digests import FileDigest, digest_columns, digest_query
from catalog.duck import connect
from catalog.release_document import ReleasedTable
from catalog.releases import read_release
from catalog.settings import BigQueryTarget, Settings, load_settings
from lakehouse.publications import PublicationSummary, Shown, open_publication


class Dataset:
    """A dataset of the emulator's, and a lake that is published to it."""

    def __init__(self, server: Emulator, lake: Path, **options: Any) -> None:
        self.server = server
        self.name = f"test_{secrets.token_hex(4)}"
        self.lake = lake
        self.options = {"project": PROJECT, "dataset": self.name, "endpoint": server.endpoint, "timeout_s": 20.0} | options
        self.client = server.client()

    def settings(self, **options: Any) -> Settings:
        """Return the lake's settings with this dataset as a target."""
        return target_settings(self.lake, self.options | options)

    def publish(self, identifier: str | None = None, **options: Any) -> PublicationSummary:
        """Publish a release of the lake, the current one if none is named."""
        settings = self.settings(**options)
        return open_publication(settings, "bigquery").publish(read_release(settings, identifier), lambda _: None)

    @property
    def shown(self) -> Shown | None:
        """What the dataset shows."""
        return open_publication(self.settings(), "bigquery").shown()

    def table(self, name: str) -> Any:
        """Return a table as BigQuery describes it."""
        return self.client.get_table(f"{PROJECT}.{self.name}.{name}")

    @property
    def tables(self) -> set[str]:
        """Names of all tables."""
        return {one.table_id for one in self.client.list_tables(f"{PROJECT}.{self.name}")}

    @property
    def readers(self) -> list[Any]:
        """Who may do what with the dataset."""
        return list(self.client.get_dataset(self.name).access_entries)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query; `{d}` stands for the dataset."""
        return [tuple(row.values()) for row in self.client.query(sql.format(d=f"{PROJECT}.{self.name}")).result()]

    def jobs(self, kind: type[LoadJob | QueryJob]) -> list[Any]:
        """Return the jobs of a kind that touched this dataset, from the server's own list."""
        return [job for job in self.client.list_jobs(max_results=10_000) if isinstance(job, kind) and self._is_about(job)]

    def _is_about(self, job: Any) -> bool:
        return job.destination.dataset_id == self.name if isinstance(job, LoadJob) else self.name in job.query


def digest_of_rows(dataset: Dataset, table: ReleasedTable) -> FileDigest:
    """Return count and content digest of the rows that a reader gets, computed here."""
    from pyiceberg.schema import Schema

    schema = Schema.model_validate(table.schema_)
    columns = ", ".join(f"`{field.name}`" for field in schema.fields)
    read = dataset.client.query(f"SELECT {columns} FROM `{PROJECT}.{dataset.name}.{table.name}`").result()
    rows = read.to_arrow(create_bqstorage_client=False)
    with connect() as connection:
        connection.register("rows", rows)
        return digest_query(connection, "rows", digest_columns(schema, table.content_columns))[None]


def target_settings(lake: Path, options: dict[str, Any]) -> Settings:
    """Return a lake's settings with a dataset as a target."""
    settings = load_settings(lake)
    target = BigQueryTarget.model_validate(options)
    return settings.model_copy(update={"publish": settings.publish.model_copy(update={"bigquery": target})})


def publish_and_die(lake: Path, options: dict[str, Any], identifier: str, crash_at: str) -> None:
    """Publish a release in a process that dies at a crash point."""
    os.environ[CRASH_VARIABLE] = crash_at
    settings = target_settings(lake, options)
    open_publication(settings, "bigquery").publish(read_release(settings, identifier), lambda _: None)
