"""The same input in another folder, at another time, gives the same content."""

from __future__ import annotations

from pathlib import Path

from end_to_end.lakes import Lake, digests
from end_to_end.worlds import TINY, build_tiny, hours_of


def test_a_rebuild_elsewhere_equals_day_by_day(unharmed: Lake, tmp_path: Path) -> None:
    """A world that is written anew in another folder and built at once gives the digests of the lake that took it day by day."""
    build_tiny(tmp_path)
    lake = Lake(tmp_path / "lake").name_sources(tmp_path / "world", hours_of(TINY))
    lake.run()
    ours, theirs = digests(lake.release()), digests(unharmed.release())
    assert {name for name in ours if ours[name] != theirs[name]} == set()
