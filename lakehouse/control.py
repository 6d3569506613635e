"""What a run tells the models: the as-of date, which days changed, and how things stood at the last transformation that succeeded.

Everything stands in the schema `control` beside the models' tables, so it is lost when they are. What models record while they run
(`touched_events`, `touched_firsts`, `unpublished_days`) only grows until the transformation has succeeded; a killed run is thus done again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from catalog.duck import DuckConnection
from catalog.raw_tables import REJECTED
from catalog.settings import Settings
from lakehouse.raw_binding import EPOCH, RawChange, RawPin, changes_since, file_scan, partition_day

_TABLES = {
    "run": "as_of_date DATE, is_full BOOLEAN, steps_from DATE, audit_from DATE, all_artifacts BOOLEAN",
    "changed_days": "record_date DATE",
    "accepted_falls": "day DATE",
    "removed_shas": "sha VARCHAR",
    "removed_pulls": "number BIGINT",
    "touched": "day DATE, artifact_id VARCHAR, actor_id VARCHAR",
    "touched_events": "day DATE, artifact_id VARCHAR, actor_id VARCHAR, event_type VARCHAR, actor_kind VARCHAR, amount DOUBLE,"
    " event_count BIGINT, sign INTEGER",
    "touched_firsts": "level VARCHAR, entity_id VARCHAR, event_source VARCHAR, actor_id VARCHAR, first_date DATE, first_date_no_bots DATE,"
    " sign INTEGER",
    "prior_aliases": "artifact_kind VARCHAR, artifact_key VARCHAR, canonical_kind VARCHAR, canonical_key VARCHAR",
    "prior_clones": "repository_url VARCHAR, canonical_kind VARCHAR, canonical_key VARCHAR",
    "prior_entity_artifacts": "level VARCHAR, entity_id VARCHAR, artifact_id VARCHAR",
    "days": "day DATE",
    "months": "month_start DATE",
    "model_lineage": "model_name VARCHAR, input_name VARCHAR, layer VARCHAR, source_sha256 VARCHAR, source_sql VARCHAR",
    "unpublished_days": "table_name VARCHAR, day DATE",
    "baseline": "table_name VARCHAR, snapshot_id VARCHAR",
    "begun": "table_name VARCHAR, snapshot_id VARCHAR, as_of_date DATE",
    "done": "as_of_date DATE, all_artifacts BOOLEAN, is_everything_unpublished BOOLEAN",
}


@dataclass(frozen=True)
class Plan:
    """What a transformation has to do.

    Attributes:
        is_needed: whether anything changed at all.
        is_full: whether what is computed is computed from nothing: the first time, or because models changed.
        is_moved: whether more than the models changed, so that models that are as they were are computed anew too.
        is_interrupted: whether an earlier transformation began and did not succeed.
        changed_days: days of records that came or went.
    """

    is_needed: bool
    is_full: bool
    is_moved: bool
    is_interrupted: bool
    as_of: date
    changed_days: frozenset[date]


def make_control_tables(connection: DuckConnection) -> None:
    """Make the schema and its tables where they are lacking."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS control")
    for name, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS control.{name} ({columns})")


def default_as_of(connection: DuckConnection) -> date:
    """Return the last UTC day of any hour that was asked for; without hours, the newest commit's day; else 1970-01-01."""
    row = connection.execute(
        "SELECT coalesce((SELECT max(CAST(period_start AS DATE)) FROM raw.gharchive__hours),"
        " (SELECT max(CAST(committed_at AS DATE)) FROM raw.git__commits))"
    ).fetchone()
    return row[0] if row and row[0] else EPOCH


def plan_run(
    connection: DuckConnection, settings: Settings, pins: Mapping[str, RawPin], as_of: date | None, *, models_changed: bool
) -> Plan:
    """Derive from the loads since the last success what must be restated, and write it down for the models."""
    make_control_tables(connection)
    wanted = as_of or settings.release.as_of or default_as_of(connection)
    done = connection.execute("SELECT as_of_date, all_artifacts FROM control.done").fetchone()
    baseline = dict(connection.execute("SELECT table_name, snapshot_id FROM control.baseline").fetchall())
    changes = {
        name: changes_since(pin, _snapshot(baseline[name])) if name in baseline else RawChange(is_known=not pin.files)
        for name, pin in pins.items()
    }
    is_lost = (
        done is None
        or done[1] != settings.transform.all_artifacts
        or any(not change.is_known for name, change in changes.items() if name != REJECTED.name)
    )
    is_interrupted = _was_interrupted(connection)
    prior = done[0] if done else None
    moved = is_lost or prior != wanted or any(change.added or change.removed for change in changes.values())
    is_needed = moved or models_changed or is_interrupted
    is_full = is_lost or models_changed or (is_interrupted and not _is_begun_with(connection, pins, wanted))
    if is_needed:
        _write(connection, settings, pins, changes, wanted, prior, is_full=is_full)
    days = (
        frozenset(row[0] for row in connection.execute("SELECT record_date FROM control.changed_days").fetchall())
        if is_needed
        else frozenset()
    )
    return Plan(is_needed, is_full, moved or is_interrupted, is_interrupted, wanted, days)


def _snapshot(text: str | None) -> int | None:
    return int(text) if text else None


def _was_interrupted(connection: DuckConnection) -> bool:
    """Tell whether an earlier transformation began and did not succeed."""
    row = connection.execute("SELECT count(*) FROM control.run").fetchone()
    return bool(row and row[0])


def _is_begun_with(connection: DuckConnection, pins: Mapping[str, RawPin], as_of: date) -> bool:
    """Tell whether the transformation that was interrupted had the same raw tables and as-of date.

    What it did to the models' tables under others can't be told from what the tables held before it.
    """
    begun = connection.execute("SELECT table_name, snapshot_id, as_of_date FROM control.begun").fetchall()
    return set(begun) == {(name, str(pin.snapshot_id), as_of) for name, pin in pins.items()}


def _write(
    connection: DuckConnection,
    settings: Settings,
    pins: Mapping[str, RawPin],
    changes: Mapping[str, RawChange],
    as_of: date,
    prior: date | None,
    *,
    is_full: bool,
) -> None:
    """Write the control tables in one transaction, on top of what a run that did not succeed left."""
    connection.begin()
    left = _days(connection)
    days = left | (_all_days(connection) if is_full else _changed_days(connection, settings, pins, changes))
    was_full = connection.execute("SELECT bool_or(is_full) FROM control.run").fetchone()
    is_full = is_full or bool(was_full and was_full[0])
    if is_full:
        days |= _all_days(connection)
    for name in ("changed_days", "accepted_falls", "run", "days", "months", "begun"):
        connection.execute(f"DELETE FROM control.{name}")
    for name, pin in pins.items():
        connection.execute("INSERT INTO control.begun VALUES (?, ?, ?)", [name, str(pin.snapshot_id), as_of])
    for day in settings.transform.accepted_falls:
        connection.execute("INSERT INTO control.accepted_falls VALUES (?)", [day])
    if days:
        connection.executemany("INSERT INTO control.changed_days VALUES (?)", [(day,) for day in sorted(days)])
    if not is_full:
        _remember_removed(connection, settings, pins["gharchive__events"], changes["gharchive__events"])
        _touch_days_between(connection, prior, as_of)
    steps_from = EPOCH if is_full or prior is None else min(prior, as_of) + timedelta(days=1)
    audit_from = EPOCH if is_full else min((steps_from, *days))
    connection.execute(
        "INSERT INTO control.run VALUES (?, ?, ?, ?, ?)", [as_of, is_full, steps_from, audit_from, settings.transform.all_artifacts]
    )
    _fill_calendar(connection, as_of)
    connection.commit()


def _days(connection: DuckConnection) -> set[date]:
    return {row[0] for row in connection.execute("SELECT record_date FROM control.changed_days").fetchall()}


def _all_days(connection: DuckConnection) -> set[date]:
    rows = connection.execute(
        "SELECT DISTINCT created_date FROM raw.gharchive__events UNION SELECT DISTINCT CAST(committed_at AS DATE) FROM raw.git__commits"
    ).fetchall()
    return {row[0] for row in rows}


def _changed_days(
    connection: DuckConnection, settings: Settings, pins: Mapping[str, RawPin], changes: Mapping[str, RawChange]
) -> set[date]:
    events, commits = changes["gharchive__events"], changes["git__commits"]
    days = {partition_day(part) for part in (*events.added.values(), *events.removed.values())}
    if commits.added or commits.removed:
        added, removed = (
            f"SELECT repository_url, sha, CAST(committed_at AS DATE) AS day FROM ({file_scan(settings, pins['git__commits'], files)})"
            for files in (commits.added, commits.removed)
        )
        rows = connection.execute(f"SELECT day FROM (({added} EXCEPT {removed}) UNION ({removed} EXCEPT {added}))").fetchall()
        days |= {row[0] for row in rows}
    return days


def _remember_removed(connection: DuckConnection, settings: Settings, pin: RawPin, change: RawChange) -> None:
    """Keep the commits and pull requests of rows that went, since their first sight or author may move to other days."""
    if not change.removed:
        return
    gone = file_scan(settings, pin, change.removed)
    connection.execute(f"INSERT INTO control.removed_shas SELECT DISTINCT unnest(commit_shas) FROM ({gone})")
    connection.execute(
        f"INSERT INTO control.removed_pulls SELECT DISTINCT number FROM ({gone}) WHERE action = 'opened' AND number IS NOT NULL"
    )


def _touch_days_between(connection: DuckConnection, prior: date | None, as_of: date) -> None:
    """Events that lay beyond the as-of date before, or do now, come into the metrics or leave them."""
    if prior is None or prior == as_of:
        return
    connection.execute(
        "INSERT INTO control.touched SELECT DISTINCT CAST(time AS DATE), to_artifact_id, from_artifact_id FROM marts.events_v1"
        " WHERE CAST(time AS DATE) > ? AND CAST(time AS DATE) <= ?",
        [min(prior, as_of), max(prior, as_of)],
    )


def _fill_calendar(connection: DuckConnection, as_of: date) -> None:
    """List the days from the first record to the as-of date, and the first days of months until then."""
    row = connection.execute("SELECT min(record_date) FROM control.changed_days").fetchone()
    known = connection.execute(
        "SELECT min(created_date) FROM (SELECT min(created_date) AS created_date FROM raw.gharchive__events"
        " UNION ALL SELECT min(CAST(committed_at AS DATE)) FROM raw.git__commits)"
    ).fetchone()
    first = min([day for day in (row and row[0], known and known[0]) if day] or [as_of])
    connection.execute(
        "INSERT INTO control.days SELECT CAST(d AS DATE) FROM generate_series(CAST(? AS DATE), CAST(? AS DATE), INTERVAL 1 DAY) AS t(d)",
        [first, as_of],
    )
    connection.execute("INSERT INTO control.months SELECT DISTINCT CAST(date_trunc('month', day) AS DATE) FROM control.days")


def write_lineage(connection: DuckConnection, rows: list[tuple[str, str, str, str, str]]) -> None:
    """Replace what `model_lineage_v1` shows."""
    make_control_tables(connection)
    connection.begin()
    connection.execute("DELETE FROM control.model_lineage")
    connection.executemany("INSERT INTO control.model_lineage VALUES (?, ?, ?, ?, ?)", rows)
    connection.commit()


def mark_success(connection: DuckConnection, pins: Mapping[str, RawPin], settings: Settings) -> None:
    """Take how things stand now as what the next transformation is compared with, in one transaction."""
    connection.begin()
    run = connection.execute("SELECT as_of_date, is_full FROM control.run").fetchone()
    if run is None:
        connection.rollback()
        return
    waiting = connection.execute("SELECT is_everything_unpublished FROM control.done").fetchone()
    is_everything = bool(run[1] or (waiting and waiting[0]))
    connection.execute("DELETE FROM control.done")
    connection.execute("INSERT INTO control.done VALUES (?, ?, ?)", [run[0], settings.transform.all_artifacts, is_everything])
    connection.execute("DELETE FROM control.baseline")
    rows = [(name, str(pin.snapshot_id) if pin.snapshot_id is not None else None) for name, pin in pins.items()]
    connection.executemany("INSERT INTO control.baseline VALUES (?, ?)", rows)
    connection.execute("INSERT INTO control.unpublished_days VALUES ('*', NULL)")
    for prior, query in {
        "prior_aliases": "SELECT artifact_kind, artifact_key, canonical_kind, canonical_key FROM intermediate.int_artifacts"
        " WHERE artifact_id <> canonical_artifact_id",
        "prior_clones": "SELECT repository_url, canonical_kind, canonical_key FROM intermediate.int_git_repositories",
        "prior_entity_artifacts": "SELECT level, entity_id, artifact_id FROM intermediate.int_entity_artifacts",
    }.items():
        connection.execute(f"DELETE FROM control.{prior}")
        connection.execute(f"INSERT INTO control.{prior} {query}")
    for name in ("changed_days", "removed_shas", "removed_pulls", "touched", "touched_events", "touched_firsts", "run"):
        connection.execute(f"DELETE FROM control.{name}")
    connection.commit()
