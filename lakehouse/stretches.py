"""How a table that is cut by months lies in data files: stretches of whole days, none beyond its month.

A run that changes a day writes the files of its stretch anew, so a file holds no more days than make `CHUNK_ROWS` rows; a day that is new
goes to the stretch before it while that is short.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile

CHUNK_ROWS = 100_000
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Stretch:
    """Days from `first` to `last`, both inclusive and of one month, and the data files that hold their rows now."""

    first: date
    last: date
    files: tuple[DataFile, ...] = ()

    @property
    def is_short(self) -> bool:
        """Whether its files have room for more days."""
        return sum(file.record_count for file in self.files) < CHUNK_ROWS


def stretches_of(files: Iterable[tuple[date, date, DataFile]]) -> list[Stretch]:
    """Return the stretches that data files with their first and last days make up, in order; files that share days are one stretch."""
    found: list[Stretch] = []
    for first, last, file in sorted(files, key=lambda span: span[:2]):
        before = found[-1] if found else None
        if before and before.last >= first:
            found[-1] = Stretch(before.first, max(before.last, last), (*before.files, file))
        else:
            found.append(Stretch(first, last, (file,)))
    return found


def changed_stretches(stretches: Sequence[Stretch], days: set[date]) -> list[Stretch]:
    """Return the stretches that hold a changed day, those without files where no file holds it."""
    months = sorted({day.replace(day=1) for day in days})
    return [
        stretch
        for month in months
        for stretch in _whole_month(month, [stretch for stretch in stretches if stretch.first.replace(day=1) == month])
        if any(stretch.first <= day <= stretch.last for day in days)
    ]


def _whole_month(month: date, stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return stretches that leave no day of a month out: days between go to the stretch before if it is short, else they make up one."""
    end = (month + 32 * _DAY).replace(day=1) - _DAY
    whole: list[Stretch] = []
    for stretch in (*stretches, None):
        following = whole[-1].last + _DAY if whole else month
        until = stretch.first - _DAY if stretch else end
        if following <= until and whole and whole[-1].is_short:
            whole[-1] = replace(whole[-1], last=until)
        elif following <= until:
            whole.append(Stretch(following, until))
        if stretch:
            whole.append(stretch)
    return whole


def chunks_of(stretch: Stretch, counts: Mapping[date, int]) -> list[tuple[date, date]]:
    """Cut a stretch, by the rows of its days, into the first and last days of files."""
    chunks: list[tuple[date, date]] = []
    rows = CHUNK_ROWS
    for day in sorted(day for day in counts if stretch.first <= day <= stretch.last):
        if rows >= CHUNK_ROWS:
            chunks.append((day, day))
            rows = 0
        chunks[-1] = (chunks[-1][0], day)
        rows += counts[day]
    return chunks
