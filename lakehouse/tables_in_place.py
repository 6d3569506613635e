"""Publication from Trino: what it wrote is released where it lies; no row passes through this process.

A model's table is released as it is, once Trino has rewritten the data files that have delete files. A model that is a view has a table of
its own in the namespace `published`, in which Trino replaces the months that differ; months are partitions, so no delete files arise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from catalog.catalogs import catalog_answers
from catalog.crash import crash_point
from catalog.datasets import Dataset
from catalog.duck import identifier
from catalog.iceberg import ensure_table
from catalog.partitions import month_after
from catalog.settings import Settings
from lakehouse.control import mark_published
from lakehouse.engines import Session, open_engine
from lakehouse.months import months_together, within_months
from lakehouse.unpublished import unpublished

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

PUBLISHED = "published"
FILLING = "osslake.filling"
"""Property of a table that is filled for the first time, by several statements."""
Place = tuple[str, str]
Progress = Callable[[str], None]


def publish_in_place(
    settings: Settings, catalog: Catalog, datasets: Sequence[Dataset], physical: Mapping[str, Place], progress: Progress | None = None
) -> tuple[dict[str, list[str]], dict[str, Place]]:
    """Make the tables of the models ready to be released.

    Args:
        settings: of the lake.
        catalog: the Iceberg catalog of engine and lake.
        datasets: what is published.
        physical: the table of each materialised model, by the model's name.
        progress: told of each table.

    Returns:
        The partitions that were written, by table, and where the catalog has each published table.

    Raises:
        TransformError: the engine refuses a statement, or does not answer.
        StorageError: the catalog does not answer.
        CommitError: a table can't be made.
    """
    places = {dataset.full_name: physical.get(dataset.full_name, (PUBLISHED, f"{dataset.stage}__{dataset.name}")) for dataset in datasets}
    written: dict[str, list[str]] = {}
    with open_engine(settings).session() as session:
        waiting = unpublished(session)
        if waiting.is_nothing:
            return written, places
        for name, place in physical.items():
            if _has_delete_files(catalog, place):
                session.rows(f"ALTER TABLE {_sql_name(place)} EXECUTE optimize")
                written[name] = []
                crash_point("publish.table")
        for dataset in datasets:
            if dataset.full_name not in physical:
                months = _View(session, catalog, dataset, places[dataset.full_name]).publish(waiting.days_of(dataset))
                written |= {dataset.full_name: months} if months else {}
            if progress:
                progress(dataset.full_name)
            crash_point("publish.table")
        mark_published(session)
    crash_point("publish.tables")
    return written, places


def _has_delete_files(catalog: Catalog, place: Place) -> bool:
    with catalog_answers(f"looking up table {'.'.join(place)}"):
        snapshot = catalog.load_table(place).current_snapshot()
    return bool(snapshot and snapshot.summary and snapshot.summary.additional_properties.get("total-delete-files", "0") != "0")


def _sql_name(place: Place) -> str:
    return ".".join(identifier(part) for part in place)


class _View:
    """A view of the models, and the table that holds its rows for readers."""

    def __init__(self, session: Session, catalog: Catalog, dataset: Dataset, place: Place) -> None:
        self.session, self.dataset = session, dataset
        self.table = ensure_table(catalog, dataset, place)
        self.target, self.source = _sql_name(place), f"{dataset.stage}.{identifier(dataset.name)}"
        self.columns = ", ".join(identifier(column.name) for column in dataset.columns)
        self.is_new = self.table.current_snapshot() is None or FILLING in self.table.properties
        if self.is_new:
            order = ", ".join(f"'{name}'" for name in dataset.order)
            session.rows(f"ALTER TABLE {self.target} SET PROPERTIES sorted_by = ARRAY[{order}]")
        self.day = dataset.partitioning.column if dataset.partitioning else ""

    def publish(self, days: set[date] | None) -> list[str]:
        """Replace the partitions that differ from the view's rows on some days, or any (None); return their names."""
        noted: set[date | None] = {None} if self.is_new or days is None else {day.replace(day=1) for day in days}
        changed = self._differing(self._where(noted)) if noted and not self.is_new else noted
        if not changed:
            return []
        chosen = self._where(changed)
        if self.table.current_snapshot():
            self.session.rows(f"DELETE FROM {self.target}{chosen}")
            crash_point("publish.written")
        self._insert(chosen)
        return [f"{month:%Y-%m}" if month else "" for month in sorted(changed, key=str)]

    def _insert(self, chosen: str) -> None:
        """Insert rows of the view, some months at a time; a table that was never filled is marked until it has all of them."""
        conditions = self._conditions(chosen)
        is_filled = self.is_new and (len(conditions) > 1 or FILLING in self.table.properties)
        if is_filled:
            self.table.refresh().transaction().set_properties({FILLING: "true"}).commit_transaction()
        for condition in conditions:
            crash_point("publish.months")
            self.session.rows(f"INSERT INTO {self.target} ({self.columns}) SELECT {self.columns} FROM {self.source}{condition}")
        if is_filled:
            self.table.refresh().transaction().remove_properties(FILLING).commit_transaction()

    def _where(self, months: set[date | None]) -> str:
        """Return the condition of months, as ranges that Trino can tell from partitions; one None is all of them."""
        if None in months:
            return ""
        return f" WHERE {within_months(self.day, [month for month in months if month])}"

    def _conditions(self, chosen: str) -> list[str]:
        """Return a condition for each run of months that Trino's memory can hold, of those that view or table have under a condition."""
        if not self.day:
            return [chosen]
        month = f"CAST(date_trunc('month', {self.day}) AS DATE)"
        both = " UNION ALL ".join(f"SELECT {self.day} FROM {relation}{chosen}" for relation in (self.source, self.target))
        counts = self.session.rows(f"SELECT {month}, count(*) FROM ({both}) AS days GROUP BY 1 ORDER BY 1")
        within = f"{chosen} AND " if chosen else " WHERE "
        return [
            f"{within}{self.day} >= DATE '{first}' AND {self.day} < DATE '{month_after(last)}'"
            for first, last in months_together([(first, rows) for first, rows in counts])
        ] or [chosen]

    def _has_other_count(self) -> bool:
        """Tell whether view and table differ in their number of rows: cheaper than their rows, and after most changes they do."""
        counts = f"(SELECT count(*) FROM {self.source}) <> (SELECT count(*) FROM {self.target})"
        return bool(self.session.value(f"SELECT {counts}"))

    def _differing(self, where: str) -> set[date | None]:
        if not self.day and self._has_other_count():
            return {None}
        month = f"CAST(date_trunc('month', {self.day}) AS DATE)" if self.day else "CAST(NULL AS DATE)"
        differing: set[date | None] = set()
        for condition in self._conditions(where):
            new, old = (f"SELECT {self.columns} FROM {relation}{condition}" for relation in (self.source, self.target))
            query = f"SELECT DISTINCT {month} FROM ((({new}) EXCEPT ({old})) UNION ALL (({old}) EXCEPT ({new}))) AS differing"
            differing |= {row[0] for row in self.session.rows(query)}
        return differing
