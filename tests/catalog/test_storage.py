"""Files of the bucket's folder: what a commit names is durable before it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from catalog.catalogs import open_catalog
from catalog.iceberg import arrow_schema, commit_files, ensure_table, write_data_file
from catalog.raw_tables import REJECTED
from catalog.settings import Settings


@contextmanager
def watched_commits(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[set[Path]]]:
    """Note, whenever the catalog's database commits, the files and folders below `warehouse` that were not fsynced as they are now."""
    synced: dict[Path, int] = {}
    lacking: list[set[Path]] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        fsync(handle)
        path = Path(f"/proc/self/fd/{handle}").readlink()
        synced[path] = len(list(path.iterdir())) if path.is_dir() else path.stat().st_size

    def is_synced(path: Path) -> bool:
        return synced.get(path, 0) == (len(list(path.iterdir())) if path.is_dir() else path.stat().st_size)

    def on_commit(_: object) -> None:
        lacking.append({path for path in (warehouse, *warehouse.rglob("*")) if not is_synced(path)})

    monkeypatch.setattr(os, "fsync", noted)
    event.listen(Engine, "commit", on_commit)
    try:
        yield lacking
    finally:
        event.remove(Engine, "commit", on_commit)


def test_what_a_commit_names_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the catalog commits, data files, manifests and metadata are fsynced whole, and the folders that name them; those that were deleted are none."""
    settings = Settings(folder=tmp_path)
    catalog = open_catalog(settings)
    with watched_commits(settings.warehouse, monkeypatch) as lacking:
        for number in range(2):
            table = ensure_table(catalog, REJECTED)
            row = {"source": "git", "reason": "none", "_load_id": "x", "_loaded_at": 0, "_source_file": f"{number}"}
            batches = pa.Table.from_pylist([row], arrow_schema(table)).to_batches()
            files = [write_data_file(table, batches) for _ in range(3)]
            assert write_data_file(table, []) is None
            commit_files(table, [file for file in files if file])
    assert len(lacking) >= 3
    assert lacking == [set()] * len(lacking)
    assert len(list((settings.warehouse / "raw" / "rejected" / "data").iterdir())) == 6
