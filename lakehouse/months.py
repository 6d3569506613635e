"""Months of a table that are written together where an engine sorts in memory what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

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
