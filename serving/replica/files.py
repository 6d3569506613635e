"""How the files of replicas are called; light to import, since the server's first process only looks whether there are any."""

from __future__ import annotations

from pathlib import Path

FORMAT = 3
SUFFIX = f".v{FORMAT}.sqlite"


def replica_file(folder: Path, release_id: str) -> Path:
    """Return the file of a release's replica."""
    return folder / f"{release_id}{SUFFIX}"
