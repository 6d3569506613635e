"""From one number to where it comes from: definition, SQL, events, and the raw file and line of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from catalog.duck import DuckConnection, quoted
from catalog.errors import QueryError
from catalog.query import open_release
from catalog.releases import Release
from catalog.settings import Settings

EVENTS_SHOWN = 50
_CALENDAR = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year"}
_FIRST_DAY = date(1970, 1, 1)
_NEEDED = (
    "intermediate.int_artifacts",
    "marts.artifact_aliases_v1",
    "marts.artifacts_by_project_v1",
    "marts.artifacts_v1",
    "marts.events_v1",
    "marts.metric_periods_v1",
    "marts.metrics_v1",
    "marts.projects_by_collection_v1",
)
_RAW_ROWS = {
    "raw.gharchive__events": """
      SELECT c.event_source_id, c.event_type, c.to_artifact_id, r._source_file, r._source_line, r.created_at
      FROM chosen AS c
      JOIN raw.gharchive__events AS r ON r.created_date = c.record_date AND CASE WHEN c.event_type = 'COMMIT_CODE'
        THEN list_contains(r.commit_shas, c.event_source_id) AND r.created_at = c.time
        ELSE r.record_id = c.event_source_id OR (r.action = 'merged'
          AND c.event_source_id = r.number || '@' || strftime(r.created_at::TIMESTAMP, '%Y-%m-%dT%H:%M:%SZ')) END
      JOIN intermediate.int_artifacts AS a ON a.canonical_artifact_id = c.to_artifact_id AND a.artifact_source = 'GITHUB'
        AND a.artifact_kind = CASE WHEN r.repository_id IS NULL THEN 'repository_name' ELSE 'repository' END
        AND a.artifact_key = coalesce(CAST(r.repository_id AS VARCHAR), lower(r.repository_name))""",
    "raw.git__commits": """
      SELECT c.event_source_id, c.event_type, c.to_artifact_id, g.repository_url || '@' || g.sha, g._source_line, g.committed_at
      FROM chosen AS c
      JOIN raw.git__commits AS g ON c.event_type = 'COMMIT_CODE' AND g.sha = c.event_source_id AND g.committed_at = c.time
      JOIN intermediate.int_artifacts AS a ON a.canonical_artifact_id = c.to_artifact_id AND a.artifact_key = g.repository_name
        AND a.artifact_kind = 'repository_name' AND a.artifact_source = CASE WHEN g.repository_host = 'github.com' THEN 'GITHUB' ELSE a.artifact_source END""",
}
"""Of each raw table that events come from: what its rows are to the events that are chosen. A release has those of the sources that were loaded."""


@dataclass(frozen=True)
class Explanation:
    """What stands behind one number.

    Attributes:
        value: as published; 0 where no row stands.
        recomputed: what the definition gives over `events_daily_v1`.
        artifacts: how many artifacts make up the entity.
        events: the newest events that the metric looks at: time, type, id, repository and actor (names; None where they have none), amount,
            raw file and line.
        event_count: how many there are in all.
    """

    release_id: str
    metric_name: str
    display_name: str
    description: str
    unit: str
    entity: str
    level: str
    first_day: date
    last_day: date
    value: float
    recomputed: float
    artifacts: int
    definition_sql: str
    period: dict[str, Any]
    event_count: int
    events: list[dict[str, Any]] = field(default_factory=list)


def missing_tables(release: Release) -> list[str]:
    """Return the tables that an explanation needs and that a release doesn't hold."""
    return sorted({*_NEEDED} - {table.full_name for table in release.tables})


def explain(settings: Settings, release: Release, metric: str, entity: str, day: date, shown: int = EVENTS_SHOWN) -> Explanation:
    """Explain the value of a metric for an entity at a date.

    Args:
        metric: its name, `github_commits_monthly`.
        entity: slug of a project or a collection, `owner/name` of a repository, or an id.
        day: any day of a calendar window; the last day of a rolling one.

    Raises:
        QueryError: no such metric or entity (the message says which names are near), a day beyond the as-of date, or a release without the marts.
    """
    if missing := missing_tables(release):
        raise QueryError(f"nothing can be explained here: this release doesn't hold {', '.join(missing)}")
    with open_release(settings, release) as connection:
        return explain_over(connection, release, metric, entity, day, shown)


def explain_over(
    connection: DuckConnection, release: Release, metric: str, entity: str, day: date, shown: int = EVENTS_SHOWN
) -> Explanation:
    """Explain the value of a metric over a release that is open; else as `explain`."""
    if day > release.as_of_date:
        raise QueryError(f"{day} is later than {release.as_of_date}, the last day that the metrics of this release speak of", day=str(day))
    row = _metric(connection, metric)
    level, entity_id = _entity(connection, entity)
    first, end, sample = _period(row["window_name"], day, release.as_of_date)
    last, window_days = min(end, release.as_of_date), (end - first).days + 1
    artifacts = _artifacts(connection, level, entity_id)
    sql = _wrapped(_filled(row["definition_sql"], artifacts, first, last, window_days))
    found = connection.execute(sql).fetchone()
    events, count = _events(connection, release, row, artifacts, first, last, shown)
    return Explanation(
        release.id,
        metric,
        row["display_name"],
        row["description"],
        row["unit"],
        entity,
        level,
        first,
        last,
        _value(connection, row, level, entity_id, sample),
        float(found[0] or 0) if found else 0.0,
        len(artifacts),
        sql,
        _marks(connection, metric, sample),
        count,
        events,
    )


def _rows(connection: DuckConnection, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _metric(connection: DuckConnection, name: str) -> dict[str, Any]:
    rows = _rows(connection, "SELECT * FROM marts.metrics_v1 WHERE metric_name = ?", [name])
    if rows:
        return rows[0]
    query = "SELECT metric_name FROM marts.metrics_v1 ORDER BY jaro_winkler_similarity(metric_name, ?) DESC LIMIT 3"
    near = ", ".join(row[0] for row in connection.execute(query, [name]).fetchall())
    raise QueryError(f"there is no metric {name!r}; near it are {near}", metric=name)


def _entity(connection: DuckConnection, name: str) -> tuple[str, str]:
    """Return level and id of what a name means: a project before a collection before an artifact."""
    tries = (
        ("project", "SELECT project_id FROM marts.projects_v1 WHERE project_name = ? OR project_id = ?"),
        ("collection", "SELECT collection_id FROM marts.collections_v1 WHERE collection_name = ? OR collection_id = ?"),
        (
            "artifact",
            "SELECT canonical_artifact_id FROM marts.artifact_aliases_v1"
            " WHERE concat_ws('/', artifact_namespace, artifact_name) = lower(?) OR artifact_id = ?"
            " ORDER BY last_seen_at DESC NULLS LAST LIMIT 1",
        ),
        ("artifact", "SELECT coalesce(canonical_artifact_id, artifact_id) FROM marts.artifacts_v1 WHERE artifact_id IN (?, ?)"),
    )
    for level, query in tries:
        row = connection.execute(query, [name, name]).fetchone()
        if row:
            return level, row[0]
    query = "SELECT project_name FROM marts.projects_v1 ORDER BY jaro_winkler_similarity(project_name, ?) DESC LIMIT 3"
    near = ", ".join(row[0] for row in connection.execute(query, [name]).fetchall())
    raise QueryError(f"there is no project, collection or artifact {name!r}; projects near it are {near or 'none'}", entity=name)


def _period(window: str, day: date, as_of: date) -> tuple[date, date, date]:
    """Return first and last day of a window (it may reach beyond the as-of date), and the sample date that its row bears."""
    if window in _CALENDAR:
        first = _start(window, day)
        after = _start(window, first + timedelta(days=32 if window == "monthly" else 100 if window == "quarterly" else 370))
        last = {"daily": first, "weekly": first + timedelta(days=6)}.get(window, after - timedelta(days=1))
        return first, last, first
    if window.startswith("rolling_"):
        return day - timedelta(days=int(window.split("_")[1]) - 1), day, day
    return _FIRST_DAY, as_of, as_of


def _start(window: str, day: date) -> date:
    starts = {
        "daily": day,
        "weekly": day - timedelta(days=day.weekday()),
        "monthly": day.replace(day=1),
        "quarterly": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "yearly": day.replace(month=1, day=1),
    }
    return starts[window]


def _artifacts(connection: DuckConnection, level: str, entity_id: str) -> list[str]:
    query = {
        "artifact": "SELECT ?",
        "project": "SELECT DISTINCT artifact_id FROM marts.artifacts_by_project_v1 WHERE project_id = ?",
        "collection": "SELECT DISTINCT artifact_id FROM marts.artifacts_by_project_v1 JOIN marts.projects_by_collection_v1"
        " USING (project_id) WHERE collection_id = ?",
    }[level]
    return sorted(row[0] for row in connection.execute(query, [entity_id]).fetchall())


def _filled(sql: str, artifacts: list[str], first: date, last: date, window_days: int) -> str:
    listed = ", ".join(f"'{quoted(one)}'" for one in artifacts) or "NULL"
    filled = sql.replace(":artifact_ids", listed).replace(":window_days", str(window_days))
    return filled.replace(":first_day", f"DATE '{first}'").replace(":last_day", f"DATE '{last}'")


def _wrapped(sql: str) -> str:
    """Return a statement over several lines."""
    import sqlglot

    return str(sqlglot.transpile(sql, read="duckdb", write="duckdb", pretty=True)[0])


def _value(connection: DuckConnection, metric: dict[str, Any], level: str, entity_id: str, sample: date) -> float:
    """Return the published value; of a rolling window that of the newest step."""
    window = metric["window_name"]
    if window == "over_all_time":
        query = f"SELECT amount FROM marts.key_metrics_by_{level}_v1 WHERE metric_name = ? AND {level}_id = ?"
        row = connection.execute(query, [metric["metric_name"], entity_id]).fetchone()
    else:
        newest = "sample_date <= ?" if window.startswith("rolling_") else "sample_date = ?"
        query = (
            f"SELECT amount FROM marts.timeseries_metrics_by_{level}_v1 WHERE metric_name = ? AND {level}_id = ? AND {newest}"
            " ORDER BY sample_date DESC LIMIT 1"
        )
        row = connection.execute(query, [metric["metric_name"], entity_id, sample]).fetchone()
    return float(row[0]) if row else 0.0


def _marks(connection: DuckConnection, metric: str, sample: date) -> dict[str, Any]:
    rows = _rows(
        connection,
        "SELECT is_period_complete, coverage, is_degraded, gap_reason FROM marts.metric_periods_v1 WHERE metric_name = ? AND sample_date = ?",
        [metric, sample],
    )
    return rows[0] if rows else {}


def _events(
    connection: DuckConnection, release: Release, metric: dict[str, Any], artifacts: list[str], first: date, last: date, shown: int
) -> tuple[list[dict[str, Any]], int]:
    """Return the newest events behind a value, each with its raw file and line, and how many there are."""
    bots = "" if metric["includes_bots"] else "AND e.actor_kind <> 'bot'"
    chosen = (
        "FROM marts.events_v1 AS e WHERE e.event_source = ? AND list_contains(?, e.event_type) AND list_contains(?, e.to_artifact_id)"
        f" AND CAST(e.time AS DATE) BETWEEN ? AND ? {bots}"
    )
    parameters = [metric["event_source"], metric["event_types"].split("|"), artifacts, first, last]
    counted = connection.execute(f"SELECT count(*) {chosen}", parameters).fetchone()
    held = {table.full_name for table in release.tables}
    raw_rows = "".join(f" UNION ALL{rows}" for name, rows in _RAW_ROWS.items() if name in held)
    query = f"""
    WITH chosen AS (SELECT e.* {chosen} ORDER BY e.time DESC, e.event_source_id LIMIT {int(shown)}),
    raw_rows AS (
      SELECT event_source_id, event_type, to_artifact_id, '' AS raw_file, CAST(0 AS BIGINT) AS raw_line, time AS at FROM chosen WHERE false{raw_rows})
    SELECT c.time, c.event_type, c.event_source_id, concat_ws('/', t.artifact_namespace, t.artifact_name) AS repository, c.to_artifact_id,
           f.artifact_name AS actor, c.from_artifact_id, c.actor_kind, c.amount,
           arg_min(r.raw_file, (r.at, r.raw_file, r.raw_line)) AS raw_file, arg_min(r.raw_line, (r.at, r.raw_file, r.raw_line)) AS raw_line
    FROM chosen AS c LEFT JOIN raw_rows AS r USING (event_source_id, event_type, to_artifact_id)
    LEFT JOIN marts.artifacts_v1 AS t ON t.artifact_id = c.to_artifact_id LEFT JOIN marts.artifacts_v1 AS f ON f.artifact_id = c.from_artifact_id
    GROUP BY ALL ORDER BY c.time DESC, c.event_source_id
    """
    return _rows(connection, query, parameters), int(counted[0]) if counted else 0
