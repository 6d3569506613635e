"""Rows beside a replica: whoever names artifacts gets from them what the release's files say, without the files."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from marts_lake import ENGINE, MartsLake, dataset
from released_lake import EVENTS, FIRST_EVENTS, ReleasedLake, Rows
from web_servers import AppClient, answering

from catalog.datasets import Partitioning
from catalog.duck import DuckConnection, connect
from catalog.errors import QueryError, StorageError, VerificationError
from catalog.settings import load_settings
from serving.api.costs import COST_HEADER
from serving.api.grammar import Comparison, Group, Node, Not, Order
from serving.api.lists import FEW
from serving.api.selections import Page, Selection, read_from_files, read_from_rows
from serving.engine import Engine
from serving.queries import ended_in_time
from serving.replica import build
from serving.replica.build import build_replica
from serving.replica.files import replica_file
from serving.replica.layout import columns_of
from serving.replica.replica import Replica
from serving.replica.rows import fill_rows

ENDLESS = "SELECT count(*) FROM range(1000000000) AS one (n), range(1000000) AS other (m) WHERE hash(n + m) = 0"
DAYS = dataset(
    "events_daily_v1",
    "bucket_date to_artifact_id from_artifact_id event_type amount",
    "bucket_date to_artifact_id",
    Partitioning("bucket_date", "month"),
)
OF_DAYS: Rows = [
    {
        "bucket_date": date(2024, 1, 28) + timedelta(days=day),
        "to_artifact_id": artifact,
        "from_artifact_id": None if place % 11 == 0 else f"actor {place % 4}",
        "event_type": None if day % 5 == 0 else f"TYPE_{day % 3}",
        "amount": None if day == 3 else float(place % 7),
    }
    for place, (day, artifact) in enumerate(product(range(40), ("a", "b", "c'")))
    if artifact != "c'" or day > 35
]
A, B = Comparison("to_artifact_id", "eq", "a"), Comparison("to_artifact_id", "in", ("b", "c'", "nobody"))
QUESTIONS: list[list[Node]] = [
    [A],
    [B],
    [Comparison("to_artifact_id", "eq", "nobody")],
    [A, B],
    [B, Comparison("bucket_date", "gte", date(2024, 2, 10)), Not(Comparison("event_type", "eq", "TYPE_1"))],
    [Comparison("from_artifact_id", "eq", "actor 1")],
    [Comparison("from_artifact_id", "in", ("actor 2", "actor 3")), Comparison("to_artifact_id", "neq", "a")],
    [A, Group("or", (Comparison("amount", "gt", 4.0), Comparison("event_type", "is", None)))],
]
ORDERS = [
    [Order("bucket_date", is_descending=True)],
    [Order("bucket_date", is_descending=False)],
    [Order("amount", is_descending=True)],
    [],
]


class Months:
    """A lake with events of two months and more, its replica, and an engine over its files."""

    def __init__(self, folder: Path) -> None:
        lake = ReleasedLake(folder, (EVENTS, DAYS))
        lake.append(EVENTS, FIRST_EVENTS)
        for month in (1, 2, 3):
            lake.append(DAYS, [row for row in OF_DAYS if row["bucket_date"].month == month])
        self.settings, self.release, self.engine = lake.settings, lake.release(date(2024, 7, 1)), Engine(lake.settings)
        build_replica(lake.settings, self.release, lake.settings.replicas)
        self.replica = self.opened()

    def opened(self) -> Replica:
        """Open the replica once more."""
        return Replica(replica_file(self.settings.replicas, self.release.id), self.release)

    def asked(self, nodes: list[Node], order: list[Order], limit: int = 7) -> Selection:
        """Return what is asked of the events by day."""
        table = self.replica.tables["events_daily_v1"]
        order = order + [Order(name, is_descending=False) for name in table.grain if name not in [one.column for one in order]]
        return Selection(table, columns_of(table), list(columns_of(table)), takes_json=False, nodes=nodes, order=order, limit=limit)


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Months:
    """Return the lake."""
    return Months(tmp_path_factory.mktemp("rows"))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("nodes", QUESTIONS)
def test_rows_say_what_the_files_say(months: Months, nodes: list[Node], order: list[Order]) -> None:
    """Page by page, in each order, with what else is asked."""
    wanted, after, found = months.asked(nodes, order), None, Rows()
    column = next(one for one in ("to_artifact_id", "from_artifact_id") if wanted.named_values(one))
    while True:
        page = read_from_rows(months.replica, wanted, column, after, 60)
        expected = read_from_files(months.engine, months.replica, wanted, after, 60)
        assert rows_of(page) == rows_of(expected)
        assert page.last == expected.last
        found += rows_of(page)
        if page.last is None:
            break
        after = page.last
    assert len(found) == len({(row["bucket_date"], row["to_artifact_id"]) for row in found})
    if nodes == [A]:
        assert sorted(found, key=lambda row: row["bucket_date"]) == [row for row in OF_DAYS if row["to_artifact_id"] == "a"]


def rows_of(page: Page) -> Rows:
    """Return the rows of a page."""
    return [] if page.columns is None else page.columns.to_pylist()


def test_a_query_is_ended_at_its_time(months: Months) -> None:
    """What takes too long is told as that, and whoever asks next is answered."""
    for _ in range(5):
        with pytest.raises(QueryError, match=r"took more than 0\.2 s"):
            months.replica.rows.read(ENDLESS, [], 0.2)
    assert months.replica.rows.read("SELECT count(*) AS n FROM events_daily_v1_by_to_artifact_id", [], 5).to_pylist() == [
        {"n": len(OF_DAYS)}
    ]


def test_nothing_else_can_be_read(months: Months) -> None:
    """The connection reads no other file, nor can it be allowed to; nor does it write."""
    for sql in (
        "SELECT * FROM read_text('/etc/hostname')",
        "SET enable_external_access = true",
        "DELETE FROM events_daily_v1_by_to_artifact_id",
    ):
        with pytest.raises(StorageError, match="the replica's rows can't be read"):
            months.replica.rows.read(sql, [], 5)


def test_a_query_beyond_its_memory_is_told(months: Months) -> None:
    """What needs more memory than a file may take is refused, and nothing is written beside it."""
    before = sorted(months.settings.replicas.iterdir())
    with pytest.raises(QueryError, match="more memory than it may have"):
        months.replica.rows.read("SELECT list(n ORDER BY hash(n)) FROM range(20000000) AS one (n)", [], 60)
    assert sorted(months.settings.replicas.iterdir()) == before


def test_waiting_is_part_of_the_time(months: Months) -> None:
    """Where all connections are busy a question is refused at its time, not at twice that."""
    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(months.replica.rows.read, ENDLESS, [], 1.0) for _ in range(2)]
        time.sleep(0.3)
        started = time.monotonic()
        with pytest.raises(QueryError, match=r"busy for 0\.3 s"):
            months.replica.rows.read("SELECT 1", [], 0.3)
        with pytest.raises(QueryError, match=r"took more than 1\.2 s"):
            months.replica.rows.read(ENDLESS, [], 1.2)
        assert time.monotonic() - started < 2.2
        for one in busy:
            assert isinstance(one.exception(), QueryError)


def test_a_time_that_is_over_before_a_query_begins_ends_it() -> None:
    """DuckDB forgets an interrupt that comes before the query; so it is interrupted again."""
    with connect() as database:
        for _ in range(20):
            with pytest.raises(QueryError, match="took more than 1 s"), ended_in_time(database, 1.0, "nothing", waited_s=1.0):
                database.execute(ENDLESS)


def test_who_names_few_waits_for_nobody(months: Months) -> None:
    """A query of many names runs apart from those of a few, and waits for its like."""
    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(months.replica.rows.read, ENDLESS, [], 1.0, is_quick=False) for _ in range(2)]
        time.sleep(0.2)
        started = time.monotonic()
        for _ in range(5):
            months.replica.rows.read("SELECT 1", [], 0.5)
        assert time.monotonic() - started < 0.5
        assert [type(one.exception()) for one in busy] == [QueryError, QueryError]


def test_names_are_counted(months: Months) -> None:
    """What is asked for beside names narrows them; names among others, or what isn't wanted, name nothing."""

    def named(*nodes: Node) -> int | None:
        return months.asked(list(nodes), []).named_values("to_artifact_id")

    assert (named(A), named(B), named(A, B), named(B, Comparison("amount", "gt", 1.0))) == (1, 3, 1, 3)
    others = (Group("or", (A, Comparison("amount", "gt", 0.0))), Not(A), Comparison("to_artifact_id", "gt", "a"))
    assert [named(one) for one in others] == [None, None, None]


def test_two_can_have_it_open(months: Months) -> None:
    """A second one of the same process, as in a server that opens a replica anew, reads the same."""
    page = read_from_rows(months.opened(), months.asked([A], []), A.column, None, 5)
    assert rows_of(page) == rows_of(read_from_rows(months.replica, months.asked([A], []), A.column, None, 5))


@pytest.mark.parametrize(
    "spoil",
    [
        "DELETE FROM kept.events_daily_v1_by_from_artifact_id WHERE amount = 2",
        "UPDATE kept.events_daily_v1_by_from_artifact_id SET event_type = 'x' WHERE amount = 2",
    ],
)
def test_rows_that_differ_are_refused(months: Months, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spoil: str) -> None:
    """A replica whose rows aren't the release's is not given its name."""

    def spoilt(engine: DuckConnection, *arguments: Any) -> None:
        fill_rows(engine, *arguments)
        engine.execute(spoil)

    monkeypatch.setattr(build, "fill_rows", spoilt)
    with pytest.raises(VerificationError, match="the replica's events_daily_v1 has"):
        build_replica(months.settings, months.release, tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".sqlite", ".duckdb")]


@pytest.fixture
def without_files(marts_lake: MartsLake, tmp_path: Path) -> Iterator[AppClient]:
    """Return a client of a server whose lake lost the files of its tables."""
    folder = tmp_path / "lake"
    shutil.copytree(marts_lake.settings.folder, folder)
    with answering(load_settings(folder, dataset="small-lake")) as client:
        for file in folder.rglob("*.parquet"):
            file.unlink()
        yield client


def test_an_artifact_s_events_need_no_files(without_files: AppClient) -> None:
    """They cost what any list costs; events of others are read from files."""
    answer = without_files.get(f"/v1/events/daily?to_artifact_id=eq.{ENGINE}&select=amount&order=bucket_date")
    assert answer.json()["data"] == [{"amount": 3.0}, {"amount": 1.5}], answer.text
    assert answer.headers[COST_HEADER] == "1"
    many = ",".join(f"nobody{number}" for number in range(FEW))
    costs = [
        without_files.get(f"/v1/events/daily?{condition}").headers[COST_HEADER]
        for condition in (f"to_artifact_id=in.({many})", f"to_artifact_id=in.({many},{ENGINE})", "from_artifact_id=eq.nobody")
    ]
    assert costs == ["1", "11", "1"]
    assert without_files.get("/v1/events/daily").status_code == 503
