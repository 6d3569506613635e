"""A source that comes to a lake for the first time is a change like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.lakes import Lake, digests
from end_to_end.worlds import TINY, hours_of


@pytest.mark.parametrize("first", ["hours", "clones"])
def test_the_first_of_a_source_is_no_build_from_nothing(unharmed: Lake, tiny_world: Path, tmp_path: Path, first: str) -> None:
    """Where a lake gets its first clones, or its first hours and directory, it restates what they touch, and ends as if all had come at once."""
    lake = Lake(tmp_path / "lake").name_sources(tiny_world, hours_of(TINY), git=())
    if first == "clones":
        (lake.folder / "osslake.toml").write_text(f'[[sources.git]]\naddress = "{tiny_world}/git/*.git"\n')
    runs = [lake.run(), lake.name_sources(tiny_world, hours_of(TINY)).run()]
    assert [run.transformed.is_full for run in runs if run.transformed] == [True, False]
    ours, theirs = digests(lake.release()), digests(unharmed.release())
    assert {name for name in ours | theirs if ours.get(name) != theirs.get(name)} == set()
