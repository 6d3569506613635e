"""Two processes at one lake: two loaders of the same file, and two runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from end_to_end.kills import copy_of, raw_rows
from end_to_end.lakes import Lake
from end_to_end.processes import LIMIT_S, barrier, start, stopped
from end_to_end.worlds import TINY, hours_of


def _load(folder: Path, world: Path, gate: Any) -> None:
    from ingest.loader import Loader
    from lakehouse.ingest import ingest_gharchive

    lake = Lake(folder)
    loader = Loader(lake.settings)
    gate.wait(LIMIT_S)
    ingest_gharchive(lake.settings, loader, str(world / "gharchive"), *hours_of(TINY))


def test_two_loaders_of_the_same_files(tiny_world: Path, unharmed: Lake, tmp_path: Path) -> None:
    """Two processes that load the same hours into a new lake at the same time, without its lock, leave each row once."""
    folder, gate = tmp_path / "lake", barrier(2)
    processes = [start(_load, folder, tiny_world, gate) for _ in range(2)]
    for process in processes:
        process.join(LIMIT_S)
    assert [process.exitcode for process in processes] == [0, 0]
    ours, theirs = raw_rows(Lake(folder)), raw_rows(unharmed)
    for name in ("gharchive__events", "gharchive__hours"):
        assert ours[name] == theirs[name]
    assert len(ours["rejected"]) == sum("gharchive" in row for row in theirs["rejected"])


def test_a_second_run_is_turned_away(transformed: Lake, tmp_path: Path) -> None:
    """While a run holds the lake, a second one ends at once with exit code 1 and says who holds it since when; the first is not disturbed."""
    lake = copy_of(transformed, tmp_path)
    with stopped("--lake", lake.folder, "run", at="release.hashed") as first:
        held = json.loads((lake.folder / "state" / "lock.json").read_text())
        second = subprocess.run(
            [sys.executable, "-c", "from lakehouse.cli import main; main()", "--lake", str(lake.folder), "run"],
            capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        )  # fmt: skip
    assert second.returncode == 1
    assert len(second.stderr.splitlines()) == 1
    assert f"`osslake run` (process {held['pid']} on {held['host']}) since {held['since']}" in second.stderr
    assert first.wait().code == 0
