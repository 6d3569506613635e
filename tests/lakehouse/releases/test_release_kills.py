"""kill -9 while a release is made: readers see the one before, and a run again ends as if never killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from small_lake import SERIES, SmallLake

from catalog.crash import CRASH_VARIABLE
from catalog.releases import Release, list_releases
from lakehouse.releases import verify_release

POINTS = ["release.hashed", "release.tagged", "release.written", "release.latest"]
DRIVER = Path(__file__).with_name("small_lake.py")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a lake with two releases and news for a third; it is copied, never changed."""
    lake = SmallLake(tmp_path_factory.mktemp("kills") / "lake").fill()
    lake.release()
    lake.write(SERIES, [(date(2024, 2, 2), 1.0, "second")])
    lake.release()
    lake.write(SERIES, [(date(2024, 2, 3), 1.0, "third")])
    return lake.settings.folder


def run(folder: Path, act: str, crash_at: str = "") -> subprocess.Popen[bytes]:
    """Start a release or a rollback in a process of its own."""
    return subprocess.Popen([sys.executable, str(DRIVER), str(folder), act], env=os.environ | {CRASH_VARIABLE: crash_at})


def timeless(release: Release, lake: SmallLake) -> dict[str, Any]:
    """Return what a release says, without times and without the metadata files that this run's tags made."""
    plain = release.document.model_dump(exclude={"created_at"})
    for audit in plain["audits"]:
        del audit["checked_at"]
    for table in plain["tables"]:
        assert lake.path(table.pop("metadata_file")).exists()
        table["files"] = [file for file in table["files"] if file["kind"] != "metadata"]
    return plain


def check_killed(folder: Path, act: str, unharmed: SmallLake) -> None:
    """Check what readers see after a kill, run again, and compare with the lake that was never killed."""
    lake = SmallLake(folder)
    expected = list_releases(unharmed.settings)
    seen = list_releases(lake.settings)
    assert len(seen) in (2, 3)
    assert verify_release(lake.settings).chain_length == len(seen)
    assert run(folder, act).wait() == 0
    releases = list_releases(lake.settings)
    assert [timeless(release, lake) for release in releases] == [timeless(release, unharmed) for release in expected]
    assert verify_release(lake.settings).chain_length == 3
    tags = [sorted(one.catalog.load_table(SERIES.identifier).metadata.refs) for one in (lake, unharmed)]
    assert tags[0] == tags[1]
    assert len(list((lake.settings.warehouse / "releases").glob("[0-9]*"))) == 6


@pytest.mark.parametrize(("act", "point"), [("release", point) for point in POINTS] + [("rollback", point) for point in POINTS[2:]])
def test_a_kill_at_a_named_point_does_no_harm(before: Path, tmp_path: Path, act: str, point: str) -> None:
    """Killed at any named point, the release before is whole and current; a run again gives what an unharmed run gives."""
    folders = [Path(shutil.copytree(before, tmp_path / name)) for name in ("killed", "unharmed")]
    assert run(folders[0], act, crash_at=point).wait() == -signal.SIGKILL
    assert len(list_releases(SmallLake(folders[0]).settings)) == (3 if point == "release.latest" else 2)
    assert run(folders[1], act).wait() == 0
    check_killed(folders[0], act, SmallLake(folders[1]))


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_in_the_first_release_does_no_harm(tmp_path: Path, point: str) -> None:
    """Killed in the very first release, there is none; a run again makes it."""
    lake = SmallLake(tmp_path / "lake").fill()
    assert run(lake.settings.folder, "release", crash_at=point).wait() == -signal.SIGKILL
    seen = list_releases(lake.settings)
    assert len(seen) == (1 if point == "release.latest" else 0)
    assert run(lake.settings.folder, "release").wait() == 0
    assert [release.sequence for release in list_releases(lake.settings)] == [1]
    assert verify_release(lake.settings).chain_length == 1


@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=pytest.mark.kill), *(pytest.param(n, marks=pytest.mark.kill) for n in range(2, 12))]
)
def test_a_kill_at_any_time_does_no_harm(before: Path, tmp_path: Path, seed: int) -> None:
    """Killed at a random moment while the release is made, nothing is lost either."""
    folders = [Path(shutil.copytree(before, tmp_path / name)) for name in ("killed", "unharmed")]
    assert run(folders[1], "release").wait() == 0
    process = run(folders[0], "release")
    time.sleep(random.Random(seed).uniform(0.5, 2.5))
    process.kill()
    process.wait()
    check_killed(folders[0], "release", SmallLake(folders[1]))


def test_what_a_killed_run_left_gives_way_to_news(before: Path, tmp_path: Path) -> None:
    """If there are other news when the run is tried again, the unfinished release is removed and never seen."""
    folder = Path(shutil.copytree(before, tmp_path / "lake"))
    assert run(folder, "release", crash_at="release.written").wait() == -signal.SIGKILL
    unfinished = sorted((folder / "warehouse" / "releases").glob("000003*"))
    lake = SmallLake(folder)
    lake.records += 1
    release = lake.release()
    assert len(unfinished) == 2
    assert not any(path.exists() for path in unfinished)
    assert list_releases(lake.settings)[0].id == release.id
    assert verify_release(lake.settings).chain_length == 3
