"""`osslake maintain` on Trino: tables of a changed model stay as long as a kept release lists them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from end_to_end.kills import raw_rows
from end_to_end.lakes import Lake
from end_to_end.worlds import TINY, build_tiny, hours_of

from catalog.bucket import open_bucket
from catalog.releases import document_key
from catalog.settings import MaintainSettings
from lakehouse import released, transform
from lakehouse.maintenance import MaintainSummary, maintain_lake
from lakehouse.releases import verify_release
from stack.cluster import Cluster

pytestmark = [pytest.mark.stack, pytest.mark.long]
EAGER = MaintainSettings(keep_snapshots_days=0, keep_snapshots=1, orphan_hours=0, compact_files=2, merge_manifests=2)
SUM = "SELECT count(*), sum(event_count) FROM marts.events_daily_v1"


def test_a_changed_model_s_table_goes_with_its_last_release(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the old release is kept it reads as before; when its document is gone, and not before, the table is dropped."""
    build_tiny(tmp_path)
    models = tmp_path / "models"
    shutil.copytree(transform.MODELS, models)
    for module in (transform, released):
        monkeypatch.setattr(module, "MODELS", models)
    lake = cluster.new_lake(tmp_path / "lake")
    lake.name_sources(tmp_path / "world", hours_of(TINY, TINY.days - 1)).run()
    first, answer = lake.release(), lake.rows(SUM)
    changed = models / "models" / "marts" / "events_daily_v1.sql"
    changed.write_text(changed.read_text().replace("SELECT", "SELECT /* changed */ DISTINCT", 1))
    lake.name_sources(tmp_path / "world", hours_of(TINY)).run()
    rows = raw_rows(lake)

    summary = _maintain(lake)
    assert not any("events_daily_v1" in name for name in summary.dropped)
    assert sum(one.orphans for one in summary.tables) > 0
    assert verify_release(lake.settings, first.id).row_count > 0
    assert lake.rows(SUM, first.id) == answer

    open_bucket(lake.settings).delete(document_key(first.id))
    assert any("events_daily_v1" in name for name in _maintain(lake).dropped)
    assert verify_release(lake.settings).row_count > 0
    assert raw_rows(lake) == rows
    lake.run()
    assert lake.release().sequence == first.sequence + 1


def _maintain(lake: Lake) -> MaintainSummary:
    return maintain_lake(lake.settings.model_copy(update={"maintain": EAGER}))
