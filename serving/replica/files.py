"""How the files of replicas are called, and which are there; light to import, since the server's first process only looks whether there are any."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

FORMAT = 4
SUFFIX = f".v{FORMAT}.sqlite"
SPILLED = ".spilled"
"""Folder of what DuckDB doesn't hold in memory while a replica is made."""


def replica_file(folder: Path, release_id: str) -> Path:
    """Return the file of a release's replica."""
    return folder / f"{release_id}{SUFFIX}"


def rows_file(replica: Path) -> Path:
    """Return the file of rows that belongs to a replica; it is there before the replica is."""
    return replica.with_suffix(".duckdb")


def has_replica(folder: Path, release_id: str) -> bool:
    """Tell whether a release's replica is there, with its rows."""
    path = replica_file(folder, release_id)
    return path.exists() and rows_file(path).exists()


def ids_of_replicas(folder: Path) -> list[str]:
    """Return the releases that have replicas, the newest first."""
    ids = sorted((file.name.removesuffix(SUFFIX) for file in folder.glob(f"*{SUFFIX}")), reverse=True)
    return [one for one in ids if has_replica(folder, one)]


def remove_replica(folder: Path, release_id: str) -> None:
    """Remove a release's replica; what has it open goes on reading it."""
    path = replica_file(folder, release_id)
    path.unlink(missing_ok=True)
    rows_file(path).unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what a build that was killed left."""
    for leftover in folder.glob(".*.part*"):  # DuckDB has a log beside its file
        leftover.unlink()
    shutil.rmtree(folder / SPILLED, ignore_errors=True)


def remove_others(folder: Path, kept: Iterable[str]) -> None:
    """Remove the replicas of other releases than these, and those of another format."""
    stay = {file for release_id in kept for file in (replica_file(folder, release_id), rows_file(replica_file(folder, release_id)))}
    for file in (*folder.glob("*.sqlite"), *folder.glob("*.duckdb")):
        if file not in stay:
            file.unlink()
