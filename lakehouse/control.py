"""What a run tells the models: the as-of date, which days changed, and how things stood at the last transformation that succeeded.

Everything stands in the schema `control` beside the models' tables, so it is lost when they are. What models record while they run
(`restated_cells`, `touched_events`, `touched_firsts`, `unpublished_days`) only grows until the transformation has succeeded; a killed run is thus done again.

Not every engine has transactions. So each statement replaces one table whole or adds to it, and their order is such that a kill between any
two is mended by the next run: a run is begun when `run` has its row, and has succeeded when that row is gone; what it leaves in other tables
without either makes the next one do too much, never too little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from catalog.raw_tables import REJECTED
from catalog.settings import Settings
from lakehouse.engines import Session
from lakehouse.raw_binding import EPOCH, RawChange, RawPin, changes_since, partition_day

_LEVELS = ("artifact", "project", "collection")
_STEPS = "entity_id VARCHAR, event_source VARCHAR, measure VARCHAR, is_no_bots BOOLEAN, window_name VARCHAR, sample_date DATE, amount DOUBLE"
_TABLES = {
    "run": "as_of_date DATE, is_full BOOLEAN, steps_from DATE, audit_from DATE, all_artifacts BOOLEAN, is_redone BOOLEAN",
    "changed_days": "record_date DATE",
    "accepted_falls": "day DATE",
    "removed_shas": "sha VARCHAR",
    "removed_pulls": "number BIGINT",
    "restated_cells": "record_date DATE, artifact_id VARCHAR",
    "touched": "day DATE, artifact_id VARCHAR, actor_id VARCHAR",
    "touched_events": "day DATE, artifact_id VARCHAR, actor_id VARCHAR, event_type VARCHAR, actor_kind VARCHAR, amount DOUBLE,"
    " event_count BIGINT, sign INTEGER",
    "touched_firsts": "level VARCHAR, entity_id VARCHAR, event_source VARCHAR, actor_id VARCHAR, first_date DATE, first_date_no_bots DATE,"
    " sign INTEGER",
    "touched_actor_days": "event_date DATE, event_source VARCHAR, artifact_id VARCHAR, actor_id VARCHAR, actor_kind VARCHAR, is_commit BOOLEAN,"
    " sign INTEGER",
    "touched_artifact_days": "event_date DATE, event_source VARCHAR, artifact_id VARCHAR, event_type VARCHAR, actor_kind VARCHAR, amount DOUBLE,"
    " sign INTEGER",
    **{f"steps_before_{level}": _STEPS for level in _LEVELS},
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
_OF_A_RUN = (
    "changed_days",
    "removed_shas",
    "removed_pulls",
    "restated_cells",
    *(name for name in _TABLES if name.startswith(("touched", "steps_before"))),
    "run",
)
_PRIOR = {
    "prior_aliases": "SELECT artifact_kind, artifact_key, canonical_kind, canonical_key FROM intermediate.int_artifacts"
    " WHERE artifact_id <> canonical_artifact_id",
    "prior_clones": "SELECT repository_url, canonical_kind, canonical_key FROM intermediate.int_git_repositories",
    "prior_entity_artifacts": "SELECT level, entity_id, artifact_id FROM intermediate.int_entity_artifacts",
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


def make_control_tables(session: Session) -> None:
    """Make the schema and its tables where they are lacking."""
    session.rows("CREATE SCHEMA IF NOT EXISTS control")
    known = {row[0] for row in session.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'control'")}
    for name, columns in _TABLES.items():
        if name not in known:
            session.rows(f"CREATE TABLE IF NOT EXISTS control.{name} ({columns})")


def default_as_of(session: Session) -> date:
    """Return the last UTC day of any hour that was asked for; without hours, the newest commit's day that isn't yet to come; else 1970-01-01."""
    today = datetime.now(UTC).date()
    newest = session.value(
        "SELECT coalesce((SELECT max(CAST(period_start AS DATE)) FROM pinned.gharchive__hours),"
        f" (SELECT max(CAST(committed_at AS DATE)) FROM pinned.git__commits WHERE CAST(committed_at AS DATE) <= DATE '{today}'))"
    )
    return newest or EPOCH


def plan_run(session: Session, settings: Settings, pins: Mapping[str, RawPin], as_of: date | None, *, models_changed: bool) -> Plan:
    """Derive from the loads since the last success what must be restated, and write it down for the models."""
    make_control_tables(session)
    wanted = as_of or settings.release.as_of or default_as_of(session)
    done = next(iter(session.rows("SELECT as_of_date, all_artifacts FROM control.done")), None)
    baseline = dict(session.rows("SELECT table_name, snapshot_id FROM control.baseline"))
    changes = {
        name: changes_since(pin, _snapshot(baseline[name])) if name in baseline else RawChange(is_known=not pin.files)
        for name, pin in pins.items()
    }
    is_lost = (
        done is None
        or done[1] != settings.transform.all_artifacts
        or any(not change.is_known for name, change in changes.items() if name != REJECTED.name)
    )
    is_interrupted = _was_interrupted(session)
    prior = done[0] if done else None
    moved = is_lost or prior != wanted or any(change.added or change.removed for change in changes.values())
    is_needed = moved or models_changed or is_interrupted
    is_full = is_lost or models_changed or (is_interrupted and not _is_begun_with(session, pins, wanted))
    if is_needed:
        with session.transaction():
            _write(session, settings, pins, changes, wanted, prior, is_full=is_full)
    return Plan(
        is_needed, is_full, moved or is_interrupted, is_interrupted, wanted, frozenset(_days(session)) if is_needed else frozenset()
    )


def _snapshot(text: str | None) -> int | None:
    return int(text) if text else None


def _text(snapshot_id: int | None) -> str | None:
    return None if snapshot_id is None else str(snapshot_id)


def _was_interrupted(session: Session) -> bool:
    """Tell whether an earlier transformation began and did not succeed."""
    return bool(session.value("SELECT count(*) FROM control.run"))


def _is_begun_with(session: Session, pins: Mapping[str, RawPin], as_of: date) -> bool:
    """Tell whether the transformation that was interrupted had the same raw tables and as-of date.

    What it did to the models' tables under others can't be told from what the tables held before it.
    """
    begun = session.rows("SELECT table_name, snapshot_id, as_of_date FROM control.begun")
    return set(begun) == {(name, _text(pin.snapshot_id), as_of) for name, pin in pins.items()}


def _write(
    session: Session,
    settings: Settings,
    pins: Mapping[str, RawPin],
    changes: Mapping[str, RawChange],
    as_of: date,
    prior: date | None,
    *,
    is_full: bool,
) -> None:
    """Write the control tables, on top of what a run that did not succeed left; `run` and then `begun` last."""
    left = session.rows("SELECT is_full FROM control.run")
    is_full = is_full or any(row[0] for row in left)
    days = _days(session) | (_all_days(session, pins) if is_full else _changed_days(session, pins, changes))
    _fill(session, "changed_days", [[day] for day in sorted(days)])
    _fill(session, "accepted_falls", [[day] for day in settings.transform.accepted_falls])
    for level in _LEVELS:
        session.clear(f"steps_before_{level}")  # those of a run that did not succeed: in a full build nothing takes their place
    if not is_full:
        _remember_removed(session, pins["gharchive__events"], changes["gharchive__events"])
        _touch_days_between(session, prior, as_of)
    _fill_calendar(session, pins, as_of)
    steps_from = EPOCH if is_full or prior is None else min(prior, as_of) + timedelta(days=1)
    audit_from = EPOCH if is_full else min((steps_from, *days))
    _fill(session, "run", [[as_of, is_full, steps_from, audit_from, settings.transform.all_artifacts, bool(left)]])
    _fill(session, "begun", [[name, _text(pin.snapshot_id), as_of] for name, pin in pins.items()])


def _fill(session: Session, table: str, rows: Sequence[Sequence[Any]]) -> None:
    session.replace_values(table, _TABLES[table], rows)


def _days(session: Session) -> set[date]:
    return {row[0] for row in session.rows("SELECT record_date FROM control.changed_days")}


def _event_days(pins: Mapping[str, RawPin]) -> set[date]:
    """Return the days of all records: each has a partition of its own, so that none is read for this."""
    return {partition_day(part) for part in pins["gharchive__events"].files.values()}


def _all_days(session: Session, pins: Mapping[str, RawPin]) -> set[date]:
    rows = session.rows("SELECT DISTINCT CAST(committed_at AS DATE) FROM pinned.git__commits")
    return _event_days(pins) | {row[0] for row in rows}


def _changed_days(session: Session, pins: Mapping[str, RawPin], changes: Mapping[str, RawChange]) -> set[date]:
    events, commits, pin = changes["gharchive__events"], changes["git__commits"], pins["git__commits"]
    days = {partition_day(part) for part in (*events.added.values(), *events.removed.values())}
    if commits.added or commits.removed:
        added, removed = (
            f"SELECT repository_url, sha, CAST(committed_at AS DATE) AS day FROM ({session.scan(pin, files, snapshot_id)}) AS files"
            for files, snapshot_id in ((commits.added, pin.snapshot_id), (commits.removed, commits.baseline))
        )
        rows = session.rows(f"SELECT day FROM (({added} EXCEPT {removed}) UNION ({removed} EXCEPT {added})) AS moved")
        days |= {row[0] for row in rows}
    return days


def _remember_removed(session: Session, pin: RawPin, change: RawChange) -> None:
    """Keep the commits and pull requests of rows that went, since their first sight or author may move to other days."""
    if not change.removed:
        return
    gone = f"({session.scan(pin, change.removed, change.baseline)}) AS gone"
    session.append("removed_shas", f"SELECT DISTINCT s.sha FROM {gone} CROSS JOIN UNNEST(gone.commit_shas) AS s(sha)")
    session.append("removed_pulls", f"SELECT DISTINCT number FROM {gone} WHERE action = 'opened' AND number IS NOT NULL")


def _touch_days_between(session: Session, prior: date | None, as_of: date) -> None:
    """Events that lay beyond the as-of date before, or do now, come into the metrics or leave them."""
    if prior is None or prior == as_of:
        return
    session.append(
        "touched",
        "SELECT DISTINCT CAST(time AS DATE), to_artifact_id, from_artifact_id FROM marts.events_v1"
        f" WHERE CAST(time AS DATE) > DATE '{min(prior, as_of)}' AND CAST(time AS DATE) <= DATE '{max(prior, as_of)}'",
    )


def _fill_calendar(session: Session, pins: Mapping[str, RawPin], as_of: date) -> None:
    """List the days from the first record to the as-of date, and the first days of all months until then.

    Events may lie before the first record: releases and merges have times of their own.
    """
    commit_day = session.value("SELECT min(CAST(committed_at AS DATE)) FROM pinned.git__commits")
    first = min([*_event_days(pins), *([commit_day] if commit_day else [])] or [as_of])
    days = [first + timedelta(days=number) for number in range((as_of - first).days + 1)]
    _fill(session, "days", [[day] for day in days])
    _fill(session, "months", [[date(year, month, 1)] for year in range(EPOCH.year, as_of.year + 1) for month in range(1, 13)])


def _is_made(session: Session) -> bool:
    return bool(session.value("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'control' AND table_name = 'done'"))


def compared_snapshots(session: Session) -> dict[str, int] | None:
    """Return, by raw table, the snapshot that the next transformation compares with; None after one that was interrupted."""
    if not _is_made(session):
        return {}
    if _was_interrupted(session):
        return None
    return {name: int(text) for name, text in session.rows("SELECT table_name, snapshot_id FROM control.baseline") if text}


def needed_snapshots(session: Session) -> set[int]:
    """Return the raw snapshots that the next transformation may read beside the current ones."""
    if not _is_made(session):
        return set()
    rows = session.rows("SELECT snapshot_id FROM control.baseline UNION SELECT snapshot_id FROM control.begun")
    return {int(row[0]) for row in rows if row[0]}


def move_baseline(session: Session, snapshots: Mapping[str, int]) -> None:
    """Let the next transformation compare raw tables with snapshots that have the same rows as those it would have taken."""
    rows = dict(session.rows("SELECT table_name, snapshot_id FROM control.baseline"))
    _fill(session, "baseline", [[name, str(snapshots[name]) if name in snapshots else text] for name, text in rows.items()])


def write_lineage(session: Session, rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """Replace what `model_lineage_v1` shows."""
    make_control_tables(session)
    _fill(session, "model_lineage", rows)


def mark_published(session: Session) -> None:
    """Note that all tables are published; a kill in between makes the next publication look at some of them again."""
    done = session.rows("SELECT as_of_date, all_artifacts FROM control.done")
    with session.transaction():
        _fill(session, "done", [[*row, False] for row in done])
        session.clear("unpublished_days")


def mark_success(session: Session, pins: Mapping[str, RawPin], settings: Settings) -> None:
    """Take how things stand now as what the next transformation is compared with; that the run succeeded is said last, by its row going."""
    with session.transaction():
        run = next(iter(session.rows("SELECT as_of_date, is_full FROM control.run")), None)
        if run is None:
            return
        waiting = session.value("SELECT is_everything_unpublished FROM control.done")
        session.append("unpublished_days", "SELECT '*', CAST(NULL AS DATE)")
        for prior, query in _PRIOR.items():
            session.replace(prior, query)
        _fill(session, "baseline", [[name, _text(pin.snapshot_id)] for name, pin in pins.items()])
        _fill(session, "done", [[run[0], settings.transform.all_artifacts, bool(run[1] or waiting)]])
        for name in _OF_A_RUN:
            session.clear(name)
