"""kill -9 while hours are loaded: loaded again, every record is there once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from end_to_end.kills import check_as_never_killed, copy_of, raw_rows, run_again, run_killed
from end_to_end.lakes import Lake
from end_to_end.processes import Finished, osslake

POINTS = ("load.written", "load.written:2", "load.commit", "load.commit:2", "load.commit:3", "load.committed")


def _load(lake: Lake, crash_at: str = "") -> Finished:
    hours = lake.settings.sources.gharchive[0]
    return osslake("--lake", lake.folder, "ingest", "gharchive", hours.address, "--from", hours.start, "--to", hours.end, crash_at=crash_at)


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_load_leaves_every_record_once(begun: Lake, unharmed: Lake, tmp_path: Path, point: str) -> None:
    """A load that was killed at any step gives, done again, the raw rows of one that never was."""
    lake = copy_of(begun, tmp_path)
    assert _load(lake, crash_at=point).code == -signal.SIGKILL
    again = _load(lake)
    assert again.code == 0, again
    assert raw_rows(lake) == raw_rows(unharmed)


def test_a_first_load_that_is_killed_begins_anew(tiny_world: Path, begun: Lake, unharmed: Lake, tmp_path: Path) -> None:
    """A killed first load of a directory leaves a lake that loads as a new one does."""
    lake = Lake(tmp_path / "lake")
    arguments = ("--lake", lake.folder, "ingest", "oss-directory", tiny_world / "oss-directory", "--history")
    assert osslake(*arguments, crash_at="load.commit:2").code == -signal.SIGKILL
    assert osslake(*arguments).code == 0
    names = [name for name in raw_rows(unharmed) if name.startswith("oss_directory__")]
    ours, theirs = raw_rows(lake), raw_rows(unharmed)
    assert {name: ours[name] for name in names} == {name: theirs[name] for name in names}


@pytest.mark.kill
def test_five_kills_in_a_row(begun: Lake, unharmed: Lake, tmp_path: Path) -> None:
    """A run that is killed at each step of its load, one after the other, ends with the content of one that never was."""
    lake = copy_of(begun, tmp_path)
    for point in ("load.written", "load.commit", "load.commit:2", "load.commit:3", "load.committed"):
        run_killed(lake, point)
    run_again(lake)
    check_as_never_killed(lake, unharmed)
