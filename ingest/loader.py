"""Running loads: a dlt pipeline for each package, progress meanwhile, and a summary at the end."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import dlt
import pyarrow as pa
from dlt.pipeline.exceptions import PipelineStepFailed
from filelock import FileLock, Timeout

from catalog.catalogs import open_catalog
from catalog.errors import CommitError, OsslakeError
from catalog.settings import Settings
from ingest.ahead import read_ahead
from ingest.destination import IcebergDestination, Package, commit_package
from ingest.loads import Load

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

PIPELINE = "osslake"
NOTES_SHOWN = 10
_DLT_SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "RUNTIME__INTERCEPT_SIGNALS": "false",
    "RESTORE_FROM_DESTINATION": "false",
    "LOAD__WORKERS": "2",
    "LOAD__DELETE_COMPLETED_JOBS": "true",
    "LOAD__RAISE_ON_MAX_RETRIES": "2",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "false",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID": "false",
}


@dataclass
class LoadSummary:
    """What an ingest did.

    Units are hours, directories or repositories. Records are the source's own; `loaded` counts those that became rows of
    the source's main tables; in = loaded + rejected.
    """

    source: str
    loads: int = 0
    units: int = 0
    unchanged: int = 0
    files: int = 0
    bytes: int = 0
    records: int = 0
    loaded: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    duration_s: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def rows_per_s(self) -> float:
        """Loaded rows per second of the whole ingest."""
        return self.loaded / self.duration_s if self.duration_s else 0.0


Progress = Callable[[LoadSummary], None]


class Loader:
    """Commits loads to one lake."""

    def __init__(self, settings: Settings, catalog: Catalog | None = None) -> None:
        os.environ.update(_DLT_SETTINGS)
        pa.set_memory_pool(pa.system_memory_pool())  # gives back what isn't used; Arrow's own kept a third more over ten million records
        self.settings = settings
        self.catalog = catalog or open_catalog(settings)
        self._work = WorkFolder(settings.state / "load")

    def run(self, source: str, loads: Iterable[Load], progress: Progress | None = None) -> LoadSummary:
        """Commit loads one after the other; each is whole or not there."""
        summary = LoadSummary(source)
        started = time.monotonic()
        for load in read_ahead(loads):
            self.commit(load)
            self._count(summary, load)
            pa.default_memory_pool().release_unused()
            summary.duration_s = time.monotonic() - started
            if progress:
                progress(summary)
        summary.duration_s = time.monotonic() - started
        return summary

    def commit(self, load: Load) -> None:
        """Bring one load into the lake through dlt.

        What an earlier run left unfinished is of no use: the source offers it again, under the same load id.

        Raises:
            CommitError: the load could not be written or committed.
        """
        with TemporaryDirectory(dir=self._work.path) as folder:
            package = Package(load, self.catalog, Path(folder))
            source = package.as_dlt_source()
            if source:
                pipeline = dlt.pipeline(PIPELINE, pipelines_dir=f"{folder}/pipelines", destination=IcebergDestination(package))
                try:
                    pipeline.run(source, loader_file_format="parquet")
                except PipelineStepFailed as error:
                    raise _cause(error, load) from error
            else:
                commit_package(package)

    @staticmethod
    def _count(summary: LoadSummary, load: Load) -> None:
        rejected = sum(load.rejected.values())
        loaded = sum(rows.num_rows for name, rows in load.tables.items() if name in load.record_tables)
        summary.loads += 1
        summary.units += load.units
        summary.files += load.files
        summary.bytes += load.bytes
        summary.loaded += loaded
        summary.records += loaded + rejected
        summary.rejected.update(load.rejected)
        summary.notes += load.notes[: NOTES_SHOWN - len(summary.notes)]


class WorkFolder:
    """A folder of this process alone, whose lock lives as long as the process; those that killed processes left are removed."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.glob("*.lock"):
            self._remove_if_left(left)
        token = secrets.token_hex(8)
        self._lock = FileLock(parent / f"{token}.lock")
        self._lock.acquire()
        self.path = parent / token
        self.path.mkdir()

    @staticmethod
    def _remove_if_left(lock_file: Path) -> None:
        try:
            with FileLock(lock_file, timeout=0):
                shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
                lock_file.unlink(missing_ok=True)
        except Timeout:
            return


def _cause(error: BaseException, load: Load) -> BaseException:
    """Return what stopped a pipeline: our own error or the user's interrupt where one is the cause."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OsslakeError | KeyboardInterrupt):
            return cause
        last, cause = cause, cause.__cause__ or cause.__context__
    return CommitError(f"load {load.id[:12]} of {load.source} failed: {last}", load_id=load.id)
