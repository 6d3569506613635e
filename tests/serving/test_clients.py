"""Iceberg clients over HTTP: DuckDB and PyIceberg read what the tables hold, from the application and from static files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchTableError
from released_lake import DATASETS, DAYS, EVENTS, FIRST_EVENTS, FIRST_PROJECTS, PROJECTS, SECOND_EVENTS, SECOND_PROJECTS, ReleasedLake, Rows

from catalog import duck
from catalog.datasets import Dataset
from catalog.duck import DuckConnection

NEWEST: dict[Dataset, Rows] = {
    EVENTS: [*FIRST_EVENTS, *SECOND_EVENTS],
    DAYS: [{"day": date(2024, 1, 1), "event_count": 2}, {"day": date(2024, 1, 2), "event_count": 1}],
    PROJECTS: SECOND_PROJECTS,
}
OLDER: dict[Dataset, Rows] = {EVENTS: FIRST_EVENTS, DAYS: NEWEST[DAYS][:1], PROJECTS: FIRST_PROJECTS}


@pytest.fixture
def connection() -> Iterator[DuckConnection]:
    """DuckDB with its Iceberg extension, from the package."""
    with duck.connect(extensions=True) as opened:
        yield opened


def attach(connection: DuckConnection, url: str, name: str = "lake") -> None:
    """Attach a catalog as the documentation says."""
    connection.execute(f"ATTACH 'any' AS {name} (TYPE iceberg, ENDPOINT '{url}', AUTHORIZATION_TYPE 'none')")


def rows_of(connection: DuckConnection, dataset: Dataset, name: str = "lake") -> Rows:
    """Return a table's rows in the grain's order."""
    query = f"SELECT * FROM {name}.{dataset.full_name} ORDER BY {', '.join(dataset.grain)}"
    return normalised(connection.execute(query).to_arrow_table().to_pylist())


def normalised(rows: list[dict[str, Any]]) -> Rows:
    """Return rows with times of one time zone class."""
    return [{name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("root", ["", "/latest"])
def test_duckdb_reads_the_newest_release(connection: DuckConnection, base_url: str, root: str) -> None:
    """DuckDB attaches without credentials and reads every stage's rows as they were committed."""
    attach(connection, base_url + root)
    assert {dataset: rows_of(connection, dataset) for dataset in NEWEST} == {dataset: normalised(rows) for dataset, rows in NEWEST.items()}
    tables = connection.execute("SELECT schema || '.' || name FROM (SHOW ALL TABLES) WHERE database = 'lake' ORDER BY 1").fetchall()
    assert [name for (name,) in tables] == sorted(dataset.full_name for dataset in DATASETS)


def test_duckdb_reads_an_older_release_beside_the_newest(connection: DuckConnection, base_url: str, released_lake: ReleasedLake) -> None:
    """A kept release is attached by its address and shows its own rows, in one session with the newest."""
    attach(connection, f"{base_url}/releases/{released_lake.releases[0].id}", "older")
    attach(connection, base_url)
    assert {dataset: rows_of(connection, dataset, "older") for dataset in OLDER} == {
        dataset: normalised(rows) for dataset, rows in OLDER.items()
    }
    assert len(rows_of(connection, PROJECTS)) == len(SECOND_PROJECTS)


def test_duckdb_sees_that_a_table_is_missing(connection: DuckConnection, base_url: str) -> None:
    """A table that isn't there is DuckDB's own error of a missing table."""
    attach(connection, base_url)
    with pytest.raises(duck.DuckError, match=r"nothing_v1 does not exist"):
        connection.execute("SELECT * FROM lake.marts.nothing_v1")


def test_duckdb_can_write_nothing(connection: DuckConnection, base_url: str) -> None:
    """An attempt to write ends in an error, and the rows stay."""
    attach(connection, base_url)
    with pytest.raises(duck.DuckError):
        connection.execute("INSERT INTO lake.marts.source_gaps_v1 VALUES ('forged')")
    with pytest.raises(duck.DuckError):
        connection.execute("DROP TABLE lake.marts.projects_v1")
    assert len(rows_of(connection, PROJECTS)) == len(SECOND_PROJECTS)


def pyiceberg(url: str) -> RestCatalog:
    """Open PyIceberg's REST client as the documentation says."""
    return RestCatalog("lake", uri=url)


@pytest.mark.parametrize("root", ["", "/latest"])
def test_pyiceberg_reads_the_newest_release(base_url: str, root: str) -> None:
    """PyIceberg lists namespaces and tables and reads every stage's rows as they were committed."""
    catalog = pyiceberg(base_url + root)
    assert catalog.list_namespaces() == [("raw",), ("intermediate",), ("marts",)]
    assert catalog.list_tables("marts") == [("marts", "projects_v1"), ("marts", "source_gaps_v1")]
    for dataset, rows in NEWEST.items():
        found = catalog.load_table(dataset.identifier).scan().to_arrow()
        assert normalised(found.sort_by([(name, "ascending") for name in dataset.grain]).to_pylist()) == normalised(rows)


def test_pyiceberg_reads_an_older_release(base_url: str, released_lake: ReleasedLake) -> None:
    """A kept release is opened by its address and shows its own rows."""
    table = pyiceberg(f"{base_url}/releases/{released_lake.releases[0].id}").load_table(PROJECTS.identifier)
    assert normalised(table.scan().to_arrow().sort_by("project_id").to_pylist()) == normalised(FIRST_PROJECTS)


def test_pyiceberg_sees_what_exists(base_url: str) -> None:
    """PyIceberg's questions whether something exists are answered, and a missing table is its own error."""
    catalog = pyiceberg(base_url)
    assert catalog.table_exists(PROJECTS.identifier)
    assert not catalog.table_exists("marts.nothing_v1")
    assert catalog.namespace_exists("raw")
    assert not catalog.namespace_exists("nowhere")
    with pytest.raises(NoSuchTableError):
        catalog.load_table("marts.nothing_v1")


def test_a_table_carries_its_description(base_url: str) -> None:
    """What a table and its columns mean reaches the client."""
    table = pyiceberg(base_url).load_table(PROJECTS.identifier)
    assert table.properties["comment"] == PROJECTS.description
    assert {field.name: field.doc for field in table.schema().fields} == {column.name: column.comment for column in PROJECTS.columns}


def test_odd_headers_are_tolerated(base_url: str) -> None:
    """Headers that clients send to catalogs with tokens and delegation do no harm."""
    headers = {"Authorization": "Bearer None", "X-Iceberg-Access-Delegation": "vended-credentials", "If-None-Match": '"other"'}
    assert httpx.get(f"{base_url}/v1/config?warehouse=any", headers=headers).status_code == 200
