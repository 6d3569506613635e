"""How tables that are cut by months lie in files of whole days."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from lakehouse.stretches import CHUNK_ROWS, Stretch, changed_stretches, chunks_of, stretches_of


def _file(rows: int = CHUNK_ROWS) -> Any:
    return SimpleNamespace(record_count=rows)


def _may(first: int, last: int, *files: Any) -> Stretch:
    return Stretch(date(2024, 5, first), date(2024, 5, last), files)


def test_files_that_share_days_are_one_stretch() -> None:
    """Else a day's rows would be written into one file and stay in the other."""
    one, two, other = _file(), _file(), _file()
    days = [date(2024, 5, number) for number in (1, 4, 4, 9, 10, 31)]
    found = stretches_of([(days[4], days[5], other), (days[2], days[3], two), (days[0], days[1], one)])
    assert found == [_may(1, 9, one, two), _may(10, 31, other)]


def test_a_new_month_is_one_stretch() -> None:
    """Nothing holds any of its days."""
    assert changed_stretches([], {date(2024, 5, 7), date(2024, 5, 9)}) == [_may(1, 31)]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (3, lambda full, short: _may(1, 4, full)),
        (6, lambda full, short: _may(5, 9)),
        (11, lambda full, short: _may(10, 31, short)),
        (20, lambda full, short: _may(10, 31, short)),
    ],
    ids=["in a file", "between, after a full file", "in a short file", "after a short file"],
)
def test_a_changed_day_touches_its_own_stretch_alone(day: int, expected: Any) -> None:
    """Full files before and after stay as they are; a short one takes the days after it."""
    full, short = _file(), _file(7)
    stretches = [_may(1, 4, full), _may(10, 12, short)]
    assert changed_stretches(stretches, {date(2024, 5, day)}) == [expected(full, short)]


def test_a_stretch_never_leaves_its_month() -> None:
    """The first of June isn't May's, however short May's last file is."""
    short = _file(7)
    assert changed_stretches([_may(10, 31, short)], {date(2024, 6, 1)}) == [Stretch(date(2024, 6, 1), date(2024, 6, 30))]


def test_files_end_with_the_day_that_fills_them() -> None:
    """Each has whole days, and all days have a file."""
    counts = {date(2024, 5, 1): CHUNK_ROWS - 1, date(2024, 5, 2): 1, date(2024, 5, 3): CHUNK_ROWS * 3, date(2024, 5, 30): 5}
    assert chunks_of(_may(1, 31), counts) == [
        (date(2024, 5, 1), date(2024, 5, 2)),
        (date(2024, 5, 3), date(2024, 5, 3)),
        (date(2024, 5, 30), date(2024, 5, 30)),
    ]


def test_days_of_other_stretches_are_not_cut_into_files() -> None:
    """Counts are asked for many stretches at once."""
    assert chunks_of(_may(2, 3), {date(2024, 5, 1): 9, date(2024, 5, 4): 9}) == []
