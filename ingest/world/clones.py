"""Git clones of a few repositories: their authors' addresses, branches that don't count, offsets and trailers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from random import Random
from typing import Final

from ingest.world.cast import BOTS, Cast, number_of
from ingest.world.gitstore import Commit, Person, make_repository
from ingest.world.plan import Plan
from ingest.world.script import Script

HISTORY_DAYS = 120
"""How long before the world's start the clones' first commits lie."""

GIT_LOCALS: Final = (
    "ines.varga-planted",
    "tor+git.lindqvist",
    "planted_committer9",
    "w.h.o.isplanted",
    "coauthor-planted",
)
"""Local parts of addresses of git authors, committers and trailers."""

_OFFSETS = ("+0000", "+0530", "-0800", "+0200", "+1245", "-0330")
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Clone:
    """A clone to be made: the repository's name at its remote, whose HEAD is `head`."""

    name: str
    remote: str
    head: str
    commit_count: int
    authors: tuple[tuple[str, str], ...]

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return self.name.replace("/", "__") + ".git"


def write_clones(plan: Plan, cast: Cast, script: Script, folder: Path, oddities: Counter[str]) -> int:
    """Write the clones into a folder; `cast` bears the names of the world's start. How many there are."""
    clones = _clones(plan, cast, script)
    for clone in clones:
        random = Random(f"{plan.settings.seed} {clone.name}")
        commits = list(_history(plan, clone, random))
        make_repository(folder / clone.folder, commits, clone.head, clone.remote)
        oddities["clone_commits"] += len(commits)
    oddities["clones"] = len(clones)
    return len(clones)


def _clones(plan: Plan, cast: Cast, script: Script) -> list[Clone]:
    count = min(max(plan.settings.events // 2_000, 30), 400)
    everyone = _authors(script)
    names = [cast.names[1], "Harbor/before", "moss/quiet", "quarry/stone", cast.names[7]]
    heads = ["main", "main", "trunk", "master", "main"]
    return [
        Clone(
            name,
            f"https://github.com/{name}" + (".git" if at == 1 else ""),
            head,
            count // (at + 1) + 12,
            (*everyone, *_team(cast, index) * 2),
        )
        for at, (name, head, index) in enumerate(zip(names, heads, (1, 30, 31, 32, 7), strict=True))
    ]


def _team(cast: Cast, index: int) -> tuple[tuple[str, str], ...]:
    """People who also push to the repository, under their noreply addresses with a number."""
    first = len(BOTS) + index % 20
    accounts = range(first, first + 6)
    return tuple((f"P{at}", f"{number_of(at)}+{cast.logins[at]}@users.noreply.github.com") for at in accounts)


def _authors(script: Script) -> tuple[tuple[str, str], ...]:
    """Return a name and an address of each kind: numbered noreply, noreply by login, bots, ordinary addresses."""
    accounts = script.accounts
    noreply = "users.noreply.github.com"
    return (
        ("Gitty", f"{number_of(accounts['gitty'])}+gitty@{noreply}"),
        ("Wren", f"wren@{noreply}"),
        ("Linnet", f"LINNET@{noreply}"),
        ("Sam", f"sam-one@{noreply}"),
        ("Never Seen", f"ghost-writer@{noreply}"),
        ("dependabot[bot]", f"{number_of(0)}+dependabot[bot]@{noreply}"),
        ("finch", f"{number_of(accounts['finch-bot'])}+finch-bot@{noreply}"),
        ("Ines Varga", f"{GIT_LOCALS[0]}@example.org"),
        ("Ines V.", f"{GIT_LOCALS[0]}@Example.ORG"),
        ("Tor", f"{GIT_LOCALS[1]}@git.example.com"),
        ("Who", f"{GIT_LOCALS[3]}@example.org"),
        ("Hashed", "3c87251aacc9d21a192fc49f27e33b67dbc960ab@example.org"),
    )


def _history(plan: Plan, clone: Clone, random: Random) -> Iterator[Commit]:
    """Draw a line of commits on HEAD with a merged side branch, and a branch that was never merged."""
    start = int(datetime.combine(plan.settings.start, time(), UTC).timestamp())
    end = start + (plan.settings.days - 1) * DAY_S
    seconds = sorted(random.randrange(start - HISTORY_DAYS * DAY_S, end) for _ in range(clone.commit_count))
    seconds[-1] = end + 3 * DAY_S
    last = 0
    for mark, second in enumerate(seconds, 1):
        is_side, is_merge = mark == 5, mark == 7
        branch = "topic" if is_side else clone.head
        parents = [] if mark == 1 else [4 if mark == 6 else last]
        if is_merge:
            parents.append(5)
        yield _commit(clone, random, mark, branch, second, parents)
        last = mark
    yield from _unmerged(clone, random, clone.commit_count, seconds[8])


def _unmerged(clone: Clone, random: Random, last: int, second: int) -> Iterator[Commit]:
    """Draw commits on a branch that HEAD does not reach, one of the branch's names being `main` where HEAD is not."""
    branch = "main" if clone.head != "main" else "experiment"
    for step in range(1, 5):
        parent = 3 if step == 1 else last + step - 1
        yield _commit(clone, random, last + step, branch, second + step * 3600, [parent])


def _commit(clone: Clone, random: Random, mark: int, branch: str, second: int, parents: list[int]) -> Commit:
    author, committer = random.choice(clone.authors), random.choice(clone.authors)
    delay = random.choice((0, 0, 0, 60, DAY_S, 4 * DAY_S))
    offsets = random.choices(_OFFSETS, k=2)
    message = f"Change {mark}\n"
    if mark % 4 == 0:
        message += f"\nCo-authored-by: C A <{GIT_LOCALS[4]}@example.org>\n"
    if mark % 6 == 0:
        message += f"Signed-off-by: {committer[0]} <{GIT_LOCALS[2]}@example.org>\n"
    lines = "".join(f"line {at} of {mark}\n" for at in range(random.randrange(1, 9)))
    return Commit(
        mark,
        branch,
        Person(*author, second=second - delay, offset=offsets[0]),
        Person(*committer, second=second, offset=offsets[1]),
        message,
        parents,
        {f"src/part{mark % 5}.txt": lines, "README.md": f"# {clone.name}\n\nAt change {mark}.\n"},
    )
