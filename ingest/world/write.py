"""Writes a whole world: hour files, directory, clones, what was planted, and the truth."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from ingest.world.cast import make_cast
from ingest.world.changes import schedule_changes
from ingest.world.clones import GIT_LOCALS, write_clones
from ingest.world.directory import write_directory
from ingest.world.hours import HourWriter
from ingest.world.plan import Plan, make_plan
from ingest.world.script import write_script
from ingest.world.settings import WorldSettings, WorldSummary
from ingest.world.texts import PLANTED_LOCALS
from ingest.world.truth import write_truth


def write_world(folder: Path, settings: WorldSettings, progress: Callable[[int], None] | None = None) -> WorldSummary:
    """Write the world of the settings into a folder that is new or empty.

    `progress` is called with the number of records written since its last call.

    Raises:
        ValueError: the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is not an empty folder; a world is written to a new one")
    folder.mkdir(parents=True, exist_ok=True)
    oddities: Counter[str] = Counter()
    plan, cast = make_plan(settings), make_cast(settings)
    schedule_changes(plan, cast, oddities)
    script = write_script(plan, cast)
    directory = write_directory(plan, cast, folder / "oss-directory", oddities)
    clone_count = write_clones(plan, cast, script, folder / "git", oddities)
    hours = HourWriter(plan, cast, script, folder / "gharchive", oddities)
    for count in hours.write_all():
        if progress:
            progress(count)
    truth_rows = None
    if settings.truth:
        truth_rows = write_truth(folder, settings.end - timedelta(days=1), folder / "truth.parquet")
    summary = _summary(folder, plan, hours, len(directory.projects), clone_count, oddities, truth_rows)
    _write_notes(folder / "world.json", settings, summary)
    return summary


def _summary(
    folder: Path,
    plan: Plan,
    hours: HourWriter,
    projects: int,
    clones: int,
    oddities: Counter[str],
    truth_rows: int | None,
) -> WorldSummary:
    missing = tuple(plan.file_hour(hour) for hour in sorted(plan.missing))
    return WorldSummary(
        folder=folder,
        from_hour=f"{plan.settings.start}T00",
        to_hour=f"{plan.settings.end}T00",
        hour_file_count=plan.hour_count - len(missing),
        missing_hours=missing,
        record_count=hours.record_count,
        file_bytes=hours.file_bytes,
        project_count=projects,
        clone_count=clones,
        oddities=dict(sorted(oddities.items())),
        truth_rows=truth_rows,
    )


def _write_notes(path: Path, settings: WorldSettings, summary: WorldSummary) -> None:
    """World.json; it names no folder, so that equal settings give equal bytes anywhere."""
    notes = asdict(summary) | {"settings": asdict(settings), "planted_emails": [*PLANTED_LOCALS, *GIT_LOCALS]}
    del notes["folder"]
    path.write_text(json.dumps(notes, indent=2, sort_keys=True, default=str) + "\n")
