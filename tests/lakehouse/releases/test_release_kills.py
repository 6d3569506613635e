"""kill -9 while a release is made: readers see the one before, and a run again ends as if never killed."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import signal
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from small_lake import SERIES, SmallLake, act

from catalog.releases import Release, list_releases
from lakehouse.releases import verify_release

POINTS = ["release.hashed", "release.tagged", "release.written", "release.latest"]
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["lakehouse.releases", "catalog.iceberg", "pyiceberg.catalog.sql", "pyiceberg.io.pyarrow"])


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a lake with two releases and news for a third; it is copied, never changed."""
    lake = SmallLake(tmp_path_factory.mktemp("kills") / "lake").fill()
    lake.release()
    lake.write(SERIES, [(date(2024, 2, 2), 1.0, "second")])
    lake.release()
    lake.write(SERIES, [(date(2024, 2, 3), 1.0, "third")])
    return lake.settings.folder


@pytest.fixture(scope="module")
def unharmed(before: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, SmallLake]:
    """Return, by act, lakes in which it was never killed."""
    folders = {what: tmp_path_factory.mktemp(what) / "lake" for what in ("release", "rollback")}
    for what, folder in folders.items():
        shutil.copytree(before, folder)
        assert run(folder, what) == 0
    return {what: SmallLake(folder) for what, folder in folders.items()}


def run(folder: Path, what: str, crash_at: str = "", death: int = 0) -> int | None:
    """Release or roll back in a process of its own, to its end or to its death; return its exit code."""
    process = PROCESSES.Process(target=act, args=(folder, what, crash_at, death))
    process.start()
    process.join()
    return process.exitcode


def timeless(release: Release, lake: SmallLake) -> dict[str, Any]:
    """Return what a release says, without times and without the metadata files that this run's tags made."""
    plain = release.document.model_dump(exclude={"created_at", "previous"})
    for audit in plain["audits"]:
        del audit["checked_at"]
    for table in plain["tables"]:
        assert lake.path(table.pop("metadata_file")).exists()
        table["files"] = [file for file in table["files"] if file["kind"] != "metadata"]
    return plain


def check_killed(folder: Path, what: str, unharmed: SmallLake) -> None:
    """Check what readers see after a kill, run again, and compare with the lake that was never killed."""
    lake = SmallLake(folder)
    seen = list_releases(lake.settings)
    assert len(seen) in (2, 3)
    assert verify_release(lake.settings).chain_length == len(seen)
    assert run(folder, what) == 0
    releases, expected = list_releases(lake.settings), list_releases(unharmed.settings)
    assert [timeless(release, lake) for release in releases] == [timeless(release, unharmed) for release in expected]
    assert releases[-len(seen) :] == seen
    assert verify_release(lake.settings).chain_length == 3
    tags = [sorted(one.catalog.load_table(SERIES.identifier).metadata.refs) for one in (lake, unharmed)]
    assert tags[0] == tags[1]
    assert len(list((lake.settings.warehouse / "releases").glob("[0-9]*"))) == 6


@pytest.mark.parametrize(("what", "point"), [*(("release", point) for point in POINTS), *(("rollback", point) for point in POINTS[2:])])
def test_a_kill_at_a_named_point_does_no_harm(before: Path, unharmed: dict[str, SmallLake], tmp_path: Path, what: str, point: str) -> None:
    """Killed at any named point, the release before is whole and current; a run again gives what an unharmed run gives."""
    folder = Path(shutil.copytree(before, tmp_path / "killed"))
    assert run(folder, what, crash_at=point) == -signal.SIGKILL
    assert len(list_releases(SmallLake(folder).settings)) == (3 if point == "release.latest" else 2)
    check_killed(folder, what, unharmed[what])


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_in_the_first_release_does_no_harm(tmp_path: Path, point: str) -> None:
    """Killed in the very first release, there is none; a run again makes it."""
    lake = SmallLake(tmp_path / "lake").fill()
    assert run(lake.settings.folder, "release", crash_at=point) == -signal.SIGKILL
    assert len(list_releases(lake.settings)) == (1 if point == "release.latest" else 0)
    assert run(lake.settings.folder, "release") == 0
    assert [release.sequence for release in list_releases(lake.settings)] == [1]
    assert verify_release(lake.settings).chain_length == 1


@pytest.mark.parametrize("seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.kill) for seed in range(5, 50))])
def test_a_kill_at_any_time_does_no_harm(before: Path, unharmed: dict[str, SmallLake], tmp_path: Path, seed: int) -> None:
    """Killed at a random one of the calls that make a release or a rollback, nothing is lost either."""
    dice = random.Random(seed)
    what = dice.choice(["release", "release", "rollback"])
    calls = int(unharmed[what].settings.folder.with_name("calls").read_text(encoding="ascii"))
    folder = Path(shutil.copytree(before, tmp_path / "killed"))
    assert run(folder, what, death=dice.randint(1, int(calls * 0.95))) == -signal.SIGKILL
    check_killed(folder, what, unharmed[what])


def test_what_a_killed_run_left_gives_way_to_news(before: Path, tmp_path: Path) -> None:
    """If there are other news when the run is tried again, the unfinished release is removed and never seen."""
    folder = Path(shutil.copytree(before, tmp_path / "lake"))
    assert run(folder, "release", crash_at="release.written") == -signal.SIGKILL
    unfinished = sorted((folder / "warehouse" / "releases").glob("000003*"))
    lake = SmallLake(folder)
    lake.records += 1
    release = lake.release()
    assert len(unfinished) == 2
    assert not any(path.exists() for path in unfinished)
    assert list_releases(lake.settings)[0].id == release.id
    assert verify_release(lake.settings).chain_length == 3
