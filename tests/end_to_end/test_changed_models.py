"""A model that changed, and changed back; and `osslake maintain` meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.kills import copy_of
from end_to_end.lakes import Lake, Shelf, digests
from lakehouse.maintenance import maintain_lake, unused_models


@pytest.fixture
def own_model(own_models: Path) -> tuple[Path, str]:
    """Return the file of a model that has changed, and its text before."""
    file = own_models / "models" / "marts" / "events_daily_v1.sql"
    original = file.read_text()
    file.write_text(original.replace("SELECT", "SELECT /* changed */ DISTINCT", 1))
    assert file.read_text() != original
    return file, original


@pytest.fixture
def changed(shelf: Shelf, begun: Lake, own_model: tuple[Path, str]) -> Lake:
    """Return a lake to which the last day came while the model was another; the model's former table lacks that day."""
    return Lake(shelf.once("changed", lambda folder: begun.copy_to(folder / "lake").run()) / "lake")


def test_a_model_that_is_again_what_it_was_has_what_was_loaded_meanwhile(
    changed: Lake, unharmed: Lake, tmp_path: Path, own_model: tuple[Path, str]
) -> None:
    """Its former table still stands in the engine, without the day that came in between."""
    lake, (file, original) = copy_of(changed, tmp_path), own_model
    file.write_text(original)
    lake.run()
    ours, theirs = digests(lake.release()), digests(unharmed.release())
    assert {name for name in ours | theirs if ours.get(name) != theirs.get(name)} == set()


def test_tables_of_a_changed_model_go(changed: Lake, unharmed: Lake, tmp_path: Path, own_model: tuple[Path, str]) -> None:
    """A model's former table stays for a week, then it is dropped; changed back, the model is computed anew to the same values."""
    lake, (file, original) = copy_of(changed, tmp_path), own_model
    assert maintain_lake(lake.settings).dropped == []
    at_once = lake.settings.model_copy(update={"maintain": lake.settings.maintain.model_copy(update={"keep_snapshots_days": 0.0})})
    foreseen = maintain_lake(at_once, dry_run=True).dropped
    dropped = maintain_lake(at_once).dropped
    assert dropped == foreseen
    assert any("events_daily_v1" in name for name in dropped)
    assert maintain_lake(at_once).dropped == []
    file.write_text(original)
    lake.run()
    assert digests(lake.release()) == digests(unharmed.release())


def test_killed_while_a_former_table_goes(
    changed: Lake, unharmed: Lake, tmp_path: Path, own_model: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where maintenance ends after the state forgot what was computed, the table still stands: the model that is changed back is computed anew all the same."""
    lake, (file, original) = copy_of(changed, tmp_path), own_model
    at_once = lake.settings.model_copy(update={"maintain": lake.settings.maintain.model_copy(update={"keep_snapshots_days": 0.0})})

    def end(point: str) -> None:
        raise KeyboardInterrupt(point)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt, match=r"maintain\.forgotten"):
        patched.setattr(unused_models, "crash_point", end)
        maintain_lake(at_once)
    foreseen = maintain_lake(at_once, dry_run=True).dropped
    assert any("events_daily_v1" in name for name in foreseen)
    file.write_text(original)
    lake.run()
    assert digests(lake.release()) == digests(unharmed.release())
    assert not {name for name in maintain_lake(at_once).dropped if "events_daily_v1" in name} & set(foreseen), "it is in use again"
