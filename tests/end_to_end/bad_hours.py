"""An hour of good records, which tests spoil, and what a lake has of it after a load."""

from __future__ import annotations

import json
from typing import Any

from catalog.catalogs import open_catalog
from end_to_end.lakes import Lake
from end_to_end.processes import Finished, osslake

HOUR, FILE = "2024-01-01-0", "2024-01-01-0.json.gz"


def record(number: int, **more: Any) -> bytes:
    """Return a star as a line, with some fields otherwise."""
    star = {
        "id": str(number),
        "type": "WatchEvent",
        "created_at": f"2024-01-01T00:00:{number % 60:02}Z",
        "actor": {"id": 7, "login": "ada"},
        "repo": {"id": 9, "name": "ada/engine"},
        "payload": {"action": "started"},
    }
    return json.dumps(star | more).encode()


GOOD = [record(number) for number in range(1, 4)]


def load(lake: Lake, address: object, start: str = "2024-01-01T00", end: str = "2024-01-01T01", code: int = 0) -> Finished:
    """Load hours by the command line, which has to end with this exit code and, where it fails, with one line."""
    ended = osslake("--lake", lake.folder, "ingest", "gharchive", str(address), "--from", start, "--to", end)
    assert ended.code == code, ended
    assert "Traceback" not in ended.err + ended.out
    if code == 1:
        assert ended.err.splitlines()[-1].startswith("error: ")
    return ended


def table(lake: Lake, name: str) -> list[dict[str, Any]]:
    """Return the rows of a raw table."""
    rows: list[dict[str, Any]] = open_catalog(lake.settings).load_table(("raw", name)).scan().to_arrow().to_pylist()
    return rows


def state(lake: Lake) -> tuple[str, int, int]:
    """Return the only hour's state, and its good and rejected records, as many of which are there."""
    (row,) = table(lake, "gharchive__hours")
    assert len(table(lake, "gharchive__events")) == row["loaded_count"]
    return row["state"], row["loaded_count"], row["rejected_count"]
