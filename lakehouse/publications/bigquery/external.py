"""The lake's own Iceberg files as external tables: nothing is loaded, and BigQuery reads the data files of the release where they lie.

BigQuery wants gs:// paths in Iceberg's metadata, so the small metadata files are written once more, below `bigquery/` of the bucket. DDL has no
transactions: while the statements run, for seconds, readers may meet tables of two releases; the row of `releases` comes last.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog.bucket import open_bucket
from catalog.crash import crash_point
from catalog.errors import PublishError
from catalog.release_document import ReleasedTable
from catalog.releases import Release
from catalog.relocated import relocate_metadata
from catalog.settings import Settings
from lakehouse.publications.bigquery.contents import Contents, Labels
from lakehouse.publications.bigquery.ledger import LEDGER, ledger_sql
from lakehouse.publications.bigquery.run import PublicationRun
from lakehouse.publications.bigquery.staging import CLOUD_STORAGE, gs_address
from lakehouse.publications.bigquery.statements import transaction_sql
from lakehouse.publications.bigquery.tables import EXTERNAL, ROLE_LABEL, described, labels_of, release_label
from lakehouse.publications.changes import TableChange

FOLDER = "bigquery"


def check_is_in_cloud_storage(settings: Settings) -> None:
    """See that BigQuery can read the lake's files where they are.

    Raises:
        PublishError: it can't.
    """
    if gs_address(settings, f"{settings.bucket}/any") is None:
        place = settings.storage.endpoint or "S3" if settings.storage.type == "s3" else f"the folder {settings.warehouse}"
        raise PublishError(
            f"external tables want a lake in Cloud Storage, this one is in {place}; storage.type = s3 with storage.endpoint ="
            f" https://{CLOUD_STORAGE} puts it there, and without --external its rows are loaded"
        )


class ExternalRun(PublicationRun):
    """One publication as external tables."""

    role = EXTERNAL

    def _publish(self, changes: Sequence[TableChange], contents: Contents) -> None:  # noqa: ARG002 - all tables move
        self.step("publish bigquery: writing metadata")
        bucket, statements = open_bucket(self.settings), []
        for table in self.tables.values():
            folder = f"{FOLDER}/{release_label(self.release)}/{table.name}"
            key = relocate_metadata(bucket, table, folder, self._address)
            crash_point("publish.bigquery.metadata")
            path = self.connection.path(table.name)
            statements.append(
                external_sql(path, self._address(f"{self.settings.bucket}/{key}"), table, self.release, self._connection_name)
            )
        check, *rest = ledger_sql(self.connection.path(LEDGER), self.release, contents.current.number)
        self.step("publish bigquery: showing")
        script = ";\n".join([check, *statements, transaction_sql([check, *rest])])
        self.connection.query(f"showing the release {self.release.id}", script)
        crash_point("publish.bigquery.shown")

    @property
    def _connection_name(self) -> str:
        return self.settings.publish.bigquery.connection

    def _address(self, path: str) -> str:
        return gs_address(self.settings, path) or path

    def _tidy(self, labels: Labels) -> None:
        """Drop tables that the release hasn't, and the metadata of other releases."""
        for name in self._removed(labels):
            self.connection.drop_table(name)
        bucket, kept = open_bucket(self.settings), f"{FOLDER}/{release_label(self.release)}/"
        for one in bucket.objects(FOLDER):
            if not one.key.startswith(kept):
                bucket.delete(one.key)


def external_sql(path: str, metadata: str, table: ReleasedTable, release: Release, connection: str = "") -> str:
    """Return the statement that lets a table show an Iceberg metadata file.

    Args:
        path: how SQL names the table.
        metadata: gs:// address of the metadata file.
        table: as the release lists it.
        release: the release.
        connection: `project.location.name` of the connection whose service account reads the files; empty: whoever queries reads them.
    """
    labels = ", ".join(f"('{name}', '{value}')" for name, value in (labels_of(table, release) | {ROLE_LABEL: EXTERNAL}).items())
    through = f" WITH CONNECTION `{connection}`" if connection else ""
    return (
        f"CREATE OR REPLACE EXTERNAL TABLE {path}{through} OPTIONS (format = 'ICEBERG', uris = ['{metadata}'],"
        f" description = {_literal(described(table))}, labels = [{labels}])"
    )


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
