"""Windows of days: calendar periods and rolling ones; days count from 1970 in UTC."""

from datetime import date, timedelta
from typing import Final

EPOCH = date(1970, 1, 1)
ROLLING: Final = (7, 30, 90, 180)
CALENDAR: Final = ("daily", "weekly", "monthly", "quarterly", "yearly")
FULL_TIME_WINDOWS: Final = frozenset({"monthly", "quarterly", "yearly", "rolling_30_days", "rolling_90_days", "rolling_180_days"})


def to_date(day: int) -> date:
    """Return the date of a day."""
    return EPOCH + timedelta(days=day)


def to_day(moment: date) -> int:
    """Return the day of a date."""
    return (moment - EPOCH).days


def period(window: str, day: int) -> tuple[int, int]:
    """Return the first day of the calendar period that holds a day, and how many days the whole period has."""
    moment = to_date(day)
    if window == "daily":
        return day, 1
    if window == "weekly":
        return day - moment.weekday(), 7
    if window == "monthly":
        first = moment.replace(day=1)
        return to_day(first), (_months_on(first, 1) - first).days
    if window == "quarterly":
        first = moment.replace(month=(moment.month - 1) // 3 * 3 + 1, day=1)
        return to_day(first), (_months_on(first, 3) - first).days
    first = moment.replace(month=1, day=1)
    return to_day(first), (_months_on(first, 12) - first).days


def _months_on(first: date, months: int) -> date:
    month = first.month - 1 + months
    return first.replace(year=first.year + month // 12, month=month % 12 + 1)
