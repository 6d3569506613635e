"""Maintenance of a lake of four small tables: what releases pin stays, what they don't goes, and without their documents nothing does."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from small_lake import SERIES, SmallLake

from catalog.errors import ReleaseError, VerificationError
from catalog.releases import read_release
from catalog.settings import MaintainSettings
from lakehouse.maintenance import MaintainSummary, maintain_lake
from lakehouse.releases import verify_release

EAGER = MaintainSettings(keep_snapshots_days=0, keep_snapshots=1, orphan_hours=0, merge_manifests=2)


def maintain(lake: SmallLake, chosen: MaintainSettings = EAGER) -> MaintainSummary:
    """Maintain the lake."""
    return maintain_lake(lake.settings.model_copy(update={"maintain": chosen}))


def warehouse(lake: SmallLake) -> dict[Path, bytes]:
    """Return all files with their bytes."""
    return {path: path.read_bytes() for path in lake.settings.warehouse.rglob("*") if path.is_file()}


def rewritten(lake: SmallLake) -> SmallLake:
    """Release, rewrite a table three times, and release again."""
    lake.release()
    for amount in (1.0, 2.0, 3.0):
        lake.rewrite(SERIES, [(date(2024, 1, 1), amount, "p")])
    lake.release()
    return lake


def test_snapshots_between_releases_go(lake: SmallLake) -> None:
    """Of three rewrites the two that were never released go with their files; both releases hold."""
    between = [file.file_path for file in lake.files(SERIES)]
    summary = next(one for one in maintain(rewritten(lake)).tables if one.name == SERIES.full_name)
    assert summary.expired_snapshots >= 2
    assert summary.orphans >= 4
    assert all(lake.path(path).exists() for path in between)
    for sequence in ("1", "2"):
        assert verify_release(lake.settings, sequence).row_count > 0
        listed = [file.path for table in read_release(lake.settings, sequence).tables for file in table.files]
        assert all(lake.path(path).is_file() for path in listed)


def test_young_snapshots_stay(lake: SmallLake) -> None:
    """By default nothing of today goes."""
    before = warehouse(rewritten(lake))
    summary = maintain(lake, MaintainSettings())
    assert [(one.expired_snapshots, one.orphans, one.before == one.after) for one in summary.tables] == [(0, 0, True)] * len(summary.tables)
    assert warehouse(lake) == before


def test_the_next_release_lists_the_same_files(lake: SmallLake) -> None:
    """After maintenance nothing is news."""
    rewritten(lake)
    maintain(lake)
    assert not lake.create().is_new


@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_without_release_documents_nothing_is_touched(lake: SmallLake, harm: str) -> None:
    """Where the documents are gone, or one isn't what its name says, maintenance stops before it changes anything."""
    rewritten(lake)
    documents = [path for path in (lake.settings.warehouse / "releases").iterdir() if not path.name.endswith(".sig.json")]
    if harm == "gone":
        for path in (*documents, lake.settings.warehouse / "latest.json"):
            path.unlink()
    else:
        documents[0].write_bytes(documents[0].read_bytes().replace(b'"sequence":', b'"sequence": ', 1))
    before = warehouse(lake)
    with pytest.raises((ReleaseError, VerificationError)):
        maintain(lake)
    assert warehouse(lake) == before
