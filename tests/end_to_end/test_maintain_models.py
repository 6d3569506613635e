"""`osslake maintain` after a model changed: the engine's tables of the model as it was go, the releases stay."""

from __future__ import annotations

from pathlib import Path

from end_to_end.kills import copy_of
from end_to_end.lakes import Lake, digests
from lakehouse.maintenance import maintain_lake


def test_tables_of_a_changed_model_go(unharmed: Lake, tmp_path: Path, own_models: Path) -> None:
    """A model's former table stays for a week, then it is dropped; changed back, the model is computed anew to the same values."""
    lake = copy_of(unharmed, tmp_path)
    changed = own_models / "models" / "marts" / "events_daily_v1.sql"
    original = changed.read_text()
    changed.write_text(original.replace("SELECT", "SELECT /* changed */ DISTINCT", 1))
    assert changed.read_text() != original
    lake.run()
    assert maintain_lake(lake.settings).dropped == []
    at_once = lake.settings.model_copy(update={"maintain": lake.settings.maintain.model_copy(update={"keep_snapshots_days": 0.0})})
    foreseen = maintain_lake(at_once, dry_run=True).dropped
    dropped = maintain_lake(at_once).dropped
    assert dropped == foreseen
    assert any("events_daily_v1" in name for name in dropped)
    assert maintain_lake(at_once).dropped == []
    changed.write_text(original)
    lake.run()
    assert digests(lake.release()) == digests(unharmed.release())
