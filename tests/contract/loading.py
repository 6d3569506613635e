"""Loads of a small world, in this process and in others, and what is told of the raw tables after them."""

from __future__ import annotations

from typing import Any

from end_to_end.lakes import Lake
from end_to_end.processes import LIMIT_S, Finished, osslake

from catalog.catalogs import open_catalog
from catalog.iceberg import LOAD_ID_PROPERTY, ensure_table
from catalog.raw_tables import GHARCHIVE_EVENTS, GHARCHIVE_HOURS
from ingest.loader import Loader
from lakehouse.ingest import ingest_gharchive

TABLES = (GHARCHIVE_EVENTS, GHARCHIVE_HOURS)


def load(lake: Lake) -> None:
    """Load the hours that the lake's settings name."""
    hours = lake.settings.sources.gharchive[0]
    ingest_gharchive(lake.settings, Loader(lake.settings), hours.address, hours.start, hours.end)


def load_at_the_gate(lake: Lake, gate: Any) -> None:
    """Load the hours when all who wait at the gate are there."""
    loader, hours = Loader(lake.settings), lake.settings.sources.gharchive[0]
    gate.wait(LIMIT_S)
    ingest_gharchive(lake.settings, loader, hours.address, hours.start, hours.end)


def load_by_command(lake: Lake, crash_at: str = "") -> Finished:
    """Load the hours by `osslake ingest gharchive`, in a process that may be killed."""
    hours = lake.settings.sources.gharchive[0]
    return osslake("--lake", lake.folder, "ingest", "gharchive", hours.address, "--from", hours.start, "--to", hours.end, crash_at=crash_at)


def loaded_rows(lake: Lake) -> dict[str, list[str]]:
    """Return the rows of events and hours as they are now, without what tells of the time of loading."""
    catalog, found = open_catalog(lake.settings), {}
    for dataset in TABLES:
        names = [column.name for column in dataset.columns if column.is_content]
        rows = ensure_table(catalog, dataset).scan().to_arrow().to_pylist()
        found[dataset.name] = sorted(repr([row[name] for name in names]) for row in rows)
    return found


def load_ids(lake: Lake) -> dict[str, list[str]]:
    """Return the load ids that stand in the snapshots of events and hours, one for each commit."""
    catalog, found = open_catalog(lake.settings), {}
    for dataset in TABLES:
        summaries = [snapshot.summary for snapshot in ensure_table(catalog, dataset).metadata.snapshots]
        found[dataset.name] = sorted(str(one.additional_properties[LOAD_ID_PROPERTY]) for one in summaries if one is not None)
    return found
