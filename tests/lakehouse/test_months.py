"""Months that are written together."""

from __future__ import annotations

from datetime import date

from lakehouse.months import ROWS_AT_ONCE, months_together


def test_months_go_together_up_to_a_number_of_rows() -> None:
    """A month that is too large by itself goes alone."""
    months = [date(2024, month, 1) for month in range(1, 6)]
    counts = list(zip(months, (10, ROWS_AT_ONCE - 10, 1, ROWS_AT_ONCE + 1, 5), strict=True))
    assert months_together(counts) == [(months[0], months[1]), (months[2], months[2]), (months[3], months[3]), (months[4], months[4])]
    assert months_together([]) == []
