"""The target `bigquery`."""

from __future__ import annotations

import time
from contextlib import closing

from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.publications.bigquery.connection import Connection
from lakehouse.publications.bigquery.external import ExternalRun, check_is_in_cloud_storage
from lakehouse.publications.bigquery.ledger import LEDGER, read_current
from lakehouse.publications.bigquery.run import PublicationRun
from lakehouse.publications.publication import PublicationSummary, Shown, Step


class BigQueryPublication:
    """The dataset that `publish.bigquery` names."""

    name = "bigquery"
    description = "The marts as tables of a BigQuery dataset."

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def shown(self) -> Shown | None:
        """Return the release that the dataset's table `releases` calls current."""
        with closing(Connection(self.settings.publish.bigquery)) as connection:
            if connection.dataset() is None or LEDGER not in connection.labels():
                return None
            return read_current(connection).shown

    def publish(self, release: Release, step: Step) -> PublicationSummary:
        """Load what differs from the release that is shown, check it, and move all tables to the new one in one transaction."""
        started = time.monotonic()
        is_external = self.settings.publish.bigquery.external
        if is_external:
            check_is_in_cloud_storage(self.settings)
        run = ExternalRun if is_external else PublicationRun
        with closing(Connection(self.settings.publish.bigquery)) as connection:
            summary = run(self.settings, connection, release, step).publish()
        summary.duration_s = time.monotonic() - started
        return summary
