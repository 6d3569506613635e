"""The metric values of one entity: for each window of each kind, its days counted again from the start."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.world.truth.events import Event
from ingest.world.truth.keys import Key
from ingest.world.truth.periods import CALENDAR, FULL_TIME_WINDOWS, ROLLING, period

SUMS: dict[str, frozenset[str]] = {
    "stars": frozenset({"STARRED"}),
    "forks": frozenset({"FORKED"}),
    "releases": frozenset({"RELEASE_PUBLISHED"}),
    "commits": frozenset({"COMMIT_CODE"}),
    "issues_opened": frozenset({"ISSUE_OPENED"}),
    "issues_closed": frozenset({"ISSUE_CLOSED"}),
    "pull_requests_opened": frozenset({"PULL_REQUEST_OPENED"}),
    "pull_requests_merged": frozenset({"PULL_REQUEST_MERGED"}),
    "comments": frozenset({"ISSUE_COMMENT", "COMMIT_COMMENT", "PULL_REQUEST_REVIEW_COMMENT"}),
    "reviews": frozenset({"PULL_REQUEST_REVIEW"}),
}
DEVELOPMENT = frozenset({"COMMIT_CODE"})
CONTRIBUTIONS = frozenset({"COMMIT_CODE", "ISSUE_OPENED", "PULL_REQUEST_OPENED", "PULL_REQUEST_MERGED"})


class Value(NamedTuple):
    """A metric's value at a sample date (a day since 1970)."""

    metric_name: str
    day: int
    amount: int
    is_key: bool


@dataclass(slots=True)
class Day:
    """What happened to an entity on a day."""

    types: Counter[str] = field(default_factory=Counter)
    repositories: set[Key] = field(default_factory=set)
    developers: set[Key] = field(default_factory=set)
    contributors: set[Key] = field(default_factory=set)

    def add(self, event: Event) -> None:
        """Count an event."""
        self.types[event.type] += 1
        if event.type == "COMMIT_CODE" or event.type.startswith(("ISSUE_", "PULL_REQUEST_")):
            self.repositories.add(event.repository)
        if event.actor and event.type in DEVELOPMENT:
            self.developers.add(event.actor)
        if event.actor and event.type in CONTRIBUTIONS:
            self.contributors.add(event.actor)


def values(events: Iterable[Event], as_of: int) -> Iterator[Value]:
    """All values other than 0 of an entity with these events, up to the as-of day."""
    known = [event for event in events if event.day <= as_of]
    for label, chosen in (("", known), ("_no_bots", [event for event in known if event.kind != "bot"])):
        if chosen:
            yield from _Series(chosen, as_of, label).values()


class _Series:
    """One entity with bots, or without."""

    def __init__(self, events: list[Event], as_of: int, label: str) -> None:
        self.as_of, self.label = as_of, label
        self.days: dict[int, Day] = {}
        for event in sorted(events, key=lambda event: event.day):
            self.days.setdefault(event.day, Day()).add(event)
        self.first_days: dict[Key, int] = {}
        for day, content in self.days.items():
            for person in content.contributors:
                self.first_days.setdefault(person, day)

    def values(self) -> Iterator[Value]:
        first = min(self.days)
        for window in CALENDAR:
            for start, length in sorted({period(window, day) for day in self.days}):
                yield from self._named(window, start, self._window(window, start, length))
        for length in ROLLING:
            window = f"rolling_{length}_days"
            for day in range(first, self.as_of + 1):
                amounts = self._window(window, day - length + 1, length)
                yield from self._named(window, day, amounts)
                if day == self.as_of:
                    yield from self._named(window, day, amounts, is_key=True)
        everything = self._window("over_all_time", first, self.as_of - first + 1)
        yield from self._named("over_all_time", self.as_of, everything, is_key=True)

    def _named(self, window: str, day: int, amounts: dict[str, int], *, is_key: bool = False) -> Iterator[Value]:
        for measure, amount in amounts.items():
            if amount:
                yield Value(f"github_{measure}{self.label}_{window}", day, amount, is_key)

    def _window(self, window: str, start: int, length: int) -> dict[str, int]:
        """Return the measures over the days from `start` on."""
        days = [self.days[day] for day in range(start, min(start + length, self.as_of + 1)) if day in self.days]
        if not days:
            return {}
        types: Counter[str] = Counter()
        developers: Counter[Key] = Counter()
        contributors: Counter[Key] = Counter()
        for day in days:
            types.update(day.types)
            developers.update(day.developers)
            contributors.update(day.contributors)
        amounts = {measure: sum(types[kind] for kind in kinds) for measure, kinds in SUMS.items()}
        amounts |= {
            "repositories": len(set().union(*(day.repositories for day in days))),
            "active_developers": len(developers),
            "contributors": len(contributors),
            "new_contributors": sum(start <= self.first_days[one] < start + length for one in contributors),
            "developer_active_days": developers.total(),
            "contributor_active_days": contributors.total(),
        }
        if window in FULL_TIME_WINDOWS:
            full = sum(3 * count >= length for count in developers.values())
            amounts |= {"full_time_developers": full, "part_time_developers": len(developers) - full}
        return amounts
