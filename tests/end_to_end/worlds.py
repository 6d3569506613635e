"""The generated worlds of these tests, and what is changed in them: a late record, a replaced hour, a new clone, a directory."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ingest.world import WorldSettings, write_world
from ingest.world.truth import write_truth

SMALL = WorldSettings(events=3000, days=30, seed=5, projects=16, start=date(2023, 12, 19))
"""From December to January, so that weeks, months, quarters and years end in it."""
TINY = WorldSettings(events=500, days=4, seed=3, projects=12, start=date(2024, 1, 29))
_NOBODY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "git@example.org",
    "GIT_COMMITTER_EMAIL": "git@example.org",
}


def hours_of(settings: WorldSettings, days: int | None = None) -> tuple[str, str]:
    """Return from and to of a world's hours, or of its first days."""
    end = settings.end if days is None else settings.start.fromordinal(settings.start.toordinal() + days)
    return f"{settings.start}T00", f"{end}T00"


def build_small(folder: Path) -> None:
    """Write the small world, with people who work full time, and its truth."""
    world = folder / "world"
    write_world(world, SMALL)
    add_full_time(world)
    write_truth(world, SMALL.end - timedelta(days=1), world / "truth.parquet")


def build_tiny(folder: Path) -> None:
    """Write the tiny world."""
    write_world(folder / "world", TINY)


def notes(world: Path) -> dict[str, Any]:
    """Return what world.json says."""
    found: dict[str, Any] = json.loads((world / "world.json").read_text())
    return found


def hour_file(world: Path, name: str) -> Path:
    """Return the path of an hour's file, such as of 2024-01-01-5."""
    return world / "gharchive" / f"{name}.json.gz"


def read_hour(path: Path) -> list[bytes]:
    """Return the lines of an hour file."""
    return gzip.decompress(path.read_bytes()).splitlines()


def write_hour(path: Path, records: list[dict[str, Any] | bytes]) -> None:
    """Write an hour file of records, and of lines that stay as they are."""
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
    path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0))


def numbered_records(world: Path) -> list[dict[str, Any]]:
    """Return the records of the form since 2015, in the order of their hours."""
    found = []
    for path in sorted((world / "gharchive").iterdir()):
        for line in read_hour(path):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and {"id", "type", "created_at", "actor", "repo", "payload"} <= record.keys():
                found.append(record)
    return found


def add_full_time(world: Path) -> None:
    """Let people push day after day to a repository that a project lists and that is no clone; ten days of thirty are full time.

    One does so for twelve days before the world begins, and comes in late; one from December on; one is a bot; one stops after nine days.
    """
    about = next(one for one in numbered_records(world) if one["repo"]["name"] == "delta/merge")
    number = 80_000_000_000
    for account, login, first, day_count in (
        (980_001, "autumn-hand", date(2023, 11, 20), 12),
        (980_002, "winter-hand", date(2023, 12, 23), 20),
        (980_003, "winter-bot", date(2023, 12, 23), 11),
        (980_004, "short-hand", date(2023, 12, 23), 9),
    ):
        for day in (first + timedelta(days=count) for count in range(day_count)):
            number += 1
            push = {"id": f"{number}", "type": "PushEvent", "created_at": f"{day}T12:00:00Z", "public": True, "repo": about["repo"]}
            push |= {"actor": {"id": account, "login": login}}
            push |= {"payload": {"ref": "refs/heads/main", "commits": [{"sha": f"{number:040x}"}]}}
            path = hour_file(world, f"{max(day, date(2023, 12, 23))}-12")
            write_hour(path, [*read_hour(path), push])


def add_late_records(world: Path, created_at: str, repositories: set[int]) -> str:
    """Fill a missing hour of a world with records of a day long before; return the hour's name.

    One push lists again a commit that a later push brought, so that its first sight moves; one issue is by somebody new, and one
    star stands alone. They are about repositories of `repositories`.
    """
    name = str(notes(world)["missing_hours"][-1])
    push = next(
        one
        for one in numbered_records(world)
        if one["type"] == "PushEvent"
        and one["repo"]["id"] in repositories
        and one["payload"].get("commits")
        and one["payload"]["ref"] in ("refs/heads/main", "refs/heads/master")
    )
    about = {"created_at": created_at, "public": True, "repo": push["repo"]}
    somebody = {"id": 990_001, "login": "late-comer"}
    write_hour(
        hour_file(world, name),
        [
            about | {"id": "90000000001", "type": "PushEvent", "actor": push["actor"], "payload": push["payload"]},
            about | {"id": "90000000002", "type": "WatchEvent", "actor": somebody, "payload": {"action": "started"}},
            about
            | {"id": "90000000003", "type": "IssuesEvent", "actor": somebody, "payload": {"action": "opened", "issue": {"number": 77}}},
        ],
    )
    return name


def replace_hour(world: Path) -> str:
    """Change the hour file with the most records as if upstream had: its first half goes, one record is new; return its name."""
    path = max((world / "gharchive").iterdir(), key=lambda one: (len(read_hour(one)), one.name))
    lines = read_hour(path)
    last = next(one for one in reversed(numbered_records(world)) if one["type"] == "ForkEvent")
    hour = path.name.removesuffix(".json.gz")
    day, _, number = hour.rpartition("-")
    added = last | {"id": "90000000009", "created_at": f"{day}T{int(number):02}:30:00Z"}
    write_hour(path, [*lines[len(lines) // 2 :], added])
    return hour


def hold_back_clone(world: Path) -> str:
    """Take the largest clone out of a world, to come in later; return its folder's name."""
    chosen = max((world / "git").glob("*.git"), key=lambda one: (_commit_count(one), one.name))
    (world / "held").mkdir()
    shutil.move(chosen, world / "held" / chosen.name)
    return chosen.name


def bring_clone(world: Path, name: str) -> None:
    """Put the clone that was held back where the others are."""
    shutil.move(world / "held" / name, world / "git" / name)


def _commit_count(clone: Path) -> int:
    return int(subprocess.run(["git", "-C", str(clone), "rev-list", "--count", "HEAD"], capture_output=True, text=True, check=True).stdout)


def change_directory(world: Path) -> tuple[str, str]:
    """Commit that one project's repositories are another's too, and that a collection loses a project; return both projects' slugs."""
    folder = world / "oss-directory"
    projects = sorted(path for path in (folder / "data" / "projects").glob("*/*.yaml") if "github:" in path.read_text())
    giver, taker = projects[0], projects[-1]
    entries = [line for line in giver.read_text().splitlines() if "github.com" in line]
    taker.write_text(taker.read_text().replace("github:\n", "\n".join(["github:", *entries, ""]), 1))
    collection = sorted((folder / "data" / "collections").glob("*.yaml"))[-1]
    lines = collection.read_text().splitlines(keepends=True)
    collection.write_text("".join(lines[:-1]))
    moment = "2024-01-10T12:00:00Z"
    dates = {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
    subprocess.run(["git", "-C", str(folder), "commit", "-qam", "Share repositories"], env=os.environ | _NOBODY | dates, check=True)
    return giver.stem, taker.stem
