"""What a world is made from (WorldSettings) and what was written (WorldSummary)."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

EVENTS_MIN, EVENTS_MAX = 100, 50_000_000
TRUTH_EVENTS_MAX = 200_000
DAYS_MIN, DAYS_MAX = 3, 3_660
PROJECTS_MIN, PROJECTS_MAX = 12, 20_000
SEED_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """The size and seed of a world; equal settings give equal bytes.

    `events` counts the generated records before oddities (duplicates, malformed lines, scripted records: about one
    per cent more); `days` the UTC days from `start`; `projects` the projects of the directory's newest state.

    Raises:
        ValueError: a setting is out of its range; the message names it, its value and the range.

    """

    events: int
    days: int
    seed: int
    projects: int
    start: date = date(2024, 1, 1)
    truth: bool = False

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        _check("events", self.events, EVENTS_MIN, EVENTS_MAX)
        _check("days", self.days, DAYS_MIN, DAYS_MAX)
        _check("seed", self.seed, 0, SEED_MAX)
        _check("projects", self.projects, PROJECTS_MIN, PROJECTS_MAX)
        if self.truth and self.events > TRUTH_EVENTS_MAX:
            raise ValueError(f"truth is computed for at most {TRUTH_EVENTS_MAX:,} events, not for {self.events:,}")
        if not date(2000, 1, 1) <= self.start <= date(2100, 1, 1):
            raise ValueError(f"start is {self.start}; it must lie between 2000-01-01 and 2100-01-01")

    @property
    def end(self) -> date:
        """The day after the last one."""
        return self.start + timedelta(days=self.days)


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value:,}; it must be from {low:,} to {high:,}")


@dataclass(frozen=True, slots=True)
class WorldSummary:
    """What `write_world` wrote.

    `from_hour` and `to_hour` (exclusive) are the arguments of `osslake ingest gharchive --from --to`; `record_count`
    counts lines of all kinds, malformed ones included; `file_bytes` those of the hour files, compressed;
    `oddities` the number of lines or things of each planted kind; `truth_rows` is None without the truth.
    """

    folder: Path
    from_hour: str
    to_hour: str
    hour_file_count: int
    missing_hours: tuple[str, ...]
    record_count: int
    file_bytes: int
    project_count: int
    clone_count: int
    oddities: dict[str, int] = field(default_factory=dict)
    truth_rows: int | None = None
