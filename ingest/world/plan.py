"""Which hours there are, how many records of which act stand in each, and which hours are missing or empty."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np

from ingest.world.acts import WEIGHTS, Act, Era
from ingest.world.draws import Floats, Ints, Words, bits, record_keys
from ingest.world.settings import WorldSettings

HOURS_PER_DAY = 24
OLD_OFFSET_HOURS = -7
"""Old records carry this offset from UTC, and their files are named by that local time, as in 2012."""
ERA_SHARE = 0.1
MISSING_SHARE = 0.004
_WEEKDAYS = (1.05, 1.12, 1.12, 1.10, 1.0, 0.62, 0.58)
_HOURS = (46, 42, 40, 40, 42, 46, 54, 66, 80, 90, 94, 92, 94, 104, 110, 108, 102, 94, 84, 76, 70, 64, 58, 52)


@dataclass(frozen=True, slots=True)
class Plan:
    """The hours of a world, numbered from 0 at the start day's 00.

    `counts` has a row for each hour and a column for each act; missing and empty hours have rows of 0.
    """

    settings: WorldSettings
    eras: Ints
    counts: Ints
    missing: frozenset[int]
    empty: int

    @property
    def hour_count(self) -> int:
        """All hours, missing ones included."""
        return len(self.eras)

    def is_written(self, hour: int) -> bool:
        """Whether the hour has a file with records."""
        return hour not in self.missing and hour != self.empty

    def file_hour(self, hour: int) -> str:
        """Return the hour as in a file's name, such as 2024-01-01-5 (no leading zero)."""
        moment = self._local(hour)
        return f"{moment:%Y-%m-%d}-{moment.hour}"

    def utc_seconds(self, hour: int) -> int:
        """Return the Unix time of the first second that the hour's file covers."""
        shift = OLD_OFFSET_HOURS * 3600 if self.eras[hour] == Era.OLD else 0
        return int(self._local(hour).timestamp()) - shift

    def pick(self, era: Era, share: float) -> int:
        """Return a written hour of the era at about the given share (0 to 1) of its length."""
        written = self.eras == era
        written[[*self.missing, self.empty]] = False
        hours = np.flatnonzero(written)
        return int(hours[min(int(share * len(hours)), len(hours) - 1)])

    def _local(self, hour: int) -> datetime:
        midnight = datetime.combine(self.settings.start, time(), UTC)
        return midnight + timedelta(hours=hour)


def make_plan(settings: WorldSettings) -> Plan:
    """Draw the plan of a world."""
    hour_count = settings.days * HOURS_PER_DAY
    eras = _eras(settings.days)
    missing, empty = _gaps(settings, hour_count)
    weights = _rhythm(settings, hour_count)
    weights[[*missing, empty]] = 0.0
    counts = _counts(settings.events, weights, eras)
    return Plan(settings=settings, eras=eras, counts=counts, missing=missing, empty=empty)


def _eras(days: int) -> Ints:
    edge = max(1, round(days * ERA_SHARE))
    eras: Ints = np.full(days, int(Era.NEW), dtype=np.int64)
    eras[:edge] = Era.OLD
    eras[days - edge :] = Era.LATEST
    return np.repeat(eras, HOURS_PER_DAY)


def _gaps(settings: WorldSettings, hour_count: int) -> tuple[frozenset[int], int]:
    """Return the missing hours and the empty one; never a midnight, nor the first two hours or the last two."""
    hours: Ints = np.arange(2, hour_count - 2, dtype=np.int64)
    hours = hours[hours % HOURS_PER_DAY != 0]
    order = np.argsort(bits(_hour_keys(settings.seed, hours), 1), kind="stable")
    count = max(2, round(hour_count * MISSING_SHARE))
    return frozenset(int(h) for h in hours[order[:count]]), int(hours[order[count]])


def _hour_keys(seed: int, hours: Ints) -> Words:
    return record_keys(seed, hours, np.full_like(hours, 999), np.zeros_like(hours))


def _rhythm(settings: WorldSettings, hour_count: int) -> Floats:
    first = settings.start.weekday()
    hours = np.arange(hour_count)
    weekdays = np.array(_WEEKDAYS)[(first + hours // HOURS_PER_DAY) % 7]
    growth = 1.0 + 0.3 * hours / hour_count
    return np.asarray(weekdays * np.array(_HOURS, dtype=float)[hours % HOURS_PER_DAY] * growth)


def _counts(events: int, weights: Floats, eras: Ints) -> Ints:
    """Return records by hour and act, by rounding running sums, so that each act keeps its share even in small worlds."""
    shares = np.array([[WEIGHTS[era].get(act, 0.0) for act in Act] for era in Era])
    shares /= shares.sum(axis=1, keepdims=True)
    expected = (weights / weights.sum() * events)[:, None] * shares[eras]
    running = np.floor(np.cumsum(expected, axis=0) + 0.5).astype(np.int64)
    counts = np.diff(running, axis=0, prepend=0)
    counts[int(np.argmax(weights)), Act.PUSH] += events - int(counts.sum())
    return counts.clip(0)
