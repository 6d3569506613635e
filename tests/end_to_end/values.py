"""Released metric values against the truth, row by row: nothing may be missing, wrong or too much."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from catalog.duck import DuckConnection, connect
from end_to_end.lakes import Lake

LEVELS = ("artifact", "project", "collection")
ENTITY_IDS = """CASE level
    WHEN 'artifact' THEN sha256(split_part(entity, '/', 1) || chr(31) || split_part(entity, '/', 2) || chr(31)
                                || substr(entity, length(split_part(entity, '/', 1)) + length(split_part(entity, '/', 2)) + 3))
    ELSE sha256('OSS_DIRECTORY' || chr(31) || level || chr(31) || entity) END"""
_STEPS = """
WITH days AS (
  SELECT *, lag(sample_date) OVER w AS day_before, lag(amount) OVER w AS amount_before, lead(sample_date) OVER w AS day_after
  FROM expected_values WHERE is_rolling AND NOT is_key WINDOW w AS (PARTITION BY level, id, metric_name ORDER BY sample_date)
)
SELECT level, id, metric_name, sample_date, amount FROM days
WHERE day(sample_date) = 1 OR day_before IS DISTINCT FROM sample_date - 1 OR amount_before IS DISTINCT FROM amount
UNION ALL
SELECT level, id, metric_name, sample_date + 1, 0 FROM days WHERE day_after IS DISTINCT FROM sample_date + 1 AND sample_date < $as_of
"""


def differences(lake: Lake, truth: Path, release: str | None = None) -> dict[str, list[tuple[object, ...]]]:
    """Return what differs between a release's values and a truth file: kind of rows -> (level, id, metric, day, ours, truth).

    Calendar and key values are compared as they stand; rolling ones as steps, which are derived from the truth's value of every day; and
    the steps, spread over the days that they hold for, with the truth's value of every day.
    """
    connection = connect()
    _load(connection, lake, truth, release)
    as_of = lake.release(release).as_of_date
    connection.execute(f"CREATE TABLE expected_steps AS {_STEPS}", {"as_of": as_of})
    connection.execute(
        "CREATE TABLE our_days AS SELECT level, id, metric_name, CAST(unnest(generate_series(sample_date, coalesce(next - 1, $as_of), INTERVAL 1 DAY))"
        " AS DATE) AS sample_date, amount FROM (SELECT *, lead(sample_date) OVER (PARTITION BY level, id, metric_name ORDER BY sample_date) AS next"
        " FROM our_series WHERE is_rolling) WHERE amount <> 0",
        {"as_of": as_of},
    )
    return {
        "calendar": _differ(
            connection, "(FROM our_series WHERE NOT is_rolling)", "(FROM expected_values WHERE NOT is_rolling AND NOT is_key)"
        ),
        "steps": _differ(connection, "(FROM our_series WHERE is_rolling)", "expected_steps"),
        "rolling": _differ(connection, "our_days", "(FROM expected_values WHERE is_rolling AND NOT is_key)"),
        "key": _differ(connection, "our_keys", "(FROM expected_values WHERE is_key)"),
    }


def counts(lake: Lake, truth: Path) -> dict[str, int]:
    """Return how many rows the truth has of each kind, so that a comparison of nothing with nothing is noticed."""
    connection = connect()
    rows = connection.execute(
        f"SELECT level || CASE WHEN is_key THEN ' key' WHEN metric_name LIKE '%rolling%' THEN ' rolling' ELSE ' calendar' END, count(*)"
        f" FROM '{truth}' GROUP BY 1"
    ).fetchall()
    return dict(rows)


def _load(connection: DuckConnection, lake: Lake, truth: Path, release: str | None) -> None:
    for name, kind in (("our_series", "timeseries"), ("our_keys", "key")):
        parts = [
            f"SELECT '{level}' AS level, {level}_id AS id, metric_name, sample_date, amount, metric_name LIKE '%rolling%' AS is_rolling"
            f" FROM marts.{kind}_metrics_by_{level}_v1"
            for level in LEVELS
        ]
        rows: pa.Table = lake.query(" UNION ALL ".join(parts), release)
        connection.register("rows", rows)
        connection.execute(f"CREATE TABLE {name} AS FROM rows")
        connection.unregister("rows")
    connection.execute(
        f"CREATE TABLE expected_values AS SELECT *, {ENTITY_IDS} AS id, metric_name LIKE '%rolling%' AS is_rolling FROM '{truth}'"
    )


def _differ(connection: DuckConnection, ours: str, expected: str) -> list[tuple[object, ...]]:
    """Return the first rows that stand on one side only, or with another amount."""
    return connection.execute(
        f"SELECT level, id, metric_name, sample_date, ours.amount, expected.amount FROM {ours} AS ours"
        f" FULL JOIN {expected} AS expected USING (level, id, metric_name, sample_date)"
        " WHERE ours.amount IS DISTINCT FROM expected.amount ORDER BY ALL LIMIT 10"
    ).fetchall()
