"""Pages of a table that is cut by months: together they are what is there, in the order that is asked for; and few months are read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from marts_lake import dataset
from released_lake import EVENTS, FIRST_EVENTS, ReleasedLake, Rows

from catalog.datasets import Partitioning
from catalog.releases import Release
from serving.api.grammar import Comparison, Node, Order
from serving.api.selections import Page, Selection, read_from_files
from serving.engine import Engine
from serving.replica.layout import columns_of

MONTHS = [date(2023 + month // 12, month % 12 + 1, 1) for month in (0, 1, 3, 4, 5, 11, 12, 17)]
DAYS = dataset("days_v1", "bucket_date artifact_id amount", "bucket_date artifact_id", Partitioning("bucket_date", "month"))
TIMES = dataset("times_v1", "artifact_id first_seen_at amount", "artifact_id first_seen_at", Partitioning("first_seen_at", "month"))
EMPTY = dataset("empty_v1", "bucket_date artifact_id amount", "bucket_date artifact_id", Partitioning("bucket_date", "month"))
OF_DAYS: Rows = [
    {"bucket_date": month + timedelta(days=day), "artifact_id": artifact, "amount": None if day == 3 else float(place % 7)}
    for place, (month, day, artifact) in enumerate(product(MONTHS, (0, 3, 27), ("a", "b", "c")))
    if artifact != "c" or month == MONTHS[3]
]
OF_TIMES: Rows = [
    {
        "first_seen_at": datetime.combine(row["bucket_date"], datetime.max.time(), UTC),
        "artifact_id": row["artifact_id"],
        "amount": row["amount"],
    }
    for row in OF_DAYS
]


class CountingEngine(Engine):
    """Counts its queries."""

    def __init__(self, lake: ReleasedLake) -> None:
        super().__init__(lake.settings)
        self.release, self.count = lake.release(date(2024, 7, 1)), 0

    def query(self, release: Release, sql: str, values: Any, timeout_s: float) -> Any:
        """Count it, and ask."""
        self.count += 1
        return super().query(release, sql, values, timeout_s)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> CountingEngine:
    """Return an engine over eight months of rows, among them months between of which there are none."""
    lake = ReleasedLake(tmp_path_factory.mktemp("months"), (EVENTS, DAYS, TIMES, EMPTY))
    lake.append(EVENTS, FIRST_EVENTS)
    for month in MONTHS:
        lake.append(DAYS, [row for row in OF_DAYS if row["bucket_date"].replace(day=1) == month])
        lake.append(TIMES, [row for row in OF_TIMES if row["first_seen_at"].date().replace(day=1) == month])
    return CountingEngine(lake)


def one_page(engine: CountingEngine, table: str, order: list[Order], limit: int, after: list[Any] | None, *nodes: Node) -> Page:
    """Return the page after a row."""
    released = next(one for one in engine.release.tables if one.name == table)
    kinds = columns_of(released)
    order = order + [Order(name, is_descending=False) for name in released.grain if name not in [one.column for one in order]]
    wanted = Selection(released, kinds, list(kinds), takes_json=False, nodes=list(nodes), order=order, limit=limit)
    return read_from_files(engine, engine.release, wanted, after, 60)


def pages(engine: CountingEngine, table: str, order: list[Order], limit: int, *nodes: Node) -> Rows:
    """Return the rows of all pages, one after the other."""
    page = one_page(engine, table, order, limit, None, *nodes)
    found: Rows = []
    while page.columns is not None:
        found += page.columns.to_pylist()
        if page.last is None:
            break
        assert page.count == limit
        page = one_page(engine, table, order, limit, page.last, *nodes)
    return found


def in_order(rows: Rows, column: str, *, is_descending: bool) -> Rows:
    """Return rows by a column of days or times, then by artifact."""
    return sorted(sorted(rows, key=lambda row: str(row["artifact_id"])), key=lambda row: row[column], reverse=is_descending)


@pytest.mark.parametrize("limit", [3, 7, 1000])
@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize(("table", "column", "rows"), [("days_v1", "bucket_date", OF_DAYS), ("times_v1", "first_seen_at", OF_TIMES)])
def test_pages_are_what_is_there(engine: CountingEngine, table: str, column: str, rows: Rows, is_descending: bool, limit: int) -> None:
    """Earliest first or latest first, all rows or those of an artifact that one month alone knows, of a date or of a time."""
    order = [Order(column, is_descending)]
    assert pages(engine, table, order, limit) == in_order(rows, column, is_descending=is_descending)
    of_one = [row for row in rows if row["artifact_id"] == "c"]
    found = pages(engine, table, order, limit, Comparison("artifact_id", "eq", "c"))
    assert found == in_order(of_one, column, is_descending=is_descending)
    assert pages(engine, table, order, limit, Comparison("artifact_id", "eq", "nobody")) == []


@pytest.mark.parametrize("is_descending", [False, True])
def test_other_orders_are_of_the_whole_table(engine: CountingEngine, is_descending: bool) -> None:
    """An order by another column reads all months at once; rows without a value come last."""
    found = pages(engine, "days_v1", [Order("amount", is_descending)], 4)
    known = [row["amount"] for row in found if row["amount"] is not None]
    assert (known, [row["amount"] for row in found[len(known) :]]) == (
        sorted(known, reverse=is_descending),
        [None] * (len(OF_DAYS) - len(known)),
    )
    assert len(found) == len(OF_DAYS)


@pytest.mark.parametrize(
    ("table", "artifact", "expected"), [("days_v1", "a", 1), ("days_v1", "c", 3), ("days_v1", "nobody", 4), ("empty_v1", "a", 1)]
)
def test_a_page_reads_as_many_months_as_it_needs(engine: CountingEngine, table: str, artifact: str, expected: int) -> None:
    """The last month fills a small page; the fifth from the end is in the third question; who finds nothing asks four times for eight months."""
    before = engine.count
    one_page(engine, table, [Order("bucket_date", is_descending=True)], 2, None, Comparison("artifact_id", "eq", artifact))
    assert engine.count - before == expected
