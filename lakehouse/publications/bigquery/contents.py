"""What a dataset holds, read before a publication changes anything; and what is refused for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from google.cloud import bigquery

from catalog.errors import PublishError
from catalog.releases import Release
from lakehouse.publications.bigquery.at_once import at_once
from lakehouse.publications.bigquery.connection import Connection
from lakehouse.publications.bigquery.ledger import LEDGER, Current, read_current
from lakehouse.publications.bigquery.tables import OWNER_LABEL, ROLE_LABEL, owner

Labels = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Contents:
    """What a dataset holds.

    Attributes:
        dataset: None if there is none.
        labels: of all its tables and views, by name.
        current: the publication that it shows.
        tables: those of the release's that are there, by name.
    """

    dataset: bigquery.Dataset | None
    labels: Labels
    current: Current
    tables: dict[str, bigquery.Table]


def read_contents(connection: Connection, release: Release, names: Iterable[str], role: str | None) -> Contents:
    """Return what a dataset holds.

    Args:
        connection: to the dataset.
        release: what is to be shown.
        names: of its tables.
        role: label of the tables that show its rows.

    Raises:
        PublishError: the dataset is elsewhere than the settings want it, or one of its tables was not made by publications of this lake, in this role.
    """
    dataset = connection.dataset()
    if dataset is None:
        return Contents(None, {}, Current(), {})
    _check_location(connection, dataset)
    labels = connection.labels()
    for name in (*names, LEDGER):
        whose = _objection(name, labels[name], owner(release), role) if name in labels else None
        if whose:
            raise PublishError(
                f"{connection.name}.{name} {whose} and stays as it is; publish into a dataset of its own, or rename that table", table=name
            )
    current = read_current(connection) if LEDGER in labels else Current()
    tables = at_once(connection.table, [name for name in names if name in labels])
    return Contents(dataset, labels, current, {table.table_id: table for table in tables})


def _check_location(connection: Connection, dataset: bigquery.Dataset) -> None:
    wanted, found = connection.settings.location, dataset.location or "US"
    if wanted and found.lower() != wanted.lower():
        raise PublishError(
            f"the dataset {connection.name} is in {found}, not in {wanted}; name that, or another dataset", target=connection.name
        )


def _objection(name: str, labels: Mapping[str, str], lake: str, role: str | None) -> str | None:
    maker = labels.get(OWNER_LABEL)
    if maker != lake:
        return f"belongs to the lake {maker}" if maker else "was not made by osslake"
    if name == LEDGER or labels.get(ROLE_LABEL) == role:
        return None
    return "shows Iceberg files" if role is None else "holds loaded rows"


def miscounted(connection: Connection, tables: Mapping[str, bigquery.Table], row_counts: Mapping[str, int]) -> set[str]:
    """Return the names of tables that have other numbers of rows than these; the rows are counted, without a scan, where their metadata say so."""
    doubtful = [name for name, table in tables.items() if name in row_counts and table.num_rows != row_counts[name]]
    if not doubtful:
        return set()
    counts = (f"SELECT '{name}' AS table_name, COUNT(*) AS row_count FROM {connection.path(name)}" for name in doubtful)
    found = connection.query("counting rows", " UNION ALL ".join(counts))
    return {row["table_name"] for row in found if row["row_count"] != row_counts[row["table_name"]]}
