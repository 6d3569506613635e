"""One lake that sees a world grow and change, a release at each step; the truth of the world is computed anew after each.

begun: all but the last day, without one clone. day: the last day. clone: the clone. late: a missing hour comes, with records of two
months before. replaced: an hour's file is another. directory: two commits' worth of change in the directory.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from end_to_end.lakes import Lake
from end_to_end.worlds import SMALL, add_late_records, bring_clone, change_directory, hold_back_clone, hours_of, replace_hour
from ingest.world.truth import write_truth

STEPS = ("begun", "day", "clone", "late", "replaced", "directory")
LATE_DAY = date(2023, 11, 17)


@dataclass(frozen=True)
class Chain:
    """The lake and what was noted while it was built."""

    folder: Path

    @property
    def lake(self) -> Lake:
        """The lake, with a release for each step."""
        return Lake(self.folder / "lake")

    @property
    def world(self) -> Path:
        """The world as it stands after the last step."""
        return self.folder / "world"

    @property
    def notes(self) -> dict[str, Any]:
        """What was noted: releases by step, names of what was changed."""
        found: dict[str, Any] = json.loads((self.folder / "notes.json").read_text())
        return found

    def release(self, step: str) -> str:
        """Return the id of a step's release."""
        return str(self.notes["releases"][step])

    def truth(self, step: str) -> Path:
        """Return the truth file of a step."""
        return self.folder / f"truth-{step}.parquet"


def build(folder: Path, small_world: Path, lake: Lake | None = None, *, has_truth: bool = True) -> None:
    """Walk through all steps, in a lake on the embedded default if none is given."""
    world, lake = folder / "world", lake or Lake(folder / "lake")
    shutil.copytree(small_world, world)
    notes: dict[str, Any] = {"releases": {}, "full": {}, "seconds": {}, "clone": hold_back_clone(world)}

    def step(name: str, change: Callable[[], object]) -> None:
        notes[name] = change()
        done = lake.run()
        assert done.release is not None
        assert done.transformed is not None
        notes["releases"][name], notes["full"][name] = done.release.release.id, done.transformed.is_full
        notes["seconds"][name] = round(done.duration_s, 1)
        (folder / "notes.json").write_text(json.dumps(notes))
        if has_truth and name != "begun":
            write_truth(world, SMALL.end - timedelta(days=1), folder / f"truth-{name}.parquet")

    step("begun", lambda: str(lake.name_sources(world, hours_of(SMALL, SMALL.days - 1)).folder))
    step("day", lambda: str(lake.name_sources(world, hours_of(SMALL)).folder))
    step("clone", lambda: bring_clone(world, notes["clone"]))
    step("late", lambda: add_late_records(world, f"{LATE_DAY}T12:00:00Z", _listed(lake)))
    step("replaced", lambda: replace_hour(world))
    step("directory", lambda: change_directory(world))


def _listed(lake: Lake) -> set[int]:
    """Return the numbers of repositories that a project lists and that have no clone."""
    rows = lake.rows(
        "SELECT DISTINCT artifact_source_id FROM marts.artifacts_by_project_v1 JOIN marts.artifacts_v1 USING (artifact_id)"
        " WHERE artifact_kind = 'repository' AND artifact_source_id NOT IN (SELECT canonical_key FROM intermediate.int_git_repositories)"
    )
    return {int(str(row[0])) for row in rows}
