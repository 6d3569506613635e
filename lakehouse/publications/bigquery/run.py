"""One publication by loading, step by step: tables and columns, loads, checks, the transaction, and what is tidied up after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from google.cloud import bigquery

from catalog.crash import crash_point
from catalog.errors import OsslakeError, PublishError
from catalog.release_document import ReleasedTable
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.publications.bigquery.at_once import at_once
from lakehouse.publications.bigquery.connection import Connection
from lakehouse.publications.bigquery.ledger import LEDGER, Current, ledger_sql, ledger_table, read_current
from lakehouse.publications.bigquery.staging import Staged, check_staged, stage
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

Labels = dict[str, dict[str, str]]
TIB = 1 << 40
_EVERYBODY = bigquery.AccessEntry("READER", "specialGroup", "allAuthenticatedUsers")


class PublicationRun:
    """One publication, by loading.

    Attributes:
        role: label of the tables that show rows.
    """

    role: str | None = None

    def __init__(self, settings: Settings, connection: Connection, release: Release, step: Step) -> None:
        self.settings = settings
        self.connection = connection
        self.release = release
        self.step = step
        self.tables = {table.name: table for table in public_tables(release)}
        self.scanned_bytes = 0

    def publish(self) -> PublicationSummary:
        """Do all that is not done yet."""
        self._make_dataset()
        labels = self.connection.labels()
        self._check_ours(labels)
        self._drop_staging(labels)
        if LEDGER not in labels:
            self.connection.create_table(ledger_table(self.connection.table_reference(LEDGER), self.release))
        current = read_current(self.connection)
        changes: list[TableChange] = []
        is_new = current.shown is None or current.shown.id != self.release.id
        if is_new:
            changes = self._changes(current, labels)
            self._publish(changes, current, labels)
            labels = self.connection.labels()
            self._drop_staging(labels)
        self._tidy(labels)
        return self._summary(changes, is_new)

    def _make_dataset(self) -> None:
        """Make the dataset, or see that it is where it is wanted; and let everybody read it where that is asked for."""
        settings, dataset = self.settings.publish.bigquery, self.connection.dataset()
        name = self.connection.name
        if dataset is None:
            dataset = bigquery.Dataset(self.connection.reference)
            dataset.location = settings.location or None
            dataset.description = f"Open-source impact data of the lake {owner(self.release)}, published by osslake."
            dataset.labels = {OWNER_LABEL: owner(self.release)}
            dataset = self.connection.create_dataset(dataset)
        if settings.location and (dataset.location or "US").lower() != settings.location.lower():
            raise PublishError(
                f"the dataset {name} is in {dataset.location or 'US'}, not in {settings.location}; name that, or another dataset",
                target=name,
            )
        if settings.public and _EVERYBODY not in dataset.access_entries:
            dataset.access_entries = [*dataset.access_entries, _EVERYBODY]
            self.connection.update_dataset(dataset, ["access_entries"])

    def _check_ours(self, labels: Labels) -> None:
        """Refuse to touch a table that no publication of this lake made."""
        for name in (*self.tables, LEDGER):
            whose = self._objection(name, labels[name]) if name in labels else None
            if whose:
                raise PublishError(
                    f"{self.connection.name}.{name} {whose} and stays as it is; publish into a dataset of its own, or rename that table",
                    table=name,
                )

    def _objection(self, name: str, labels: dict[str, str]) -> str | None:
        maker = labels.get(OWNER_LABEL)
        if maker != owner(self.release):
            return f"belongs to the lake {maker}" if maker else "was not made by osslake"
        if name == LEDGER or labels.get(ROLE_LABEL) == self.role:
            return None
        return "shows Iceberg files" if self.role is None else "holds loaded rows"

    def _drop_staging(self, labels: Labels) -> None:
        at_once(self.connection.drop_table, [name for name in self._ours(labels) if labels[name].get(ROLE_LABEL) == STAGING])

    def _ours(self, labels: Labels) -> Iterator[str]:
        return (name for name, one in labels.items() if one.get(OWNER_LABEL) == owner(self.release))

    def _removed(self, labels: Labels) -> list[str]:
        """Return tables of ours that the release hasn't."""
        return [name for name in self._ours(labels) if name not in (*self.tables, LEDGER) and labels[name].get(ROLE_LABEL) != STAGING]

    def _changes(self, current: Current, labels: Labels) -> list[TableChange]:
        """Return what differs; of a table that isn't there everything does."""
        shown = shown_release(self.settings, current.shown, self.connection.name)
        changes = {change.table.name: change for change in changed_tables(shown, self.release)}
        lacking = {change.table.name: change for change in changed_tables(None, self.release) if change.table.name not in labels}
        return list((changes | lacking).values())

    def _publish(self, changes: Sequence[TableChange], current: Current, labels: Labels) -> None:
        crash_point("publish.bigquery.tables")
        self.scanned_bytes += sum(at_once(lambda change: self._prepare(change, labels), changes))
        rows = sum(change.row_count for change in changes)
        self.step(f"publish bigquery: loading {rows:,} rows of {len(changes)} tables")
        try:
            staged = stage(self.settings, self.connection, self.release, changes)
            self.scanned_bytes += 2 * sum(one.size_bytes for one in staged)
            self.step("publish bigquery: checking")
            check_staged(self.connection, staged)
            crash_point("publish.bigquery.transaction")
            self.step("publish bigquery: showing")
            self._move(changes, staged, current, labels)
        except OsslakeError:
            with suppress(OsslakeError):
                self._drop_staging(self.connection.labels())
            raise
        crash_point("publish.bigquery.shown")

    def _prepare(self, change: TableChange, labels: Labels) -> int:
        """Make a table, or the columns that it lacks: neither can be part of a transaction. Return about what its DELETE scans, in bytes."""
        if change.table.name not in labels:
            reference = self.connection.table_reference(change.table.name)
            self.connection.create_table(released_table(reference, change.table, self.release))
            return 0
        found = self.connection.table(change.table.name)
        missing = missing_columns(found, change.table)
        if missing:
            found.schema = [*found.schema, *missing]
            self.connection.update_table(found, ["schema"])
        return _replaced_bytes(found, change)

    def _move(self, changes: Sequence[TableChange], staged: Sequence[Staged], current: Current, labels: Labels) -> None:
        path = self.connection.path
        names = {one.change.table.name: one.name for one in staged}
        statements = ledger_sql(path(LEDGER), self.release, current.number)
        for change in changes:
            name, staging = change.table.name, names.get(change.table.name)
            statements += exchange_sql(path(name), path(staging) if staging else None, change, is_empty=name not in labels)
        statements += [empty_sql(path(name)) for name in self._removed(labels)]
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
