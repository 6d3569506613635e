"""(e) A changed directory on the 365-day lake: one project gets an artifact more, another loses one; `osslake run` against the full build.

    .venv/bin/python benchmarks/changed_directory.py [--events-a-year 10000000] [--reuse]

The lake is that of one_more_day.py: run after it, --reuse takes the one that is kept. Start-up is counted on neither side.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

from harness import build_lake, copy_lake, in_own_process, make_world, median, run_lake, say, say_head, say_steps, table_files

DAYS_A_YEAR = 365
_SOMEBODY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "git@example.org",
    "GIT_COMMITTER_EMAIL": "git@example.org",
}


def change_directory(directory: Path) -> tuple[str, str, str]:
    """Commit that one project lists a repository of another, and that a third lists one less; return (taker, loser, the repository)."""
    repositories: dict[Path, list[str]] = {}
    for file in sorted((directory / "data" / "projects").glob("*/*.yaml")):
        found = [line for line in file.read_text().splitlines() if "github.com" in line]
        if found:
            repositories[file] = found
    loser = next(file for file, lines in repositories.items() if len(lines) >= 2)
    giver, taker = [file for file in repositories if file != loser][:2]
    given, lost = repositories[giver][0], repositories[loser][-1]
    taker.write_text(taker.read_text().replace("github:\n", f"github:\n{given}\n", 1))
    loser.write_text(loser.read_text().replace(f"{lost}\n", "", 1))
    subprocess.run(["git", "-C", str(directory), "commit", "-qam", "One artifact more, one less"], env=os.environ | _SOMEBODY, check=True)
    return taker.stem, loser.stem, given.partition("url:")[2].strip()


def artifact_counts(lake: Path, projects: tuple[str, str]) -> dict[str, int]:
    """Return how many artifacts the projects list now."""
    from catalog.duck import connect

    with connect() as connection:
        rows = connection.execute(
            f"SELECT project_name, count(*) FROM read_parquet({table_files(lake, 'marts.artifacts_by_project_v1')})"
            " WHERE list_contains(?, project_name) GROUP BY 1",
            [list(projects)],
        ).fetchall()
    return dict(rows)


def main() -> None:
    """Change the directory of a copy of the lake, run, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events-a-year", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=DAYS_A_YEAR)
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reuse", action="store_true")
    asked = parser.parse_args()
    say_head(f"a changed directory on {asked.days} days, {round(asked.events_a_year / DAYS_A_YEAR):,} events a day")
    world = make_world(round(asked.events_a_year / DAYS_A_YEAR * (asked.days + 1)), asked.days + 1, asked.projects)
    lake, built_s = build_lake(world, asked.days, reuse=asked.reuse)
    changed = []
    for _ in range(asked.repeats):
        copy = copy_lake(lake, "changed-directory")
        taker, loser, repository = change_directory(copy / "oss-directory")
        before = artifact_counts(copy, (taker, loser))
        done = in_own_process(run_lake, copy)
        after = artifact_counts(copy, (taker, loser))
        say_steps("changed directory", done)
        counts = "; ".join(f"{name}: {before.get(name, 0)} -> {after.get(name, 0)} artifacts" for name in (taker, loser))
        say(f"    {taker} gets {repository}; {counts}")
        say(f"    restated days {done.result['restated_days']}, partitions written {done.result['written']}")
        if after == before or done.result["is_full"]:
            raise RuntimeError("the change changed no project, or led to a full build (as models that changed since the lake was built do)")
        changed.append(done.seconds)
    say(f"changed directory / full build: {median(changed):.2f} s / {built_s:.2f} s = {median(changed) / built_s:.3f}x (no target)")


if __name__ == "__main__":
    main()
