"""Whether there is anything to do: what went into the newest release, as one hash.

The hash covers the raw snapshots, the models' files, the as-of date that is asked for and the settings that models see. While it is what
the newest release was made from, a run needs neither SQLMesh nor the engine.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING

from catalog.iceberg import ensure_table
from catalog.local_files import write_whole
from catalog.raw_tables import RAW_TABLES
from catalog.releases import read_latest
from catalog.settings import Settings
from catalog.snapshots import content_snapshot_id
from lakehouse.engines import open_engine
from lakehouse.transform import MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from pyiceberg.catalog import Catalog


def run_fingerprint(settings: Settings, catalog: Catalog, as_of: date | None) -> str:
    """Return the hash of all that a release is made from."""
    snapshots = {}
    for dataset in RAW_TABLES:
        snapshots[dataset.name] = content_snapshot_id(ensure_table(catalog, dataset))
    parts = {
        "snapshots": snapshots,
        "models": {str(path.relative_to(MODELS)): hashlib.sha256(path.read_bytes()).hexdigest() for path in _model_files()},
        "versions": {name: version(name) for name in ("osslake", "sqlmesh", "duckdb")},
        "as_of": str(as_of or settings.release.as_of),
        "all_artifacts": settings.transform.all_artifacts,
        "engine": settings.transform.engine,
        "author_key_id": settings.author_key_id,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _model_files() -> list[Path]:
    return sorted(path for path in MODELS.rglob("*") if path.suffix in {".sql", ".py", ".csv", ".yaml"} and "tests" not in path.parts)


def _note(settings: Settings) -> Path:
    return settings.state / "released.json"


def is_released(settings: Settings, fingerprint: str) -> bool:
    """Tell whether the current release was made from exactly this, and what it was computed with is still there."""
    latest = read_latest(settings)
    if latest is None or not _note(settings).is_file():
        return False
    note = json.loads(_note(settings).read_text(encoding="utf-8"))
    return bool(note == {"fingerprint": fingerprint, "release": latest.id} and open_engine(settings).is_built())


def remember_released(settings: Settings, fingerprint: str, release_id: str) -> None:
    """Note what the current release was made from."""
    write_whole(_note(settings), json.dumps({"fingerprint": fingerprint, "release": release_id}).encode())
