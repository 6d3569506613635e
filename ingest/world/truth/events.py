"""Records and commits as events, one for each thing that happened."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.world.truth.gitlog import GitCommit
from ingest.world.truth.keys import NOBODY, Key, Person
from ingest.world.truth.names import Names
from ingest.world.truth.records import DAY_S, Record, person_of, to_second

_ACTIONS = {
    "IssuesEvent": {"opened": "ISSUE_OPENED", "closed": "ISSUE_CLOSED", "reopened": "ISSUE_REOPENED"},
    "PullRequestEvent": {
        "opened": "PULL_REQUEST_OPENED",
        "closed": "PULL_REQUEST_CLOSED",
        "reopened": "PULL_REQUEST_REOPENED",
    },
    "ReleaseEvent": {"published": "RELEASE_PUBLISHED"},
    "WatchEvent": {"started": "STARRED"},
}
_PLAIN = {
    "PullRequestReviewEvent": "PULL_REQUEST_REVIEW",
    "PullRequestReviewCommentEvent": "PULL_REQUEST_REVIEW_COMMENT",
    "IssueCommentEvent": "ISSUE_COMMENT",
    "CommitCommentEvent": "COMMIT_COMMENT",
    "ForkEvent": "FORKED",
}
_DEFAULT_REFS = ("refs/heads/main", "refs/heads/master")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a repository, on a day (since 1970, UTC); repository and actor are canonical."""

    type: str
    repository: Key
    day: int
    actor: Key | None
    kind: str


@dataclass(slots=True)
class EventBook:
    """Collects events so that of several records of one thing the first one counts."""

    names: Names
    from_git: dict[Key, dict[str, GitCommit]] = field(default_factory=dict)
    _plain: dict[tuple[str, Key, str, int], Event] = field(default_factory=dict)
    _commits: dict[tuple[Key, str], tuple[int, str, Person]] = field(default_factory=dict)
    _merges: dict[tuple[Key, int, int], Record] = field(default_factory=dict)
    _openers: dict[tuple[Key, int], tuple[int, str, Person]] = field(default_factory=dict)

    def add_clone(self, repository: Key, commits: Iterable[GitCommit]) -> None:
        """Return the commits of a repository come from its clone."""
        self.from_git.setdefault(repository, {}).update({commit.sha: commit for commit in commits})

    def add_record(self, record: Record) -> None:
        """Note a record; all clones come before."""
        if record.repository is None:
            return
        repository, action = self.names.canonical(record.repository), record.payload.get("action")
        if record.type == "PushEvent":
            self._add_push(record, repository)
        elif record.type == "PullRequestEvent" and action == "merged":
            self._add_merge(record, repository)
        else:
            kind = _PLAIN.get(record.type) or _ACTIONS.get(record.type, {}).get(str(action))
            if kind:
                self._add_plain(record, repository, kind)

    def events(self) -> Iterator[Event]:
        """All events."""
        yield from self._plain.values()
        for (repository, _), (second, _, person) in self._commits.items():
            yield self._event("COMMIT_CODE", repository, second, person)
        for repository, commits in self.from_git.items():
            for commit in commits.values():
                yield self._event("COMMIT_CODE", repository, commit.second, commit.author)
        for (repository, number, second), record in self._merges.items():
            opener = self._openers.get((repository, number), (0, "", NOBODY))[2]
            yield self._event("PULL_REQUEST_CLOSED", repository, second, record.actor)
            yield self._event("PULL_REQUEST_MERGED", repository, second, opener)

    def _event(self, kind: str, repository: Key, second: int, person: Person) -> Event:
        actor = self.names.canonical(person.key) if person.key else None
        return Event(kind, repository, second // DAY_S, actor, person.kind)

    def _add_push(self, record: Record, repository: Key) -> None:
        if repository in self.from_git or record.payload.get("ref") not in _DEFAULT_REFS:
            return
        for sha in _shas(record.payload):
            seen = (record.second, record.id, record.actor)
            self._commits[repository, sha] = min(seen, self._commits.get((repository, sha), seen), key=_order)

    def _add_merge(self, record: Record, repository: Key) -> None:
        place = (repository, _number(record.payload), record.second)
        known = self._merges.get(place, record)
        self._merges[place] = min(record, known, key=lambda one: one.id)

    def _add_plain(self, record: Record, repository: Key, kind: str) -> None:
        second, payload = record.second, record.payload
        if kind == "RELEASE_PUBLISHED":
            second = _time_in(payload["release"], "published_at", second)
        self._keep(record, kind, repository, second, record.actor)
        pull = payload.get("pull_request") or {}
        if kind == "PULL_REQUEST_CLOSED" and pull.get("merged") is True:
            merged = _time_in(pull, "merged_at", record.second)
            self._keep(record, "PULL_REQUEST_MERGED", repository, merged, person_of(pull.get("user")))
        if kind == "PULL_REQUEST_OPENED":
            opener = (record.second, record.id, record.actor)
            place = (repository, _number(payload))
            self._openers[place] = min(opener, self._openers.get(place, opener), key=_order)

    def _keep(self, record: Record, kind: str, repository: Key, second: int, person: Person) -> None:
        """One event for a record's id within the day of its created_at: equal ids have equal times there."""
        self._plain.setdefault((kind, repository, record.id, record.day), self._event(kind, repository, second, person))


def _order(seen: tuple[int, str, Person]) -> tuple[int, str]:
    return seen[0], seen[1]


def _shas(payload: dict[str, Any]) -> Iterator[str]:
    for commit in payload.get("commits") or []:
        yield commit["sha"]
    for listed in payload.get("shas") or []:
        yield listed[0]


def _number(payload: dict[str, Any]) -> int:
    number = payload.get("number")
    return int(payload["pull_request"]["number"] if number is None else number)


def _time_in(thing: dict[str, Any], name: str, otherwise: int) -> int:
    return to_second(thing[name]) if thing.get(name) else otherwise
