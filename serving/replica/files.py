"""How the files of replicas are called; light to import, since the server's first process only looks whether there are any."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FORMAT = 4
SUFFIX = f".v{FORMAT}.sqlite"


def replica_file(folder: Path, release_id: str) -> Path:
    """Return the file of a release's replica."""
    return folder / f"{release_id}{SUFFIX}"


def rows_file(replica: Path) -> Path:
    """Return the file of rows that belongs to a replica; it is there before the replica is."""
    return replica.with_suffix(".duckdb")


def remove_leftovers(folder: Path) -> None:
    """Remove what a build that was killed left."""
    for leftover in folder.glob(".*.part*"):  # DuckDB has a log beside its file
        leftover.unlink()


def remove_others(folder: Path, kept: Iterable[str]) -> None:
    """Remove the replicas of other releases than these, and those of another format."""
    stay = {file for release_id in kept for file in (replica_file(folder, release_id), rows_file(replica_file(folder, release_id)))}
    for file in (*folder.glob("*.sqlite"), *folder.glob("*.duckdb")):
        if file not in stay:
            file.unlink()
