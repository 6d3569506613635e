"""The table `releases`: a row for each publication; the one that is shown says what the whole dataset shows."""

from __future__ import annotations

from dataclasses import dataclass

from google.cloud import bigquery

from catalog.releases import Release
from lakehouse.publications.bigquery.connection import Connection
from lakehouse.publications.bigquery.tables import OWNER_LABEL, owner
from lakehouse.publications.publication import Shown

LEDGER = "releases"
OVERTAKEN = "another publication was made meanwhile; run it again"
_DESCRIPTION = (
    "The releases that this dataset showed. All tables show the release whose row says is_shown; it came with the rows, in one transaction."
)
_COLUMNS = (
    bigquery.SchemaField("publication_number", "INTEGER", description="1, 2, 3, ..."),
    bigquery.SchemaField("release_id", "STRING", description="the release: sequence and SHA-256 of its document"),
    bigquery.SchemaField("sequence", "INTEGER", description="its place in the chain of releases, from 1"),
    bigquery.SchemaField("dataset", "STRING", description="the lake that it is of"),
    bigquery.SchemaField("as_of_date", "DATE", description="last day that its metrics speak of"),
    bigquery.SchemaField("created_at", "TIMESTAMP", description="when it was made"),
    bigquery.SchemaField("published_at", "TIMESTAMP", description="when it was published here"),
    bigquery.SchemaField("is_shown", "BOOLEAN", description="whether the tables of this dataset are those of this release; true for one"),
)


@dataclass(frozen=True)
class Current:
    """The publication that a dataset shows, by number; 0 and None before the first."""

    number: int = 0
    shown: Shown | None = None


def ledger_table(reference: bigquery.TableReference, release: Release) -> bigquery.Table:
    """Return the table as it is to be created."""
    table = bigquery.Table(reference, schema=_COLUMNS)
    table.description = _DESCRIPTION
    table.labels = {OWNER_LABEL: owner(release)}
    return table


def read_current(connection: Connection) -> Current:
    """Return the current publication of a dataset that has the table."""
    for row in connection.rows(LEDGER):
        if row["is_shown"]:
            shown = Shown(row["release_id"], row["sequence"], row["as_of_date"])
            return Current(row["publication_number"], shown)
    return Current()


def ledger_sql(path: str, release: Release, before: int) -> list[str]:
    """Return the statements that make a release the current one; they fail, and the transaction with them, if another came meanwhile.

    Args:
        path: how SQL names the table.
        release: what is shown from now on.
        before: number of the publication that this one follows.
    """
    created_at = release.created_at.strftime("%Y-%m-%d %H:%M:%S+00")
    values = (
        f"{before + 1}, '{release.id}', {release.sequence}, '{release.document.dataset}', DATE '{release.as_of_date}',"
        f" TIMESTAMP '{created_at}', CURRENT_TIMESTAMP(), TRUE"
    )
    return [
        f"SELECT IF(IFNULL(MAX(publication_number), 0) = {before}, 0, ERROR('{OVERTAKEN}')) FROM {path}",
        f"UPDATE {path} SET is_shown = FALSE WHERE is_shown",
        f"INSERT INTO {path} ({', '.join(column.name for column in _COLUMNS)}) VALUES ({values})",
    ]
