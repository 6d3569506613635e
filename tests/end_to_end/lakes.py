"""Lakes that tests build: a folder with its settings file, run in this process, its releases read through the catalog."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest
from filelock import FileLock

from catalog.query import open_release
from catalog.releases import Release, read_release
from catalog.settings import Settings, load_settings
from end_to_end.worlds import SMALL, build_small, hours_of
from lakehouse.run import RunSummary, run_all
from lakehouse.transform import CACHE_FOLDER, opened_models

STAGES = ("raw", "intermediate", "marts")


@dataclass(frozen=True)
class Lake:
    """A lake in a folder."""

    folder: Path
    shelf: ClassVar[Shelf | None] = None
    """Where models lie parsed, for new lakes."""

    @property
    def settings(self) -> Settings:
        """Read the settings anew: a settings file that was changed counts."""
        return load_settings(self.folder)

    def name_sources(self, world: Path, hours: tuple[str, str], git: Sequence[str] = ("git/*.git",), more: str = "") -> Lake:
        """Write the settings file: a world's directory with its history, its hours from and to, its clones."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = f'{more}\n[[sources.oss_directory]]\naddress = "{world}/oss-directory"\nhistory = true\n'
        text += f'[[sources.gharchive]]\naddress = "{world}/gharchive"\nfrom = "{hours[0]}"\nto = "{hours[1]}"\n'
        text += "".join(f'[[sources.git]]\naddress = "{world}/{pattern}"\n' for pattern in git)
        (self.folder / "osslake.toml").write_text(text)
        return self

    def run(self) -> RunSummary:
        """Do what `osslake run` does."""
        self.take_models()
        return run_all(self.settings)

    def take_models(self) -> None:
        """Take the models as they were parsed once for all lakes, where this one has not parsed them yet."""
        cache = self.settings.state / CACHE_FOLDER
        if self.shelf and not cache.exists():
            shutil.copytree(self.shelf.once("models", _parse_models) / CACHE_FOLDER, cache)

    def release(self, identifier: str | None = None) -> Release:
        """Return the current release, or another one."""
        return read_release(self.settings, identifier)

    def query(self, sql: str, release: str | None = None) -> pa.Table:
        """Return the rows of a query over a release's tables."""
        with open_release(self.settings, self.release(release), STAGES) as connection:
            return connection.execute(sql).to_arrow_table()

    def rows(self, sql: str, release: str | None = None) -> list[tuple[object, ...]]:
        """Return the rows of a query as tuples."""
        return [tuple(row.values()) for row in self.query(sql, release).to_pylist()]

    def copy_to(self, folder: Path) -> Lake:
        """Return a copy that a test may change."""
        shutil.copytree(self.folder, folder)
        return Lake(folder)


def _parse_models(folder: Path) -> None:
    with opened_models(Settings(folder=folder), folder / CACHE_FOLDER):
        """Nothing else is asked of them."""


def digests(release: Release) -> dict[str, tuple[int, str]]:
    """Return row count and content digest of each table of a release."""
    return {table.full_name: (table.row_count, table.content_digest) for table in release.tables}


def differing(ours: Lake, theirs: Lake) -> list[str]:
    """Return the tables of models in which the current releases of two lakes differ."""
    one, other = digests(ours.release()), digests(theirs.release())
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name) and not name.startswith("raw."))


@dataclass(frozen=True)
class Shelf:
    """Folders that are built once for all worker processes of a test run."""

    root: Path

    def once(self, name: str, build: Callable[[Path], object]) -> Path:
        """Return the folder of that name, building it where no process has done so yet."""
        folder, mark = self.root / name, self.root / f"{name}.built"
        with FileLock(self.root / f"{name}.lock"):
            if not mark.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                build(folder)
                mark.touch()
        return folder


def build_small_lake(shelf: Shelf) -> Lake:
    """Return the lake with all of the small world, built at once and released; it is copied, never changed."""
    world = shelf.once("small", build_small) / "world"
    return Lake(shelf.once("small_lake", lambda folder: Lake(folder).name_sources(world, hours_of(SMALL)).run()))


def open_shelf(factory: pytest.TempPathFactory, is_worker: bool) -> Shelf:
    """Return the shelf of this test run, which the workers of pytest-xdist share."""
    base = factory.getbasetemp()
    root = (base.parent if is_worker else base) / "shelf"
    root.mkdir(parents=True, exist_ok=True)
    Lake.shelf = Shelf(root)
    return Lake.shelf
