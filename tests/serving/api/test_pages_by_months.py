"""Pages of a table that is cut by months: together they are what is there, in the order that is asked for; and few months are read."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import product
from operator import eq, ge, gt, le, lt, ne
from pathlib import Path
from typing import Any

import pytest
from marts_lake import dataset
from pyarrow import parquet
from released_lake import EVENTS, FIRST_EVENTS, ReleasedLake, Rows

from catalog.datasets import Partitioning
from catalog.errors import QueryError, VerificationError
from catalog.release_document import ReleasedFile, ReleasedTable
from catalog.releases import Release
from serving.api import portions
from serving.api.grammar import Comparison, Node, Operator, Order
from serving.api.selections import Page, Selection, read_from_files
from serving.engine import Engine
from serving.replica.build import build_replica
from serving.replica.files import replica_file
from serving.replica.keeper import make_replica
from serving.replica.layout import columns_of
from serving.replica.replica import Replica

MONTHS = [date(2023 + month // 12, month % 12 + 1, 1) for month in (0, 1, 3, 4, 5, 11, 12, 17)]
DAYS = dataset(
    "events_daily_v1",
    "bucket_date to_artifact_id amount",
    "bucket_date to_artifact_id",
    Partitioning("bucket_date", "month"),
)
TIMES = dataset("events_v1", "to_artifact_id first_seen_at amount", "to_artifact_id first_seen_at", Partitioning("first_seen_at", "month"))
EMPTY = dataset("empty_v1", "first_seen_at to_artifact_id amount", "first_seen_at to_artifact_id", Partitioning("first_seen_at", "month"))
OF_DAYS: Rows = [
    {
        "bucket_date": month + timedelta(days=day),
        "to_artifact_id": artifact,
        "amount": None if day == 3 else float(place % 7),
    }
    for place, (month, day, artifact) in enumerate(product(MONTHS, (0, 3, 27), ("a", "b", "c")))
    if artifact != "c" or month == MONTHS[3]
]


def at(day: date) -> datetime:
    """Return the last moment of a day."""
    return datetime.combine(day, datetime.max.time(), UTC)


OF_TIMES: Rows = [
    {
        "first_seen_at": at(row["bucket_date"]),
        "to_artifact_id": row["to_artifact_id"],
        "amount": row["amount"],
    }
    for row in OF_DAYS
]


class CountingEngine(Engine):
    """Counts its queries."""

    delay_s = 0.0

    def __init__(self, lake: ReleasedLake) -> None:
        super().__init__(lake.settings)
        self.release, self.count = lake.release(date(2024, 7, 1)), 0
        make_replica(lake.settings)
        self.replica = Replica(replica_file(lake.settings.replicas, self.release.id), self.release)

    def scan(self, release: Release, table: ReleasedTable, files: Sequence[ReleasedFile]) -> str:
        """Count it; a slow store takes its time."""
        self.count += 1
        time.sleep(self.delay_s)
        return super().scan(release, table, files)


@pytest.fixture(autouse=True)
def one_file_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read one month first, then two, then four: each is a file here."""
    monkeypatch.setattr(portions, "FIRST_LOCATED_FILES", 1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> CountingEngine:
    """Return an engine over eight months of rows, among them months between of which there are none."""
    lake = ReleasedLake(tmp_path_factory.mktemp("months"), (EVENTS, DAYS, TIMES, EMPTY))
    lake.append(EVENTS, FIRST_EVENTS)
    for month in MONTHS:
        lake.append(DAYS, [row for row in OF_DAYS if row["bucket_date"].replace(day=1) == month])
        lake.append(TIMES, [row for row in OF_TIMES if row["first_seen_at"].date().replace(day=1) == month])
    return CountingEngine(lake)


def one_page(
    engine: CountingEngine, table: str, order: list[Order], limit: int, after: list[Any] | None, *nodes: Node, timeout_s: float = 60
) -> Page:
    """Return the page after a row."""
    released = next(one for one in engine.release.tables if one.name == table)
    kinds = columns_of(released)
    order = order + [Order(name, is_descending=False) for name in released.grain if name not in [one.column for one in order]]
    wanted = Selection(released, kinds, list(kinds), takes_json=False, nodes=list(nodes), order=order, limit=limit)
    return read_from_files(engine, engine.replica, wanted, after, timeout_s)


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
    return sorted(sorted(rows, key=lambda row: str(row["to_artifact_id"])), key=lambda row: row[column], reverse=is_descending)


@pytest.mark.parametrize(("limit", "first_files"), [(3, 1), (7, 1), (7, 16), (1000, 1)])
@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize(
    ("table", "column", "rows"), [("events_daily_v1", "bucket_date", OF_DAYS), ("events_v1", "first_seen_at", OF_TIMES)]
)
def test_pages_are_what_is_there(
    engine: CountingEngine,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    column: str,
    rows: Rows,
    is_descending: bool,
    limit: int,
    first_files: int,
) -> None:
    """Earliest first or latest first, all rows or those of an artifact that one month alone knows, of a date or of a time."""
    monkeypatch.setattr(portions, "FIRST_LOCATED_FILES", first_files)
    order = [Order(column, is_descending)]
    assert pages(engine, table, order, limit) == in_order(rows, column, is_descending=is_descending)
    of_one = [row for row in rows if row["to_artifact_id"] == "c"]
    found = pages(engine, table, order, limit, Comparison("to_artifact_id", "eq", "c"))
    assert found == in_order(of_one, column, is_descending=is_descending)
    assert pages(engine, table, order, limit, Comparison("to_artifact_id", "eq", "nobody")) == []


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("operator", ["eq", "gt", "gte", "lt", "lte", "in", "neq"])
@pytest.mark.parametrize(
    ("table", "column", "rows"), [("events_daily_v1", "bucket_date", OF_DAYS), ("events_v1", "first_seen_at", OF_TIMES)]
)
def test_days_that_are_asked_for_are_found(
    engine: CountingEngine, table: str, column: str, rows: Rows, operator: Operator, is_descending: bool
) -> None:
    """Whatever is asked of the days themselves, no row is left out with the months that aren't read."""
    meant: dict[str, Callable[[Any, Any], bool]] = {
        "eq": eq, "gt": gt, "gte": ge, "lt": lt, "lte": le, "in": lambda one, others: one in others, "neq": ne,
    }  # fmt: skip
    for row in rows[::5]:
        value = (row[column], rows[0][column]) if operator == "in" else row[column]
        expected = [one for one in rows if meant[operator](one[column], value)]
        found = pages(engine, table, [Order(column, is_descending)], 50, Comparison(column, operator, value))
        assert found == in_order(expected, column, is_descending=is_descending)


@pytest.mark.parametrize("is_descending", [False, True])
def test_other_orders_are_of_the_whole_table(engine: CountingEngine, is_descending: bool) -> None:
    """An order by another column reads all months at once; rows without a value come last."""
    found = pages(engine, "events_daily_v1", [Order("amount", is_descending)], 4)
    known = [row["amount"] for row in found if row["amount"] is not None]
    assert (known, [row["amount"] for row in found[len(known) :]]) == (
        sorted(known, reverse=is_descending),
        [None] * (len(OF_DAYS) - len(known)),
    )
    assert len(found) == len(OF_DAYS)


@pytest.mark.parametrize(
    ("table", "node", "questions"),
    [
        ("events_v1", Comparison("to_artifact_id", "eq", "a"), 1),
        ("events_v1", Comparison("to_artifact_id", "in", ("c", "nobody")), 1),
        ("events_v1", Comparison("to_artifact_id", "eq", "nobody"), 1),
        ("events_daily_v1", Comparison("amount", "gte", 0.0), 1),
        ("events_daily_v1", Comparison("amount", "eq", 99.0), 4),
        ("events_daily_v1", Comparison("bucket_date", "eq", MONTHS[0]), 1),
        ("events_daily_v1", Comparison("bucket_date", "lt", MONTHS[2]), 1),
        ("events_v1", Comparison("first_seen_at", "gt", datetime(2025, 1, 1, tzinfo=UTC)), 1),
        ("events_v1", Comparison("amount", "eq", 99.0), 4),
        ("empty_v1", Comparison("amount", "eq", 99.0), 1),
    ],
)
def test_a_page_reads_what_it_needs(engine: CountingEngine, table: str, node: Comparison, questions: int) -> None:
    """The last month fills a page; months without the days or the artifact aren't read; who finds nothing asks four times for eight months."""
    order = [Order("bucket_date" if table == "events_daily_v1" else "first_seen_at", is_descending=True)]
    before = engine.count
    one_page(engine, table, order, 2, None, node)
    assert engine.count - before == questions


def test_files_of_an_artifact_are_those_that_it_stands_in(engine: CountingEngine) -> None:
    """The replica tells for each value, and for several, the files whose rows have it; of another table it knows nothing."""
    released = next(one for one in engine.release.tables if one.name == "events_v1")
    by_month = {file.partition: file.path for file in released.data_files}
    assert engine.replica.files_with("events_v1", "to_artifact_id", ["a"]) == set(by_month.values())
    assert engine.replica.files_with("events_v1", "to_artifact_id", ["c"]) == {by_month[f"{MONTHS[3]:%Y-%m}"]}
    assert engine.replica.files_with("events_v1", "to_artifact_id", ["c", "nobody"]) == {by_month[f"{MONTHS[3]:%Y-%m}"]}
    assert engine.replica.files_with("events_v1", "to_artifact_id", ["nobody"]) == set()
    assert engine.replica.files_with("empty_v1", "to_artifact_id", ["a"]) is None
    assert engine.replica.files_with("events_daily_v1", "amount", ["1"]) is None


def test_a_page_has_one_time_limit(engine: CountingEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that a question may take is that of all that is read for it, and the message tells it as it was set."""
    monkeypatch.setattr(engine, "delay_s", 0.3)
    node, before = Comparison("amount", "eq", 99.0), engine.count
    with pytest.raises(QueryError, match=r"took more than 0\.5 s"):
        one_page(engine, "events_daily_v1", [Order("bucket_date", is_descending=True)], 2, None, node, timeout_s=0.5)
    assert engine.count - before == 2


def test_rows_without_a_day_are_found(tmp_path: Path) -> None:
    """A file with rows that have no day tells of none, so that the table is read whole; such rows come last."""
    lake = ReleasedLake(tmp_path, (EVENTS, DAYS))
    lake.append(EVENTS, FIRST_EVENTS)
    rows: Rows = [{"bucket_date": day, "to_artifact_id": "a", "amount": 1.0} for day in (MONTHS[0], None, MONTHS[1])]
    for row in rows:
        lake.append(DAYS, [row])
    engine = CountingEngine(lake)
    found = pages(engine, "events_daily_v1", [Order("bucket_date", is_descending=True)], 2)
    assert [row["bucket_date"] for row in found] == [MONTHS[1], MONTHS[0], None]


def test_a_file_that_lacks_rows_makes_no_replica(tmp_path: Path) -> None:
    """Where a file doesn't have the rows that the release lists nothing is told of its values."""
    lake = ReleasedLake(tmp_path, (EVENTS, DAYS))
    lake.append(EVENTS, FIRST_EVENTS)
    lake.append(DAYS, OF_DAYS[:4])
    release = lake.release(date(2024, 7, 1))
    (file,) = next(table for table in release.tables if table.name == "events_daily_v1").data_files
    table = parquet.ParquetFile(lake.path(file.path)).read()
    parquet.write_table(table.slice(1), lake.path(file.path))
    with pytest.raises(VerificationError, match="doesn't have the rows"):
        build_replica(lake.settings, release, tmp_path / "replicas")


def test_files_that_stay_are_not_read_again(tmp_path: Path) -> None:
    """A replica made from the one before knows of the files that came and went what one made from nothing knows."""
    lake = ReleasedLake(tmp_path, (EVENTS, TIMES))
    lake.append(EVENTS, FIRST_EVENTS)
    for month in MONTHS[:3]:
        lake.append(TIMES, [row for row in OF_TIMES if row["first_seen_at"].date().replace(day=1) == month])
    lake.release(date(2024, 7, 1))
    first = make_replica(lake.settings)
    lake.replace_month(TIMES, [{"first_seen_at": at(MONTHS[1]), "to_artifact_id": "d", "amount": 1.0}])
    lake.append(TIMES, [{"first_seen_at": at(MONTHS[3]), "to_artifact_id": "a", "amount": 1.0}])
    release = lake.release(date(2024, 7, 2))
    paths = {file.path for table in release.tables if table.name == "events_v1" for file in table.data_files}
    found = []
    for _ in range(2):
        assert make_replica(lake.settings) is not None
        replica = Replica(replica_file(lake.settings.replicas, release.id), release)
        found.append({value: replica.files_with("events_v1", "to_artifact_id", [value]) for value in ("a", "b", "c", "d", "e")})
        shutil.rmtree(lake.settings.replicas)
    assert first is not None
    assert found[0] == found[1]
    assert [len(found[0][value] or ()) for value in ("a", "b", "c", "d", "e")] == [3, 2, 0, 1, 0]
    assert set.union(*(files or set() for files in found[0].values())) == paths
