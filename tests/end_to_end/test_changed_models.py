"""A model that changed, and changed back."""

from __future__ import annotations

from pathlib import Path

from end_to_end.lakes import Lake, digests


def test_a_model_that_is_again_what_it_was_has_what_was_loaded_meanwhile(
    begun: Lake, unharmed: Lake, tmp_path: Path, own_models: Path
) -> None:
    """Its former table still stands in the engine, without the day that came in between."""
    lake = begun.copy_to(tmp_path / "lake")
    changed = own_models / "models" / "marts" / "events_daily_v1.sql"
    original = changed.read_text()
    changed.write_text(original.replace("SELECT", "SELECT /* changed */ DISTINCT", 1))
    lake.run()
    changed.write_text(original)
    lake.run()
    ours, theirs = digests(lake.release()), digests(unharmed.release())
    assert {name for name in ours | theirs if ours.get(name) != theirs.get(name)} == set()
