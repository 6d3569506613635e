"""Loads that were cut off between two tables, after which the source goes back to what it was: the tables agree again."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from catalog.catalogs import open_catalog
from catalog.settings import Settings
from ingest.loader import Loader
from lakehouse.ingest import ingest_directories, ingest_gharchive

CutOff = Callable[[str], AbstractContextManager[None]]
PROJECT = "version: 7\nname: ada\ndisplay_name: Ada\ngithub:\n  - url: https://github.com/ada/{}\n"


def rows(lake: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a raw table."""
    found: list[dict[str, Any]] = open_catalog(Settings(folder=lake)).load_table(("raw", name)).scan().to_arrow().to_pylist()
    return found


def test_an_hour_that_comes_back(tmp_path: Path, cut_off_before: CutOff) -> None:
    """Loaded as A, cut off as B, A again: the events are those of A, and so they stay."""
    hours, lake = tmp_path / "hours", Settings(folder=tmp_path / "lake")
    hours.mkdir()

    def load(content: str) -> int:
        record = {"id": content, "type": "WatchEvent", "created_at": "2024-01-01T00:00:00Z"}
        (hours / "2024-01-01-0.json.gz").write_bytes(gzip.compress(json.dumps(record).encode(), mtime=0))
        return ingest_gharchive(lake, Loader(lake), str(hours), "2024-01-01T00", "2024-01-01T01").loaded

    load("A")
    with cut_off_before("gharchive__hours"):
        load("B")
    assert [row["record_id"] for row in rows(lake.folder, "gharchive__events")] == ["B"]
    assert [load("A"), load("A")] == [1, 0]
    assert [row["record_id"] for row in rows(lake.folder, "gharchive__events")] == ["A"]


def test_a_directory_that_comes_back(tmp_path: Path, cut_off_before: CutOff) -> None:
    """Loaded as A, cut off as B, A again: entries and rejected files are those of A, and so they stay."""
    folder, lake = tmp_path / "directory", Settings(folder=tmp_path / "lake")
    (folder / "data/projects/a").mkdir(parents=True)
    (folder / "data/projects/a/ada.yaml").write_text(PROJECT.format("one"))

    def load(repository: str, *, bad: bool) -> int:
        (folder / "data/projects/a/ada.yaml").write_text(PROJECT.format(repository))
        (folder / "data/projects/a/bad.yaml").write_text("name: [") if bad else (folder / "data/projects/a/bad.yaml").unlink(
            missing_ok=True
        )
        return ingest_directories(lake, Loader(lake), [(str(folder), False)]).loads

    load("one", bad=False)
    with cut_off_before("oss_directory__projects"):
        load("two", bad=True)
    assert len(rows(lake.folder, "rejected")) == 1
    assert [load("one", bad=False), load("one", bad=False)] == [1, 0]
    assert [row["artifact_name"] for row in rows(lake.folder, "oss_directory__entries")] == ["one"]
    assert rows(lake.folder, "rejected") == []
