"""The records of one hour as columns, before they are put into words."""

from dataclasses import dataclass

import numpy as np

from ingest.world.acts import Act
from ingest.world.cast import BOTS, Cast
from ingest.world.draws import Ints, Words, below, bits, hex_names, record_keys, unit, zipf_ranks
from ingest.world.plan import Plan
from ingest.world.script import Scripted

REPOSITORY_EXPONENT, STAR_EXPONENT, PUSH_SIZE_MAX = 1.02, 1.08, 20
_BOT_SHARE = {Act.PUSH: 0.06, Act.PR_OPENED: 0.16, Act.ISSUE_COMMENT: 0.14, Act.CREATE: 0.08, Act.RELEASE: 0.3}
_CROWD_SHARE = {Act.WATCH: 1.0, Act.FORK: 1.0, Act.ISSUE_OPENED: 0.6, Act.ISSUE_COMMENT: 0.4, Act.PR_OPENED: 0.35}
_BOT_SHARES = np.array([_BOT_SHARE.get(act, 0.0) for act in Act])
_CROWD_SHARES = np.array([_CROWD_SHARE.get(act, 0.0) for act in Act])
REPEAT_SHARE, LATE_SHARE = 0.06, 0.003
DAY_S = 86_400
LONGEST_DELAY_S = 60 * DAY_S


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of equal length, one entry for each record, ordered by act.

    `keys` are the records' own; `sources` those of the record that this one tells more about (the push whose commits
    come again, the pull request that is closed), else the own one. `seconds` is the Unix time of created_at.
    """

    acts: Ints
    keys: Words
    sources: Words
    repositories: Ints
    actors: Ints
    authors: Ints
    seconds: Ints

    def take(self, act: Act) -> slice:
        """Where the records of an act stand."""
        start, stop = (int(np.searchsorted(self.acts, edge)) for edge in (int(act), int(act) + 1))
        return slice(start, stop)

    def at(self, chosen: Ints) -> "Rows":
        """Return some of the rows; `chosen` must rise, so that the order by act stays."""
        return Rows(
            self.acts[chosen],
            self.keys[chosen],
            self.sources[chosen],
            self.repositories[chosen],
            self.actors[chosen],
            self.authors[chosen],
            self.seconds[chosen],
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Columns that tell where each record and its source stand."""

    hours: Ints
    acts: Ints
    indexes: Ints


def draw_rows(plan: Plan, cast: Cast, hour: int) -> Rows:
    """Return the records of an hour."""
    counts = plan.counts[hour]
    acts: Ints = np.repeat(np.arange(len(Act), dtype=np.int64), counts)
    indexes = np.concatenate([np.arange(n, dtype=np.int64) for n in counts]) if len(acts) else acts
    own = Place(np.full_like(acts, hour), acts, indexes)
    source = _sources(plan, own)
    return rows_at(plan, cast, own, source)


def rows_at(plan: Plan, cast: Cast, own: Place, source: Place) -> Rows:
    """Return the records at the given places, which stand in one hour and are ordered by act."""
    seed = plan.settings.seed
    keys = record_keys(seed, own.hours, own.acts, own.indexes)
    sources = record_keys(seed, source.hours, source.acts, source.indexes)
    repositories = zipf_ranks(unit(sources, 1), cast.extra_repositories, REPOSITORY_EXPONENT)
    authors = _actors(cast, sources, source.acts, repositories)
    actors = _actors(cast, keys, own.acts, repositories)
    start = plan.utc_seconds(int(own.hours[0])) if len(own.hours) else 0
    seconds = start + below(keys, 2, 3600) - _lateness(keys)
    return Rows(own.acts, keys, sources, repositories, actors, authors, seconds)


def _sources(plan: Plan, own: Place) -> Place:
    """For closed and merged pull requests an opened one, for some pushes an earlier push; else the record itself."""
    keys = record_keys(plan.settings.seed, own.hours, own.acts, own.indexes)
    is_end = np.isin(own.acts, (int(Act.PR_CLOSED), int(Act.PR_MERGED), int(Act.REVIEW), int(Act.PR_REOPENED)))
    is_repeat = (own.acts == Act.PUSH) & (unit(keys, 11) < REPEAT_SHARE)
    delay = (-np.log1p(-unit(keys, 12)) * np.where(is_end, 30.0, 40.0)).astype(np.int64)
    hours = own.hours - np.where(is_repeat & (unit(keys, 13) < 0.4), 0, delay)
    acts = np.where(is_end, int(Act.PR_OPENED), own.acts)
    there = np.where(hours >= 0, plan.counts[hours.clip(0), acts], 0)
    found = (is_end | is_repeat) & (there > 0)
    return Place(
        np.where(found, hours, own.hours),
        np.where(found, acts, own.acts),
        np.where(found, below(keys, 14, there), own.indexes),
    )


def _actors(cast: Cast, keys: Words, acts: Ints, repositories: Ints) -> Ints:
    """Choose a bot, one of the crowd, or a member of the repository's team; the big repositories have the big teams."""
    team_size = (4_000 / (repositories + 12)).astype(np.int64).clip(2, 300)
    members = cast.members(repositories, (unit(keys, 3) ** 3.5 * team_size).astype(np.int64))
    people = cast.extra_accounts - len(BOTS)
    crowd = len(BOTS) + zipf_ranks(unit(keys, 4), people, 0.7)
    actors = np.where(unit(keys, 5) < _CROWD_SHARES[acts], crowd, members)
    bots = zipf_ranks(unit(keys, 6), len(BOTS), 0.9)
    return np.where(unit(keys, 7) < _BOT_SHARES[acts], bots, actors)


def _lateness(keys: Words) -> Ints:
    """Seconds by which a record's created_at lies before its hour file: mostly 0, for some an hour or more.

    Delays follow a Pareto distribution with the exponent 1: half of the late records come within two hours, one in 24 after a day.
    """
    is_late = unit(keys, 8) < LATE_SHARE
    delay = np.minimum(3600 / (1 - unit(keys, 9)), LONGEST_DELAY_S).astype(np.int64)
    return np.where(is_late, delay, 0)


def scripted_row(plan: Plan, record: Scripted) -> Rows:
    """Return a scripted record as the only row."""
    source = record.source or record
    keys, sources = (
        record_keys(plan.settings.seed, np.array([at.hour]), np.array([int(at.act)]), np.array([at.tag])) for at in (record, source)
    )
    seconds = plan.utc_seconds(record.hour) + below(keys, 2, 3600) - record.early_s
    actors = np.array([record.actor])
    authors = np.array([source.actor])
    return Rows(np.array([int(record.act)]), keys, sources, np.array([record.repository]), actors, authors, seconds)


def push_sizes(sources: Words) -> Ints:
    """How many commits each push lists: mostly one, 20 at most."""
    return zipf_ranks(unit(sources, 15), PUSH_SIZE_MAX, 3.0) + 1


def push_shas(sources: Words, sizes: Ints) -> list[str]:
    """Return the commits that the pushes list, one after the other; equal sources list equal commits."""
    ends = np.cumsum(sizes)
    within = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64) - np.repeat(ends - sizes, sizes)
    return hex_names(bits(np.repeat(sources, sizes) + within.astype(np.uint64), 16))


def pull_numbers(sources: Words) -> list[int]:
    """Return the numbers of the pull requests that the sources opened."""
    return [source % 99_000 + 1 for source in sources.tolist()]
