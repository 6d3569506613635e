"""Months that are written together, and months as a condition."""

from __future__ import annotations

from datetime import date

from lakehouse.months import ROWS_AT_ONCE, months_together, within_months


def test_months_go_together_up_to_a_number_of_rows() -> None:
    """A month that is too large by itself goes alone."""
    months = [date(2024, month, 1) for month in range(1, 6)]
    counts = list(zip(months, (10, ROWS_AT_ONCE - 10, 1, ROWS_AT_ONCE + 1, 5), strict=True))
    assert months_together(counts) == [(months[0], months[1]), (months[2], months[2]), (months[3], months[3]), (months[4], months[4])]
    assert months_together([]) == []


def test_months_of_days_are_few_ranges() -> None:
    """Months that follow each other are one range, over the end of a year too; without days no row is meant."""
    days = [date(2024, 3, 5), date(2023, 12, 31), date(2024, 1, 1), date(2024, 1, 31)]
    assert within_months("day", days) == (
        "((day >= DATE '2023-12-01' AND day < DATE '2024-02-01') OR (day >= DATE '2024-03-01' AND day < DATE '2024-04-01'))"
    )
    assert within_months("day", []) == "FALSE"
