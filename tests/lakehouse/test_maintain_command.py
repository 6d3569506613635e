"""What `osslake maintain` says."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from small_lake import DATASETS, DAYS, SmallLake
from typer.testing import CliRunner

from catalog.settings import SETTINGS_FILE
from lakehouse.cli.app import app


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    """Return a lake whose files may be deleted as soon as nothing names them."""
    lake = SmallLake(tmp_path / "lake").fill()
    (lake.settings.folder / SETTINGS_FILE).write_text('dataset = "small-lake"\n[maintain]\norphan_hours = 0\n', encoding="utf-8")
    lake.release()
    return lake


def _said(lake: SmallLake, *options: str) -> list[str]:
    done = CliRunner().invoke(app, ["--lake", str(lake.settings.folder), "maintain", *options], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.splitlines()


def test_where_nothing_is_to_do_one_line_says_so(lake: SmallLake) -> None:
    """A lake that needs no work is told of in one line, however many tables it has; on request there is one for each."""
    (line,) = _said(lake, "--dry-run")
    assert line.startswith(f"nothing to do: {len(DATASETS)} tables, snapshots ")
    told = _said(lake, "--dry-run", "--verbose")
    assert {one.split()[0] for one in told[: len(DATASETS)]} == {dataset.full_name for dataset in DATASETS}


@pytest.mark.parametrize("options", [["--dry-run"], []])
def test_work_is_told_by_its_kind(lake: SmallLake, options: list[str]) -> None:
    """Each kind of work has a line: in how many tables, how many things, and their bytes; a dry run tells what the run will."""
    lake.write(DAYS, [(date(2024, 1, 1), 2)])
    folder = lake.path(lake.files(DAYS)[0].file_path).parent
    for name in ("left.parquet", "over.parquet"):
        (folder / name).write_bytes(b"x" * 1000)
    head, orphans, total = _said(lake, *options)
    assert head.split() == [*(["would", "be"] if options else ["done"]), "tables", "number", "bytes"]
    assert orphans.split() == ["orphans", "deleted", "1", "2", "2.0", "kB"]
    assert f"{len(DATASETS)} tables, " in total
    assert (folder / "left.parquet").exists() is bool(options)


def test_progress_stays_off_standard_output(lake: SmallLake) -> None:
    """Where no terminal is, progress goes to standard error as JSON lines; standard output has the result alone."""
    done = CliRunner().invoke(
        app, ["--lake", str(lake.settings.folder), "maintain", "--dry-run", "--output", "json"], catch_exceptions=False
    )
    assert json.loads(done.stdout)["is_dry_run"]
    assert [json.loads(line)["step"] for line in done.stderr.splitlines()] == ["plan"]
