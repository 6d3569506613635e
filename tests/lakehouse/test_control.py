"""The as-of date that a run takes by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from catalog.duck import connect
from catalog.settings import Settings
from lakehouse.control import default_as_of
from lakehouse.engines.duckdb import DuckSession


def _session(folder: Path, hours: list[str], commits: list[str]) -> DuckSession:
    """Return a session over hours that were asked for and commits, by their times."""
    connection = connect()
    for table, column, times in (("gharchive__hours", "period_start", hours), ("git__commits", "committed_at", commits)):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS pinned; CREATE TABLE pinned.{table} ({column} TIMESTAMPTZ)")
        for time in times:
            connection.execute(f"INSERT INTO pinned.{table} VALUES (TIMESTAMPTZ '{time}')")
    return DuckSession(connection, Settings(folder=folder))


def test_the_last_hour_that_was_asked_for_counts(tmp_path: Path) -> None:
    """Whatever commits say, the hours' last day is the as-of date."""
    assert default_as_of(_session(tmp_path, ["2024-01-02 23:00:00+00", "2024-01-01 00:00:00+00"], ["2024-03-01 00:00:00+00"])) == date(2024, 1, 2)


def test_without_hours_the_newest_commit_counts(tmp_path: Path) -> None:
    """A commit of days that are yet to come, by a clock that was wrong, does not move it."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert default_as_of(_session(tmp_path, [], ["2024-03-01 00:00:00+00", f"{tomorrow}", "9999-12-30 00:00:00+00"])) == date(2024, 3, 1)
    assert default_as_of(_session(tmp_path, [], ["9999-12-30 00:00:00+00"])) == date(1970, 1, 1)
