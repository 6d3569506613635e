"""(f) Rolling windows: steps (our models' method) against a join with the calendar and count(distinct); values equal.

    .venv/bin/python benchmarks/rolling.py [--events-a-year 10000000] [--days 365] [--reuse]

Both compute contributors per artifact for every day, over the released `intermediate.int_actor_days` of the 365-day lake. The steps are
then unfolded to days and compared with the join's rows, and with the released series of the artifacts that projects list.
"""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path
from typing import Any

from harness import START, build_lake, make_world, say, say_head, seconds_of, table_files

DAYS_A_YEAR = 365
WINDOWS = (30, 180)

_CALENDAR = """
CREATE OR REPLACE TABLE by_calendar AS
SELECT a.artifact, c.day, count(DISTINCT a.actor) AS amount
FROM calendar AS c JOIN actor_days AS a ON a.day BETWEEN c.day - {less} AND c.day
GROUP BY 1, 2
"""
_STEPS = """
CREATE OR REPLACE TABLE by_steps AS
WITH neighbours AS (
  SELECT artifact, day, lag(day) OVER w AS before, lead(day) OVER w AS after
  FROM actor_days WINDOW w AS (PARTITION BY artifact, actor ORDER BY day)
), changes AS (
  SELECT artifact, day, count(*) AS change FROM neighbours WHERE before IS NULL OR before + {days} <= day GROUP BY 1, 2
  UNION ALL
  SELECT artifact, day + {days}, -count(*) FROM neighbours WHERE after IS NULL OR after >= day + {days} GROUP BY 1, 2
), daily AS (
  SELECT artifact, day, sum(change) AS change FROM changes WHERE day <= DATE '{as_of}' GROUP BY 1, 2 HAVING sum(change) <> 0
)
SELECT artifact, day, CAST(sum(change) OVER (PARTITION BY artifact ORDER BY day) AS BIGINT) AS amount FROM daily
"""
_UNFOLDED = """
SELECT s.artifact, c.day, s.amount
FROM (SELECT *, lead(day, 1, DATE '{as_of}' + 1) OVER (PARTITION BY artifact ORDER BY day) AS next_day FROM by_steps) AS s
JOIN calendar AS c ON c.day >= s.day AND c.day < s.next_day
WHERE s.amount <> 0
"""
_RELEASED = """
SELECT count(*) FROM (
  SELECT r.artifact_id, r.sample_date, r.amount
  FROM read_parquet({files}) AS r WHERE r.metric_name = 'github_contributors_rolling_{days}_days'
  EXCEPT
  SELECT x.id, u.day, u.amount FROM (
    SELECT i.artifact, c.day, coalesce(s.amount, 0) AS amount
    FROM (SELECT DISTINCT artifact FROM by_steps) AS i CROSS JOIN calendar AS c
    ASOF LEFT JOIN by_steps AS s ON s.artifact = i.artifact AND s.day <= c.day
  ) AS u JOIN artifacts AS x ON x.n = u.artifact
)
"""


def prepare(connection: Any, lake: Path, days: int) -> None:
    """Make the tables that both ways begin from: distinct (artifact, actor, day) in numbers, and the calendar."""
    files, as_of = table_files(lake, "intermediate.int_actor_days"), START + timedelta(days=days - 1)
    connection.execute(
        f"CREATE TABLE named AS SELECT DISTINCT artifact_id, actor_id, event_date AS day FROM read_parquet({files})"
        f" WHERE event_date <= DATE '{as_of}' AND event_source = 'GITHUB'"
    )
    for name in ("artifact", "actor"):
        connection.execute(
            f"CREATE TABLE {name}s AS SELECT {name}_id AS id, row_number() OVER () AS n FROM (SELECT DISTINCT {name}_id FROM named)"
        )
    connection.execute(
        "CREATE TABLE actor_days AS SELECT a.n AS artifact, p.n AS actor, d.day FROM named AS d"
        " JOIN artifacts AS a ON a.id = d.artifact_id JOIN actors AS p ON p.id = d.actor_id"
    )
    connection.execute(
        f"CREATE TABLE calendar AS SELECT unnest(generate_series((SELECT min(day) FROM actor_days), DATE '{as_of}', INTERVAL 1 DAY))::DATE AS day"
    )


def measure(connection: Any, lake: Path, window: int, days: int) -> None:
    """Compute one window both ways, print seconds and rows, and compare."""
    as_of = START + timedelta(days=days - 1)
    values = {"days": window, "less": window - 1, "as_of": as_of}
    steps_s = seconds_of(lambda: connection.execute(_STEPS.format(**values)))
    calendar_s = seconds_of(lambda: connection.execute(_CALENDAR.format(**values)))

    def count(query: str) -> int:
        return int(connection.execute(query).fetchone()[0])

    unfolded, series = _UNFOLDED.format(**values), table_files(lake, "marts.timeseries_metrics_by_artifact_v1")
    wrong = count(
        f"SELECT count(*) FROM ((FROM ({unfolded}) EXCEPT FROM by_calendar) UNION ALL (FROM by_calendar EXCEPT FROM ({unfolded})))"
    )
    other = count(_RELEASED.format(files=series, **values))
    rows = f"{count('SELECT count(*) FROM by_steps'):,} rows against {count('SELECT count(*) FROM by_calendar'):,}"
    say(
        f"  {window} days: steps {steps_s:.2f} s, calendar join {calendar_s:.2f} s; {rows}; differing days {wrong}; released rows that differ {other}"
    )
    say(f"{window} days, calendar join / steps: {calendar_s / steps_s:.1f}x (no target)")
    if wrong or other:
        raise RuntimeError(f"{window} days: the values are not equal")


def main() -> None:
    """Take or build the lake, compute, compare."""
    from catalog.duck import connect

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events-a-year", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=DAYS_A_YEAR)
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--reuse", action="store_true")
    asked = parser.parse_args()
    say_head(f"rolling windows over {asked.days} days, {round(asked.events_a_year / DAYS_A_YEAR):,} events a day")
    world = make_world(round(asked.events_a_year / DAYS_A_YEAR * (asked.days + 1)), asked.days + 1, asked.projects)
    lake, _ = build_lake(world, asked.days, reuse=asked.reuse)
    with connect() as connection:
        prepare(connection, lake, asked.days)
        facts = connection.execute("SELECT count(*), count(DISTINCT artifact), count(DISTINCT actor) FROM actor_days").fetchone()
        assert facts is not None
        say(f"  {facts[0]:,} actor-days, {facts[1]:,} artifacts, {facts[2]:,} actors")
        for window in WINDOWS:
            measure(connection, lake, window, asked.days)


if __name__ == "__main__":
    main()
