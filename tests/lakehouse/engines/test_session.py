"""Control tables through the session of an engine, here DuckDB's: what is said of them holds on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from catalog.errors import SettingsError, TransformError
from catalog.settings import Settings
from lakehouse.engines import Session, open_engine
from lakehouse.engines.session import values_query

COLUMNS = "day DATE, name VARCHAR, number BIGINT, is_full BOOLEAN"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open DuckDB's session of an empty lake, with the schema of control tables."""
    with open_engine(Settings(folder=tmp_path)).session() as opened:
        opened.rows("CREATE SCHEMA control")
        yield opened


def test_literal_rows_come_back_as_they_are(session: Session) -> None:
    """Dates, quotes, numbers, truth values and nothing at all survive the way through SQL."""
    rows = [(date(2024, 2, 29), "it's", 7, True), (None, None, None, None), (date(1970, 1, 1), "", -1, False)]
    session.replace_values("sample", COLUMNS, rows)
    assert session.rows("SELECT * FROM control.sample") == rows


def test_table_is_replaced_whole(session: Session) -> None:
    """What stood in a control table before is gone, also when nothing comes instead; its columns stay."""
    session.replace_values("sample", COLUMNS, [(date(2024, 1, 1), "a", 1, True)])
    session.replace_values("sample", COLUMNS, [])
    assert session.rows("SELECT * FROM control.sample") == []
    session.append("sample", values_query(COLUMNS, [(date(2024, 1, 2), "b", 2, False)]))
    assert session.value("SELECT name FROM control.sample") == "b"


def test_more_rows_than_a_statement_holds(session: Session) -> None:
    """Long texts come in several statements; all rows are there, once."""
    texts = [(f"{number}" + "x" * 200_000,) for number in range(7)]
    session.replace_values("sample", "text VARCHAR", texts)
    assert sorted(session.rows("SELECT text FROM control.sample")) == sorted(texts)


def test_group_of_statements_is_all_or_nothing(session: Session) -> None:
    """An error in the middle of a transaction leaves the tables as they were."""
    session.replace_values("sample", "number BIGINT", [(1,)])
    with pytest.raises(TransformError, match="no_such_table"), session.transaction():
        session.replace_values("sample", "number BIGINT", [(2,)])
        session.rows("SELECT * FROM control.no_such_table")
    assert session.rows("SELECT number FROM control.sample") == [(1,)]


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        ({"engine": "trino"}, "catalog.type"),
        ({"engine": "trino", "state": "postgresql://osslake@127.0.0.1/osslake"}, "catalog.type"),
    ],
)
def test_trino_needs_a_catalog_that_it_reads_too(tmp_path: Path, transform: dict[str, str], said: str) -> None:
    """On a lake in a folder the engine Trino is refused, with the setting to change."""
    with pytest.raises(SettingsError, match=said):
        open_engine(Settings(folder=tmp_path, transform=transform))


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        ({}, "transform.state"),
        ({"state": "sqlite:///state.db"}, "transform.state"),
        ({"state": "postgresql://osslake@127.0.0.1/osslake", "trino": "127.0.0.1:8080"}, "transform.trino"),
    ],
)
def test_addresses_of_trino_and_its_state_are_checked(tmp_path: Path, transform: dict[str, str], said: str) -> None:
    """What isn't PostgreSQL, or no address, is named before anything is asked of it."""
    settings = Settings(
        folder=tmp_path,
        storage={"type": "s3", "endpoint": "http://127.0.0.1:1"},
        catalog={"type": "rest", "uri": "http://127.0.0.1:1"},
        transform={"engine": "trino", **transform},
    )
    with pytest.raises(SettingsError, match=said):
        open_engine(settings)


def test_trino_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    """A server that is down is named with its address."""
    settings = Settings(
        folder=tmp_path,
        storage={"type": "s3", "endpoint": "http://127.0.0.1:1"},
        catalog={"type": "rest", "uri": "http://127.0.0.1:1"},
        transform={"engine": "trino", "trino": "http://osslake@127.0.0.1:1", "state": "postgresql://osslake@127.0.0.1/osslake"},
    )
    with pytest.raises(TransformError, match=r"127\.0\.0\.1:1 can't be reached"), open_engine(settings).session():
        pass
