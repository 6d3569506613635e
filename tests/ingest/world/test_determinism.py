"""Equal settings give equal bytes."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from ingest.world import WorldSummary, write_world
from tests.ingest.world.conftest import SETTINGS


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file by its path inside the folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def test_equal_settings_give_equal_bytes(world: WorldSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second world in another folder, under another user's git settings, has the same files to the last byte."""
    (tmp_path / ".gitconfig").write_text("[user]\nname = Somebody\n[init]\ndefaultBranch = other\n[core]\nautocrlf = true\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    write_world(tmp_path / "again", SETTINGS)
    assert digests(tmp_path / "again") == digests(world.folder)


def test_another_seed_gives_other_records(world: WorldSummary, tmp_path: Path) -> None:
    """The seed decides the records: no hour file with records is alike in two seeds."""
    other = write_world(tmp_path, replace(SETTINGS, seed=8))
    ours, theirs = digests(world.folder / "gharchive"), digests(other.folder / "gharchive")
    same = [name for name in ours if ours[name] == theirs.get(name)]
    empty = sha256((world.folder / "gharchive" / world_empty(world)).read_bytes()).hexdigest()
    assert all(ours[name] == empty for name in same)


def world_empty(world: WorldSummary) -> str:
    """Return the name of the smallest hour file, the one without records."""
    return min((world.folder / "gharchive").iterdir(), key=lambda path: path.stat().st_size).name


def test_progress_adds_up_to_the_lines(tmp_path: Path) -> None:
    """The numbers that progress is told add up to the lines of the hour files."""
    told: list[int] = []
    summary = write_world(tmp_path, replace(SETTINGS, events=200), told.append)
    assert sum(told) == summary.record_count
    assert len(told) == summary.hour_file_count
