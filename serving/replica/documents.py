"""The release documents that replicas hold: what a server goes by while the lake's own can't be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from catalog.errors import OsslakeError
from catalog.releases import Release, parse_release
from serving.logs import log
from serving.replica.files import ids_of_replicas, replica_file


def stored_release(folder: Path, release_id: str) -> Release | None:
    """Return a release as its replica holds it; None where there is no replica, or its document isn't that of the release.

    Args:
        folder: of the replicas.
        release_id: the whole id.
    """
    path = replica_file(folder, release_id)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as replica:
            ((content,),) = replica.execute("SELECT document FROM content")
        return parse_release(release_id, content)
    except (sqlite3.Error, ValueError, OsslakeError) as error:
        if path.exists():
            log("replica.unreadable", path=str(path), error=str(error))
        return None


def newest_stored(folder: Path) -> Release | None:
    """Return the newest release that has a replica; None where there is none."""
    return next((release for one in ids_of_replicas(folder) if (release := stored_release(folder, one))), None)
