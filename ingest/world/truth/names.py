"""Who bore which name when, and so which numbered artifact a name leads to."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest.world.truth.keys import Key, Kind
from ingest.world.truth.records import Sighting

NUMBERED = {Kind.REPOSITORY_NAME: Kind.REPOSITORY, Kind.ACCOUNT_NAME: Kind.ACCOUNT}
LAST, EARLIEST = 2**62, -(2**62)


@dataclass(slots=True)
class Names:
    """All sightings, folded to what the rules ask: first and newest ones."""

    first: dict[tuple[Kind, str], dict[int, int]] = field(default_factory=dict)
    newest: dict[Key, tuple[int, str]] = field(default_factory=dict)
    last_old: dict[Key, int] = field(default_factory=dict)
    _resolved: dict[Key, Key] = field(default_factory=dict)

    def note(self, sightings: Iterable[Sighting]) -> None:
        """Take sightings in; all of them before the first question."""
        for sighting in sightings:
            key, second = sighting.key, sighting.second
            if isinstance(key.key, str):
                self.last_old[key] = max(second, self.last_old.get(key, second))
                continue
            bearers = self.first.setdefault((key.kind, sighting.name), {})
            bearers[key.key] = min(second, bearers.get(key.key, second))
            self.newest[key] = max((second, sighting.name), self.newest.get(key, (second, sighting.name)))

    def bearer(self, kind: Kind, name: str, second: int) -> Key | None:
        """Return the numbered artifact of a kind that bore a name at a time; None where none ever did."""
        bearers = self.first.get((kind, name), {})
        if not bearers:
            return None
        known = [(first, -number) for number, first in bearers.items() if first <= second]
        if known:
            return Key(kind, -max(known)[1])
        return Key(kind, min((first, number) for number, first in bearers.items())[1])

    def canonical(self, key: Key) -> Key:
        """Where a key leads: itself, or for a name the bearer at its last sighting in old records."""
        if key.kind not in NUMBERED:
            return key
        if key not in self._resolved:
            second = self.last_old.get(key, EARLIEST)
            self._resolved[key] = self.bearer(NUMBERED[key.kind], str(key.key), second) or key
        return self._resolved[key]

    def repository_at(self, name: str, second: int) -> Key:
        """Return the repository that a name meant at a time, by its number where it has one."""
        return self.bearer(Kind.REPOSITORY, name, second) or Key(Kind.REPOSITORY_NAME, name)

    def current(self, key: Key) -> str:
        """Return an artifact's name now: the newest one, the greatest where two are equally new."""
        return self.newest[key][1] if key in self.newest else str(key.key)
