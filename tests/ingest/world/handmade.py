"""A world of a few records that a reader can count by hand, written as the sources write them."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ingest.world.gitstore import Commit, Person, make_repository, make_work_tree
from ingest.world.truth import write_truth

AS_OF = date(2024, 3, 10)
ACCOUNTS = {"ann": 1, "tool[bot]": 2, "carl": 3, "bea": 4}
Value = dict[tuple[str, str, str, str], float]


def record(number: int, kind: str, at: str, actor: str, repository: tuple[int, str], /, **payload: Any) -> bytes:
    """Return a line of the form since 2015."""
    repo = {"id": repository[0], "name": repository[1]}
    who = {"id": ACCOUNTS[actor], "login": actor}
    fields = {"id": str(number), "type": kind, "actor": who, "repo": repo, "payload": payload, "created_at": at}
    return json.dumps(fields).encode()


def push(number: int, at: str, actor: str, repository: tuple[int, str], *shas: str, ref: str = "main") -> bytes:
    """Return a push that lists commits."""
    commits = [{"sha": sha, "distinct": True} for sha in shas]
    return record(number, "PushEvent", at, actor, repository, ref=f"refs/heads/{ref}", commits=commits)


def old_push(at: str, actor: str, name: str, *shas: str) -> bytes:
    """Return a push of the form before 2015."""
    owner, short = name.split("/")
    payload = {"ref": "refs/heads/master", "shas": [[sha, "0@example.org", "x", "X", True] for sha in shas]}
    repository = {"owner": owner, "name": short}
    fields = {"type": "PushEvent", "actor": actor, "repository": repository, "payload": payload, "created_at": at}
    return json.dumps(fields).encode()


def write_hours(folder: Path, hours: dict[str, list[bytes]]) -> None:
    """Write hour files."""
    folder.mkdir(parents=True)
    for name, lines in hours.items():
        (folder / f"{name}.json.gz").write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))


def write_directory(folder: Path, history: list[tuple[str, dict[str, list[str]]]]) -> None:
    """Write a directory whose commits (day, projects with their URLs) follow each other; `all` collects every project."""
    commits = []
    files: dict[str, str] = {}
    for mark, (day, projects) in enumerate(history, 1):
        editor = person("Editor", "editor@example.org", f"{day}T12:00:00+00:00")
        files = {f"data/projects/{slug[0]}/{slug}.yaml": project(slug, urls) for slug, urls in projects.items()}
        files["data/collections/all.yaml"] = f"version: 7\nname: all\nprojects: {json.dumps(list(projects))}\n"
        parents = (mark - 1,) if mark > 1 else ()
        commits.append(Commit(mark, "main", editor, editor, "Change", parents, dict(files)))
    make_work_tree(folder, commits, files)


def project(slug: str, urls: list[str]) -> str:
    """Return a project's YAML."""
    entries = "".join(f"  - url: {url}\n" for url in urls)
    return f"version: 7\nname: {slug}\ndisplay_name: {slug}\ngithub:\n{entries}"


def person(name: str, address: str, at: str) -> Person:
    """Return an author or committer at a time with an offset."""
    moment = datetime.fromisoformat(at)
    return Person(name, address, int(moment.timestamp()), moment.strftime("%z"))


def write_clone(folder: Path, name: str, on_head: list[Person], elsewhere: list[Person]) -> None:
    """Write a clone with a commit for each person, on its HEAD and on a branch beside it."""
    commits = [
        Commit(mark, "trunk" if mark <= len(on_head) else "side", who, who, f"Change {mark}", (mark - 1,) if mark > 1 else ())
        for mark, who in enumerate([*on_head, *elsewhere], 1)
    ]
    make_repository(folder / f"{name.replace('/', '__')}.git", commits, "trunk", f"https://github.com/{name}")


def truth_of(world: Path) -> Value:
    """Return the amounts by level and entity, metric without `github_`, sample date, and `key` or `series`."""
    write_truth(world, AS_OF, world / "truth.parquet")
    return {
        (
            f"{row['level']} {row['entity']}",
            row["metric_name"].removeprefix("github_"),
            str(row["sample_date"]),
            "key" if row["is_key"] else "series",
        ): row["amount"]
        for row in pq.read_table(world / "truth.parquet").to_pylist()
    }
