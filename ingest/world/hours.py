"""Writes the hour files, one after the other, each in parts so that memory depends on no hour's size."""

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ingest.world.acts import Era
from ingest.world.batches import draw_rows, scripted_row
from ingest.world.cast import Cast
from ingest.world.draws import Words, unit
from ingest.world.lines import LineWriter
from ingest.world.plan import HOURS_PER_DAY, OLD_OFFSET_HOURS, Plan
from ingest.world.script import Script

PART_RECORDS = 20_000
SAME_HOUR_DUPLICATES, LATER_HOUR_DUPLICATES = 0.001, 0.0006
GZIP_LEVEL, GZIP_WINDOW = 1, 31


@dataclass(slots=True)
class HourWriter:
    """Puts the hours of a plan into `folder`; `oddities` counts what it planted.

    Lines stand in the order of their created_at, save for scripted records, duplicates and late ones.
    """

    plan: Plan
    cast: Cast
    script: Script
    folder: Path
    oddities: Counter[str]
    record_count: int = 0
    file_bytes: int = 0
    _again: dict[int, list[bytes]] = field(default_factory=dict)

    def write_all(self) -> Iterator[int]:
        """Write each hour; yields the number of lines of each."""
        self.folder.mkdir(parents=True)
        writer = LineWriter(self.plan, self.cast)
        for hour in range(self.plan.hour_count):
            self.cast.advance(hour)
            if hour not in self.plan.missing:
                yield self._write(hour, writer)

    def _write(self, hour: int, writer: LineWriter) -> int:
        """Write one hour's file; the number of its lines."""
        packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW)
        count = 0
        with (self.folder / f"{self.plan.file_hour(hour)}.json.gz").open("wb") as file:
            for lines in self._parts(hour, writer) if self.plan.is_written(hour) else ():
                count += len(lines)
                file.write(packer.compress(b"\n".join([*lines, b""])))
            file.write(packer.flush())
            self.file_bytes += file.tell()
        self.record_count += count
        return count

    def _parts(self, hour: int, writer: LineWriter) -> Iterator[list[bytes]]:
        """Return the lines of an hour: the drawn ones in parts, then the scripted ones, then copies from earlier hours."""
        rows = draw_rows(self.plan, self.cast, hour)
        later = self._later_hour(hour, rows.keys)
        order = np.argsort(rows.seconds, kind="stable")
        for first in range(0, len(order), PART_RECORDS):
            part = rows.at(np.sort(order[first : first + PART_RECORDS]))
            lines = writer.lines(hour, part, first)
            self.oddities["late"] += int(np.count_nonzero(part.seconds < self.plan.utc_seconds(hour)))
            yield lines + self._copies(lines, part.keys, later)
        if hour in self.script.by_hour:
            yield self._scripted(hour, writer, len(order))
        if hour in self._again:
            yield self._again.pop(hour)

    def _copies(self, lines: list[bytes], keys: Words, later: int | None) -> list[bytes]:
        """Return duplicates to stand in the same file; those for a later hour of the day are laid by."""
        now = np.flatnonzero(unit(keys, 30) < SAME_HOUR_DUPLICATES).tolist()
        self.oddities["duplicate_same_hour"] += len(now)
        if later is not None:
            chosen = np.flatnonzero(unit(keys, 31) < LATER_HOUR_DUPLICATES).tolist()
            self.oddities["duplicate_later_hour"] += len(chosen)
            self._again.setdefault(later, []).extend(lines[at] for at in chosen)
        return [lines[at] for at in now]

    def _scripted(self, hour: int, writer: LineWriter, drawn_count: int) -> list[bytes]:
        lines: list[bytes] = []
        for at, record in enumerate(self.script.by_hour[hour]):
            written = record.edit(writer.lines(hour, scripted_row(self.plan, record), drawn_count + at)[0])
            if record.copy_hour is not None:
                self._again.setdefault(record.copy_hour, []).extend(written)
            self.oddities[record.oddity] += 1
            lines += written
        return lines

    def _later_hour(self, hour: int, keys: Words) -> int | None:
        """Return an hour of the same UTC day whose file gets copies of this one's lines; None where there is none."""
        later = hour + 1 + int(keys[0] % np.uint64(5)) if len(keys) else hour
        if later == hour or later >= self.plan.hour_count or not self.plan.is_written(later):
            return None
        return later if self._utc_day(later) == self._utc_day(hour) else None

    def _utc_day(self, hour: int) -> int:
        shift = -OLD_OFFSET_HOURS if self.plan.eras[hour] == Era.OLD else 0
        return (hour + shift) // HOURS_PER_DAY
