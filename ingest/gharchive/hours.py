"""Names and times of hours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from catalog.errors import SettingsError
from catalog.raw_tables import FIRST_YEAR, LAST_YEAR

SUFFIXES = (".json.gz", ".json")
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})$")


def parse_hour(text: str, option: str) -> datetime:
    """Return the hour from 1970 to 9998 that a text like `2015-01-01T00` or `2015-01-01` names, in UTC.

    Raises:
        SettingsError: it names none, or a minute; the message names the option.
    """
    for form in ("%Y-%m-%dT%H", "%Y-%m-%d-%H", "%Y-%m-%d", "%Y-%m-%dT%H:%M"):
        try:
            time = datetime.strptime(text.removesuffix("Z"), form).replace(tzinfo=UTC)
        except ValueError:
            continue
        if time.minute:
            raise SettingsError(f"{option} {text!r} is not a whole hour; write it like 2015-01-01T00", option=option, value=text)
        if not FIRST_YEAR <= time.year <= LAST_YEAR:
            raise SettingsError(f"{option} {text!r} is not in the years {FIRST_YEAR} to {LAST_YEAR}", option=option, value=text)
        return time
    raise SettingsError(f"{option} {text!r} is not an hour; write it like 2015-01-01T00", option=option, value=text)


def hour_range(start: str, end: str) -> list[datetime]:
    """Return the hours from `start` up to, not with, `end`.

    Raises:
        SettingsError: a text names no hour, or the range is empty.
    """
    first, last = parse_hour(start, "--from"), parse_hour(end, "--to")
    if last <= first:
        raise SettingsError(f"--to {end} must be later than --from {start} (it is exclusive)", start=start, end=end)
    return list(_hours(first, last))


def _hours(first: datetime, last: datetime) -> Iterator[datetime]:
    while first < last:
        yield first
        first += timedelta(hours=1)


def hour_name(hour: datetime) -> str:
    """Return the archive's name of an hour, `2015-01-01-0`."""
    return f"{hour:%Y-%m-%d}-{hour.hour}"


def period_start(hour: datetime, first_created_at: str | None) -> datetime:
    """Return when the hour began, in UTC: its file name's hour, read in the UTC offset of its first record."""
    match = _OFFSET.search(first_created_at or "")
    if match is None:
        return hour
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return hour + offset if match[1] == "-" else hour - offset
