"""A source that collapses holds the release, until the day is accepted as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import AuditError
from catalog.releases import read_release
from end_to_end.lakes import Lake
from end_to_end.worlds import write_hour

USUAL, FALLEN = 45, 20
"""Records an hour."""


def _write_day(hours: Path, day: int, count: int) -> None:
    for hour in range(24):
        records = [
            {"id": f"{day * 10_000 + hour * 100 + number}", "type": "WatchEvent", "created_at": f"2024-03-{day:02}T{hour:02}:00:00Z"}
            | {"actor": {"id": number, "login": f"a{number}"}, "repo": {"id": 1, "name": "o/r"}, "payload": {"action": "started"}}
            for number in range(count)
        ]
        write_hour(hours / f"2024-03-{day:02}-{hour}.json.gz", records)


def _name_days(lake: Lake, hours: Path, days: int, more: str = "") -> None:
    lake.folder.mkdir(exist_ok=True)
    text = f'{more}\n[[sources.gharchive]]\naddress = "{hours}"\nfrom = "2024-03-01T00"\nto = "2024-03-{days + 1:02}T00"\n'
    (lake.folder / "osslake.toml").write_text(text)


def test_a_fall_by_more_than_half_holds_the_release(tmp_path: Path) -> None:
    """A day with less than half the records of the days before is not released; readers see the release before; once accepted, it is."""
    hours, lake = tmp_path / "hours", Lake(tmp_path / "lake")
    hours.mkdir()
    for day in range(1, 9):
        _write_day(hours, day, USUAL)
    _name_days(lake, hours, 8)
    before = lake.run().release
    assert before is not None
    _write_day(hours, 9, FALLEN)
    _name_days(lake, hours, 9)
    with pytest.raises(
        AuditError, match=r"metric_periods_v1 failed, nothing is released: no_collapse found 1 rows .*transform\.accepted_falls"
    ):
        lake.run()
    assert read_release(lake.settings).id == before.release.id
    _name_days(lake, hours, 9, more="[transform]\naccepted_falls = [2024-03-09]\n")
    lake.run()
    assert lake.rows("SELECT event_count FROM marts.events_daily_v1 WHERE bucket_date = DATE '2024-03-09'") == [(24,)] * FALLEN
