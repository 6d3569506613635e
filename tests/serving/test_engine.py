"""Queries over a release's files: ended at their time, as many at once as may be, and readers of whole tables counted apart."""

from __future__ import annotations

import pytest
from released_lake import ReleasedLake

from catalog.errors import QueryError
from catalog.releases import Release
from serving.engine import ALL_STAGES, MARTS, Engine

ENDLESS = "SELECT count(*) FROM range(1000000000) AS a, range(1000000000) AS b"


@pytest.fixture
def engine(released_lake: ReleasedLake) -> Engine:
    """Return an engine that runs one query at once."""
    serve = released_lake.settings.serve.model_copy(update={"queries_at_once": 1})
    return Engine(released_lake.settings.model_copy(update={"serve": serve}))


def asked(engine: Engine, release: Release, sql: str, timeout_s: float) -> list[tuple[object, ...]]:
    """Return the rows of a query."""
    return engine.call(release, timeout_s, lambda cursor: cursor.execute(sql).fetchall())


def test_a_query_is_ended_at_its_time(engine: Engine, released_lake: ReleasedLake) -> None:
    """What takes too long is interrupted, and says so; the next query is answered."""
    release = released_lake.releases[-1]
    with pytest.raises(QueryError, match=r"took more than 0\.1 s"):
        asked(engine, release, ENDLESS, 0.1)
    assert asked(engine, release, "SELECT count(*) FROM marts.projects_v1", 60) == [(3,)]


def test_readers_of_whole_tables_keep_no_query_waiting(engine: Engine, released_lake: ReleasedLake) -> None:
    """While a table is being read, another one is refused and a short query is answered; afterwards the next may be read."""
    release, sql = released_lake.releases[-1], "SELECT event_id FROM raw.demo__events"
    with engine.stream(release, sql, ALL_STAGES, 60) as (schema, batches):
        assert schema.names == ["event_id"]
        with pytest.raises(QueryError, match="busy"), engine.stream(release, sql, ALL_STAGES, 60):
            pass
        assert asked(engine, release, "SELECT 1", 60) == [(1,)]
        assert sum(batch.num_rows for batch in batches) == 3
    with engine.stream(release, sql, ALL_STAGES, 60) as (_, batches):
        assert sum(batch.num_rows for batch in batches) == 3


def test_what_fails_gives_back_its_place(engine: Engine, released_lake: ReleasedLake) -> None:
    """A reader that breaks off leaves its place to the next one."""
    release = released_lake.releases[-1]
    for _ in range(3):
        with pytest.raises(RuntimeError), engine.stream(release, "SELECT 1", MARTS, 60):
            raise RuntimeError
