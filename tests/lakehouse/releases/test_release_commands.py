"""What `osslake release` and `osslake run` say of releases."""

from __future__ import annotations

import json
from datetime import date

import pytest
from small_lake import SERIES, SmallLake
from typer.testing import CliRunner

from catalog.errors import ReleaseError
from catalog.settings import SETTINGS_FILE
from lakehouse.cli.app import app
from lakehouse.cli.pipeline import run_record, show_release_made
from lakehouse.run import RunSummary


@pytest.fixture
def rolled_back(lake: SmallLake) -> SmallLake:
    """Return a lake of three releases, the last of which restores the first."""
    (lake.settings.folder / SETTINGS_FILE).write_text('dataset = "small-lake"\n', encoding="utf-8")
    lake.release()
    lake.write(SERIES, [(date(2024, 2, 2), 1e9, "bad")])
    lake.release()
    _said(lake, "rollback", "1")
    return lake


def _said(lake: SmallLake, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["--lake", str(lake.settings.folder), "release", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_list_marks_the_current_release(rolled_back: SmallLake) -> None:
    """One line, and one record, is that of the release which readers see; after a rollback it names what it restores."""
    records = json.loads(_said(rolled_back, "list", "--output", "json"))
    assert [(one["sequence"], one["is_current"]) for one in records] == [(3, True), (2, False), (1, False)]
    lines = _said(rolled_back, "list").splitlines()
    assert [line.endswith(", current") for line in lines] == [True, False, False]
    assert f"restores {records[2]['id'][:16]}" in lines[0]


@pytest.mark.parametrize("command", ["show", "verify", "rollback"])
def test_a_number_without_a_release_is_told_with_those_that_there_are(rolled_back: SmallLake, command: str) -> None:
    """A sequence number that no release has is refused with those that are kept, and how to list them."""
    with pytest.raises(ReleaseError, match=r"'000007' is no release .*000001-.*, 000003-.*osslake release list"):
        _said(rolled_back, command, "000007")


@pytest.mark.parametrize("name", ["2", "000002"])
def test_a_number_is_a_release(rolled_back: SmallLake, name: str) -> None:
    """A sequence number, with or without zeros, names a release to look at and to verify."""
    assert _said(rolled_back, "show", name).startswith("release 000002-")
    assert _said(rolled_back, "verify", name).startswith("release 000002-")


def test_a_run_after_a_rollback_tells_why_it_released_nothing(rolled_back: SmallLake, capsys: pytest.CaptureFixture[str]) -> None:
    """Without news a run leaves the release that was gone back to, and tells what it would release again, and how that is done."""
    outcome = rolled_back.create()
    show_release_made(RunSummary(release=outcome))
    current, why = capsys.readouterr().out.splitlines()
    assert current.startswith("release 000003-")
    assert "(unchanged)" in current
    assert why.startswith("  nothing released: what is loaded gives 000002-")
    assert "`osslake release rollback 2`" in why
    assert run_record(RunSummary(release=outcome))["release"]["held_back"].startswith("000002-")
