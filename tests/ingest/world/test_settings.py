"""Which settings make a world."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingest.world import WorldSettings, write_world

SOUND: dict[str, Any] = {"events": 1000, "days": 10, "seed": 1, "projects": 20}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"events": 99}, "events is 99; it must be from 100 to 50,000,000"),
        ({"events": 50_000_001}, "events is 50,000,001"),
        ({"days": 2}, "days is 2; it must be from 3 to 3,660"),
        ({"seed": -1}, "seed is -1"),
        ({"projects": 11}, "projects is 11; it must be from 12 to 20,000"),
        ({"start": date(1999, 1, 1)}, "start is 1999-01-01"),
        ({"events": 200_001, "truth": True}, "truth is computed for at most 200,000 events, not for 200,001"),
    ],
)
def test_settings_out_of_range_are_named(change: dict[str, Any], message: str) -> None:
    """A setting out of its range is refused with its name, its value and what would be right."""
    with pytest.raises(ValueError, match=message):
        WorldSettings(**(SOUND | change))


def test_a_folder_with_content_is_left_alone(tmp_path: Path) -> None:
    """A world is written to an empty folder only."""
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="is not an empty folder"):
        write_world(tmp_path, WorldSettings(**SOUND))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
