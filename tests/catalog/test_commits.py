"""Commits of files that come and go: what PyIceberg misses while its threads disturb each other, what is really not there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pyiceberg.expressions.visitors import _ManifestEvalVisitor
from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.table import Table
from small_lake import SERIES, SmallLake

from catalog.errors import CommitError
from catalog.iceberg import commit_files


def test_a_file_that_threads_miss_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is interrupted between naming its manifest and asking of it asks of another's, as happens under load: the file is missed once, and goes."""
    lake = SmallLake(tmp_path).fill()
    table = lake.catalog.load_table(SERIES.identifier)
    goes, stays = lake.files(SERIES)
    (other,) = (manifest for manifest in _manifests(table) if goes not in _files(table, manifest))
    ask, asked, one_asks = _ManifestEvalVisitor.eval, list[bool](), threading.Lock()

    def asked_of_another(visitor: _ManifestEvalVisitor, manifest: ManifestFile) -> bool:
        with one_asks:
            asked.append(ask(visitor, manifest))
            return ask(visitor, other) if asked.count(True) == 1 else asked[-1]

    monkeypatch.setattr(_ManifestEvalVisitor, "eval", asked_of_another)
    commit_files(table, [], removed=[goes])
    assert asked.count(True) > 1
    assert lake.files(SERIES) == [stays]


def _manifests(table: Table) -> list[ManifestFile]:
    snapshot = table.current_snapshot()
    return snapshot.manifests(table.io) if snapshot else []


def _files(table: Table, manifest: ManifestFile) -> list[DataFile]:
    return [entry.data_file for entry in manifest.fetch_manifest_entry(table.io)]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A commit that takes away what another has taken away is refused, and changes nothing."""
    lake = SmallLake(tmp_path).fill()
    gone = lake.files(SERIES)[0]
    lake.write(SERIES, [], replaced=[gone])
    table = lake.catalog.load_table(SERIES.identifier)
    with pytest.raises(CommitError, match=f"refused.*{gone.file_path}"):
        commit_files(table, [], removed=[gone])
    assert lake.catalog.load_table(SERIES.identifier).metadata == table.metadata
