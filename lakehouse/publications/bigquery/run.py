"""One publication by loading, step by step: tables and columns, loads, checks, the transaction, and what is tidied up after it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress

from google.cloud import bigquery

from catalog.crash import crash_point
from catalog.errors import OsslakeError
from catalog.release_document import ReleasedTable
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.publications.bigquery.at_once import at_once
from lakehouse.publications.bigquery.connection import Connection
from lakehouse.publications.bigquery.contents import Contents, Labels, miscounted, read_contents
from lakehouse.publications.bigquery.ledger import LEDGER, ledger_sql, ledger_table
from lakehouse.publications.bigquery.staging import Staged, check_staged, stage, staging_name
from lakehouse.publications.bigquery.statements import empty_sql, exchange_sql, transaction_sql
from lakehouse.publications.bigquery.tables import (
    OWNER_LABEL,
    ROLE_LABEL,
    STAGING,
    commented,
    described,
    labels_of,
    missing_columns,
    owner,
    released_table,
)
from lakehouse.publications.changes import TableChange, changed_tables, public_tables, shown_release
from lakehouse.publications.publication import PublicationSummary, Step

TIB = 1 << 40
_EVERYBODY = bigquery.AccessEntry("READER", "specialGroup", "allAuthenticatedUsers")


class PublicationRun:
    """One publication, by loading.

    Attributes:
        role: label of the tables that show rows.
        run: by which its staging tables are told from those of others.
    """

    role: str | None = None

    def __init__(self, settings: Settings, connection: Connection, release: Release, step: Step) -> None:
        self.settings = settings
        self.connection = connection
        self.release = release
        self.step = step
        self.tables = {table.name: table for table in public_tables(release)}
        self.run = secrets.token_hex(4)
        self.scanned_bytes = 0

    def publish(self) -> PublicationSummary:
        """Do all that is not done yet; what is refused for what the dataset holds is refused before anything is changed."""
        contents = read_contents(self.connection, self.release, self.tables, self.role)
        shown = shown_release(self.settings, contents.current.shown, self.connection.name)
        changes = self._changes(shown, contents)
        if self.role is None:
            self._check_columns(changes, contents)
        self._make_dataset(contents.dataset)
        labels = contents.labels
        self._drop_staging(labels)
        if LEDGER not in labels:
            self.connection.create_table(ledger_table(self.connection.table_reference(LEDGER), self.release))
        is_new = contents.current.shown is None or contents.current.shown.id != self.release.id
        if is_new or changes:
            self._publish(changes, contents)
            labels = self.connection.labels()
            self._drop_staging(labels, self.run)
        self._tidy(labels)
        return self._summary(changes, is_new)

    def _changes(self, shown: Release | None, contents: Contents) -> list[TableChange]:
        """Return what differs; of a table that isn't there, or has lost or got rows since it was published, everything does."""
        changes = {change.table.name: change for change in changed_tables(shown, self.release)}
        spoilt = self.tables.keys() - contents.tables.keys()
        if shown and self.role is None:
            row_counts = {table.name: table.row_count for table in public_tables(shown)}
            spoilt |= miscounted(self.connection, contents.tables, row_counts)
        changes |= {change.table.name: change for change in changed_tables(None, self.release) if change.table.name in spoilt}
        return list(changes.values())

    def _check_columns(self, changes: Sequence[TableChange], contents: Contents) -> None:
        """Refuse columns that can't take the release's values."""
        for change in changes:
            found = contents.tables.get(change.table.name)
            missing_columns(found.schema if found else (), change.table)

    def _make_dataset(self, dataset: bigquery.Dataset | None) -> None:
        """Make the dataset where there is none, and let everybody read it where that is asked for."""
        settings = self.settings.publish.bigquery
        if dataset is None:
            dataset = bigquery.Dataset(self.connection.reference)
            dataset.location = settings.location or None
            dataset.description = f"Open-source impact data of the lake {owner(self.release)}, published by osslake."
            dataset.labels = {OWNER_LABEL: owner(self.release)}
            dataset = self.connection.create_dataset(dataset)
        if settings.public and _EVERYBODY not in dataset.access_entries:
            dataset.access_entries = [*dataset.access_entries, _EVERYBODY]
            self.connection.update_dataset(dataset, ["access_entries"])

    def _drop_staging(self, labels: Labels, run: str = "") -> None:
        """Drop the staging tables of a run, or of all."""
        staging = [name for name in self._ours(labels) if labels[name].get(ROLE_LABEL) == STAGING]
        at_once(self.connection.drop_table, [name for name in staging if name.startswith(staging_name(run))])

    def _ours(self, labels: Labels) -> Iterator[str]:
        return (name for name, one in labels.items() if one.get(OWNER_LABEL) == owner(self.release))

    def _removed(self, labels: Labels) -> list[str]:
        """Return tables of ours that the release hasn't."""
        return [name for name in self._ours(labels) if name not in (*self.tables, LEDGER) and labels[name].get(ROLE_LABEL) != STAGING]

    def _publish(self, changes: Sequence[TableChange], contents: Contents) -> None:
        crash_point("publish.bigquery.tables")
        self.scanned_bytes += sum(at_once(lambda change: self._prepare(change, contents.tables.get(change.table.name)), changes))
        rows = sum(change.row_count for change in changes)
        self.step(f"publish bigquery: loading {rows:,} rows of {len(changes)} tables")
        try:
            staged = stage(self.settings, self.connection, self.release, changes, self.run)
            self.scanned_bytes += 2 * sum(one.size_bytes for one in staged)
            self.step("publish bigquery: checking")
            check_staged(self.connection, staged)
            crash_point("publish.bigquery.transaction")
            self.step("publish bigquery: showing")
            self._move(changes, staged, contents)
        except OsslakeError:
            with suppress(OsslakeError):
                self._drop_staging(self.connection.labels(), self.run)
            raise
        crash_point("publish.bigquery.shown")

    def _prepare(self, change: TableChange, found: bigquery.Table | None) -> int:
        """Make a table, or the columns that it lacks: neither can be part of a transaction. Return about what its DELETE scans, in bytes."""
        if found is None:
            reference = self.connection.table_reference(change.table.name)
            self.connection.create_table(released_table(reference, change.table, self.release))
            return 0
        missing = missing_columns(found.schema, change.table)
        if missing:
            found.schema = [*found.schema, *missing]
            self.connection.update_table(found, ["schema"])
        return _replaced_bytes(found, change)

    def _move(self, changes: Sequence[TableChange], staged: Sequence[Staged], contents: Contents) -> None:
        path = self.connection.path
        names = {one.change.table.name: one.name for one in staged}
        statements = ledger_sql(path(LEDGER), self.release, contents.current.number)
        for change in changes:
            name, staging = change.table.name, names.get(change.table.name)
            statements += exchange_sql(path(name), path(staging) if staging else None, change, is_empty=name not in contents.tables)
        statements += [empty_sql(path(name)) for name in self._removed(contents.labels)]
        self.connection.query(f"showing the release {self.release.id}", transaction_sql(statements))

    def _tidy(self, labels: Labels) -> None:
        """Drop tables that the release hasn't, and bring descriptions, comments and labels up to date."""
        at_once(self.connection.drop_table, self._removed(labels))
        old = [table for table in self.tables.values() if labels.get(table.name) != labels_of(table, self.release)]
        at_once(self._describe, old, came=lambda: crash_point("publish.bigquery.labels"))

    def _describe(self, table: ReleasedTable) -> None:
        found = self.connection.table(table.name)
        found.description, found.labels = described(table), labels_of(table, self.release)
        found.schema = commented(found.schema, table)
        self.connection.update_table(found, ["description", "labels", "schema"])

    def _summary(self, changes: Sequence[TableChange], is_new: bool) -> PublicationSummary:
        scanned = max(self.scanned_bytes, self.connection.billed_bytes)
        usd = scanned / TIB * self.settings.publish.bigquery.usd_per_tib
        return PublicationSummary(
            self.release.id,
            is_new,
            {change.table.full_name: list(change.partitions) for change in changes},
            rows=sum(change.row_count for change in changes),
            files=sum(len(change.files) for change in changes),
            bytes=sum(change.size_bytes for change in changes),
            figures={"jobs": self.connection.jobs, "scanned_bytes": scanned, "estimated_usd": round(usd, 6)},
        )


def _replaced_bytes(found: bigquery.Table, change: TableChange) -> int:
    """Return about how many bytes of a table a DELETE of the differing partitions scans, as BigQuery counts them."""
    if change.before is None or not found.num_rows:
        return found.num_bytes or 0
    rows = sum(file.row_count or 0 for file in change.before.data_files if change.is_whole or (file.partition or "") in change.partitions)
    return int((found.num_bytes or 0) * rows // found.num_rows)
