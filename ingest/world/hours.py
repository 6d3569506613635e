"""Writes the hour files, one after the other."""

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from ingest.world.acts import Act, Era
from ingest.world.batches import Rows, draw_rows, scripted_row
from ingest.world.cast import Cast
from ingest.world.draws import unit
from ingest.world.latestform import LatestForm
from ingest.world.newform import NewForm
from ingest.world.oldform import OldForm
from ingest.world.phrases import make_batch, zulu
from ingest.world.plan import HOURS_PER_DAY, OLD_OFFSET_HOURS, Plan
from ingest.world.script import Script

FIRST_ID, IDS_PER_HOUR = 100_000_000_000, 2**20
"""Ids have 12 digits throughout, so that they sort alike as numbers and as text."""
SAME_HOUR_DUPLICATES, LATER_HOUR_DUPLICATES = 0.001, 0.0006
GZIP_LEVEL = 1


@dataclass(slots=True)
class HourWriter:
    """Puts the hours of a plan into `folder`; `oddities` counts what it planted."""

    plan: Plan
    cast: Cast
    script: Script
    folder: Path
    oddities: Counter[str] = field(default_factory=Counter)
    record_count: int = 0
    file_bytes: int = 0
    _forms: dict[int, NewForm | OldForm] = field(default_factory=dict)
    _again: dict[int, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the writers of the three forms."""
        self.folder.mkdir(parents=True)
        self._forms = {Era.OLD: OldForm(self.cast), Era.NEW: NewForm(self.cast), Era.LATEST: LatestForm(self.cast)}

    def write_all(self) -> Iterator[int]:
        """Write each hour; yields the number of lines of each."""
        for hour in range(self.plan.hour_count):
            self.cast.advance(hour)
            if hour not in self.plan.missing:
                yield self.write(hour)

    def write(self, hour: int) -> int:
        """Write one hour's file; the number of its lines."""
        lines = self.lines(hour) if self.plan.is_written(hour) else []
        text = b"\n".join(lines) + b"\n" if lines else b""
        packed = compress(text)
        (self.folder / f"{self.plan.file_hour(hour)}.json.gz").write_bytes(packed)
        self.record_count += len(lines)
        self.file_bytes += len(packed)
        return len(lines)

    def lines(self, hour: int) -> list[bytes]:
        """All lines of an hour, in the file's order."""
        rows = draw_rows(self.plan, self.cast, hour)
        lines = self.render(hour, rows)
        twice = np.flatnonzero(unit(rows.keys, 30) < SAME_HOUR_DUPLICATES).tolist()
        self.oddities["duplicate_same_hour"] += len(twice)
        copies = [lines[at] for at in twice] + self._again.pop(hour, [])
        self._keep_for_later(hour, rows, lines)
        return lines + self._scripted(hour, len(lines)) + copies

    def _scripted(self, hour: int, drawn_count: int) -> list[bytes]:
        """The scripted records of an hour, after the drawn ones."""
        lines: list[bytes] = []
        for at, record in enumerate(self.script.by_hour.get(hour, [])):
            rows = scripted_row(self.plan, record)
            written = record.edit(self.render(hour, rows, drawn_count + at)[0])
            if record.copy_hour is not None:
                self._again.setdefault(record.copy_hour, []).extend(written)
            self.oddities[record.oddity] += 1
            lines += written
        return lines

    def render(self, hour: int, rows: Rows, first: int = 0) -> list[bytes]:
        """The rows as lines, by time of arrival; their ids count from the hour's `first` on."""
        era = Era(int(self.plan.eras[hour]))
        place = np.argsort(np.argsort(rows.seconds, kind="stable"), kind="stable")
        ids = (place + (FIRST_ID + hour * IDS_PER_HOUR + first)).tolist()
        created = self._created(hour, era, rows)
        lines: list[str] = [""] * len(ids)
        for act in np.unique(rows.acts).tolist():
            where = rows.take(Act(act))
            batch = make_batch(self.cast, rows, where, ids, created)
            for at, line in zip(place[where].tolist(), self._forms[era].lines(Act(act), batch), strict=True):
                lines[at] = line
        return [line.encode() for line in lines]

    def _created(self, hour: int, era: Era, rows: Rows) -> list[str]:
        """The texts of created_at: quick where the time lies in the hour, slow for the late ones."""
        start = self.plan.utc_seconds(hour)
        head, tail = created_frame(era, start)
        offsets = (rows.seconds - start).tolist()
        if len(offsets) > 1:
            self.oddities["late"] += sum(offset < 0 for offset in offsets)
        return [
            f"{head}{MINUTES[offset]}{tail}" if offset >= 0 else created_text(era, start + offset) for offset in offsets
        ]

    def _keep_for_later(self, hour: int, rows: Rows, lines: list[bytes]) -> None:
        """Some records of today come again in a later hour of the same UTC day."""
        later = hour + 1 + int(rows.keys[0] % np.uint64(5)) if len(rows.keys) else hour
        is_same_day = self._utc_day(later) == self._utc_day(hour)
        if not is_same_day or later >= self.plan.hour_count or not self.plan.is_written(later):
            return
        chosen = np.flatnonzero(unit(rows.keys, 31) < LATER_HOUR_DUPLICATES).tolist()
        self.oddities["duplicate_later_hour"] += len(chosen)
        self._again.setdefault(later, []).extend(lines[at] for at in chosen)

    def _utc_day(self, hour: int) -> int:
        shift = -OLD_OFFSET_HOURS if self.plan.eras[hour % self.plan.hour_count] == Era.OLD else 0
        return (hour + shift) // HOURS_PER_DAY


MINUTES = [f"{second // 60:02d}:{second % 60:02d}" for second in range(3600)]


def created_text(era: Era, second: int) -> str:
    """A Unix time as created_at has it in an era."""
    if era != Era.OLD:
        return zulu(second)
    zone = timezone(timedelta(hours=OLD_OFFSET_HOURS))
    return datetime.fromtimestamp(second, zone).isoformat()


def created_frame(era: Era, start: int) -> tuple[str, str]:
    """What stands before and after minute and second in the created_at of an hour."""
    text = created_text(era, start)
    return text[:14], text[19:]


def compress(text: bytes) -> bytes:
    """Gzip without a time or a name in it."""
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
    return packer.compress(text) + packer.flush()


def read_lines(path: Path) -> list[bytes]:
    """The lines of an hour file, without their line ends."""
    with gzip.open(path) as file:
        return io.BytesIO(file.read()).read().split(b"\n")[:-1]
