"""Months of a table: those that are written together where an engine sorts in memory what it writes, and those that a statement is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from catalog.partitions import month_after

ROWS_AT_ONCE = 500_000
"""How many rows are sorted at a time: some 200 MB of the widest tables."""


def months_together(counts: Sequence[tuple[date, int]]) -> list[tuple[date, date]]:
    """Return first and last month of runs of months that have ROWS_AT_ONCE rows at most, or are one month.

    Args:
        counts: first days of months, sorted, and their rows.
    """
    runs: list[tuple[date, date]] = []
    size = ROWS_AT_ONCE
    for month, rows in counts:
        if size + rows > ROWS_AT_ONCE:
            runs.append((month, month))
            size = 0
        runs[-1] = (runs[-1][0], month)
        size += rows
    return runs


def within_months(column: str, days: Iterable[date]) -> str:
    """Return the SQL condition of the months that hold some days.

    Constants are written out, as few ranges: engines skip files by these, and not by what a subquery gives.

    Args:
        column: of dates, or of times where the session's zone is UTC; as SQL.
        days: any number; without any the condition holds for no row.
    """
    spans: list[tuple[date, date]] = []
    for month in sorted({day.replace(day=1) for day in days}):
        first = spans.pop()[0] if spans and spans[-1][1] == month else month
        spans.append((first, month_after(month)))
    ranges = [f"({column} >= DATE '{first}' AND {column} < DATE '{end}')" for first, end in spans]
    return f"({' OR '.join(ranges)})" if ranges else "FALSE"
