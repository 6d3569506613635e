"""Running loads: a dlt pipeline for each package, progress meanwhile, and a summary at the end."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dlt

from catalog.iceberg import open_catalog
from catalog.settings import Settings
from ingest.destination import IcebergDestination, Package
from ingest.loads import Load

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

PIPELINE = "osslake"
NOTES_SHOWN = 10
_DLT_SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
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


@dlt.source(name="osslake", max_table_nesting=0)
def as_dlt_source(load: Load) -> Any:
    """Return a load as a dlt source: one resource of Arrow for each table that has rows."""
    return [
        dlt.resource([rows], name=name, table_name=name, write_disposition="append") for name, rows in load.tables.items() if rows.num_rows
    ]


def read_ahead(loads: Iterable[Load]) -> Iterator[Load]:
    """Yield loads while the next one is read in a thread: reading and committing keep a core each busy."""
    iterator = iter(loads)
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        coming = pool.submit(next, iterator, None)
        while (load := coming.result()) is not None:
            coming = pool.submit(next, iterator, None)
            yield load


class Loader:
    """Commits loads to one lake."""

    def __init__(self, settings: Settings, catalog: Catalog | None = None) -> None:
        os.environ.update(_DLT_SETTINGS)
        self.settings = settings
        self.catalog = catalog or open_catalog(settings)

    def run(self, source: str, loads: Iterable[Load], progress: Progress | None = None) -> LoadSummary:
        """Commit loads one after the other; each is whole or not there."""
        summary = LoadSummary(source)
        started = time.monotonic()
        for load in read_ahead(loads):
            self.commit(load)
            self._count(summary, load)
            summary.duration_s = time.monotonic() - started
            if progress:
                progress(summary)
        summary.duration_s = time.monotonic() - started
        return summary

    def commit(self, load: Load) -> Package:
        """Bring one load into the lake through dlt.

        A package that an earlier run left unfinished is dropped first: the source offers what it held again, under the same load id.
        """
        package = Package(load, self.catalog)
        pipeline = dlt.pipeline(
            PIPELINE,
            pipelines_dir=str(self.settings.state / "dlt" / f"{os.getpid()}"),
            destination=IcebergDestination(package),
        )
        pipeline.abort_packages()
        source = as_dlt_source(load)
        if source.resources:
            pipeline.run(source, loader_file_format="parquet")
        else:
            from ingest.destination import commit_package

            commit_package(package)
        return package

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
