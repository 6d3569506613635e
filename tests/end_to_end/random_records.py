"""Records drawn from so few names, numbers and commits that renames, re-used names, second sights and logins without a number meet all the time."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from end_to_end.lakes import Lake
from end_to_end.worlds import hour_file, write_hour

FIRST_DAY, DAYS = date(2014, 12, 28), 6
"""Days on which records without numbers, with them, and in the form since October 2025 stand beside one another."""
HOURS = (3, 9)
NAMES = ("o/a", "o/b", "p/a")
REPOSITORIES = (1, 2)
PEOPLE = (("x", 11), ("y", 12), ("z", 13), ("x", 12))
AUTHORS = ("11+x@users.noreply.github.com", "y@users.noreply.github.com", "q@example.org")
LISTED = (("o/a",), ("p",), ("o", "p/a"))
Record = dict[str, Any]


class RandomSources:
    """Hours, a directory and a clone in a folder, which each step changes as the seed draws."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.dice, self.count, self.has_clone = folder, random.Random(seed), 1000, False
        (folder / "gharchive").mkdir(parents=True)
        self._clone = folder / "git"
        _git("init", "--quiet", "--initial-branch=main", f"{self._clone}")
        _git("-C", f"{self._clone}", "remote", "add", "origin", "https://github.com/o/a")
        self._shas = [*(self._commit() for _ in range(3)), *(f"{number:040x}" for number in range(1, 4))]
        self._write_directory()

    def step(self) -> None:
        """Write one to three hours, of which some replace what was there.

        At times a record comes days late, the directory changes, the clone comes, gets a commit more, or loses its last one.
        """
        for _ in range(self.dice.randint(1, 3)):
            day, hour = self._day(), self.dice.choice(HOURS)
            records = [self._record(day if self.dice.random() < 0.8 else self._day(), hour) for _ in range(self.dice.randint(0, 6))]
            write_hour(hour_file(self.folder, f"{day}-{hour}"), [*records, *records[:1]])
        if self.dice.random() < 0.3:
            self._write_directory()
        if self.dice.random() < 0.3:
            self._commit()
        elif self.dice.random() < 0.2:
            _git("-C", f"{self._clone}", "reset", "--quiet", "--hard", "HEAD~1")
            self._commit()
        self.has_clone = self.has_clone or self.dice.random() < 0.3

    def lake(self, folder: Path, head: str = "[transform]\n") -> Lake:
        """Return a lake that reads what is there now; its settings file begins with a head that ends within `[transform]`."""
        folder.mkdir(exist_ok=True)
        days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS + 1)]
        text = f"{head}all_artifacts = true\naccepted_falls = [{', '.join(map(str, days))}]\n"
        text += f'[[sources.oss_directory]]\naddress = "{self.folder}/oss-directory"\n'
        text += f'[[sources.gharchive]]\naddress = "{self.folder}/gharchive"\nfrom = "{days[0]}T00"\nto = "{days[-1]}T00"\n'
        text += f'[[sources.git]]\naddress = "{self.folder}/git"\n' if self.has_clone else ""
        (folder / "osslake.toml").write_text(text)
        return Lake(folder)

    def load_both_ways(self, lake: Lake, steps: int, head: str = "[transform]\n") -> Lake:
        """Let a lake take some random steps one by one; return one beside it that is built of their end, embedded."""
        for _ in range(steps):
            self.step()
            self.lake(lake.folder, head)
            lake.run()
        fresh = self.lake(lake.folder.with_name("fresh"))
        fresh.run()
        return fresh

    def _write_directory(self) -> None:
        data = self.folder / "oss-directory" / "data"
        shutil.rmtree(data, ignore_errors=True)
        (data / "projects" / "p").mkdir(parents=True)
        (data / "collections").mkdir()
        names = [f"p{number}" for number in range(len(LISTED)) if self.dice.random() < 0.8] or ["p0"]
        for name in names:
            urls = "".join(f"  - url: https://github.com/{listed}\n" for listed in LISTED[int(name[1:])])
            (data / "projects" / "p" / f"{name}.yaml").write_text(f"version: 7\nname: {name}\ndisplay_name: {name}\ngithub:\n{urls}")
        (data / "collections" / "c.yaml").write_text(f"version: 7\nname: c\ndisplay_name: C\nprojects: [{', '.join(names)}]\n")

    def _day(self) -> date:
        return FIRST_DAY + timedelta(days=self.dice.randrange(DAYS))

    def _commit(self) -> str:
        """Add a commit to the clone; return its id."""
        self.count += 1
        at = f"{self._day()}T{self.dice.randrange(24):02}:00:00Z"
        people = {"GIT_AUTHOR_EMAIL": self.dice.choice(AUTHORS), "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        _git("-C", f"{self._clone}", "commit", "--quiet", "--allow-empty", "--message", f"{self.count}", environment=people)
        return _git("-C", f"{self._clone}", "rev-parse", "HEAD").strip()

    def _record(self, day: date, hour: int) -> Record:
        """Return a record of either form."""
        dice = self.dice
        self.count += 1
        created_at = f"{day}T{hour:02}:{dice.randrange(60):02}:{dice.randrange(60):02}Z"
        (login, number), name = dice.choice(PEOPLE), dice.choice(NAMES)
        record: Record = {"created_at": created_at, "public": True}
        if dice.random() < 0.4:
            owner, short = name.split("/")
            about = {"url": f"https://github.com/{name}", "name": short, "owner": owner}
            record |= {"actor": login, "actor_attributes": {"login": login, "type": "User"}, "repository": about}
            return record | self._what(created_at, day, is_numbered=False)
        record |= {"id": f"{self.count}", "actor": {"id": number, "login": login}, "repo": {"id": dice.choice(REPOSITORIES), "name": name}}
        return record | self._what(created_at, day, is_numbered=True)

    def _what(self, created_at: str, day: date, *, is_numbered: bool) -> Record:
        """Return type and payload: pushes above all, since a commit is one event over all days."""
        dice = self.dice
        pull = dice.choice((1, 2))
        kind = dice.choice(
            ("PushEvent", "PushEvent", "opened", "closed", "merged before 2025", "merged", "opened since 2025", "ReleaseEvent")
        )
        if kind == "PushEvent":
            shas = dice.sample(self._shas, dice.randint(1, 3))
            commits = {"commits": [{"sha": sha} for sha in shas]} if is_numbered else {"shas": [[sha, "", "", "", True] for sha in shas]}
            return {"type": kind, "payload": {"ref": "refs/heads/main", "head": shas[-1]} | commits}
        if kind == "ReleaseEvent":
            published_at = f"{day - timedelta(days=dice.randrange(2))}T01:00:00Z"
            return {"type": kind, "payload": {"action": "published", "release": {"id": 7, "published_at": published_at}}}
        if kind in {"merged", "opened since 2025"}:
            return {"type": "PullRequestEvent", "payload": {"action": kind.split()[0], "number": pull, "pull_request": {"number": pull}}}
        login, number = dice.choice(PEOPLE)
        about = {"number": pull, "user": {"login": login, "id": number}, "merged": kind == "merged before 2025"}
        about |= {"merged_at": created_at if about["merged"] else None}
        action = "opened" if kind == "opened" else "closed"
        return {"type": "PullRequestEvent", "payload": {"action": action, "number": pull, "pull_request": about}}


def _git(*arguments: str, environment: dict[str, str] | None = None) -> str:
    people = {"GIT_AUTHOR_NAME": "Ada", "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "git@example.org"}
    done = subprocess.run(["git", *arguments], env=os.environ | people | (environment or {}), check=True, capture_output=True, text=True)
    return done.stdout
