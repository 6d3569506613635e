"""Turns the rows of an hour into the lines of its file."""

from datetime import datetime, timedelta, timezone

import numpy as np

from ingest.world.acts import Act, Era
from ingest.world.batches import Rows
from ingest.world.cast import Cast
from ingest.world.draws import bits
from ingest.world.latestform import LatestForm
from ingest.world.newform import NewForm
from ingest.world.oldform import OldForm
from ingest.world.phrases import make_batch, zulu
from ingest.world.plan import OLD_OFFSET_HOURS, Plan

FIRST_ID, IDS_PER_HOUR = 100_000_000_000, 2**20
"""Ids have 12 digits throughout, so that they sort alike as numbers and as text."""
_OLD_ZONE = timezone(timedelta(hours=OLD_OFFSET_HOURS))
_MINUTES = [f"{second // 60:02d}:{second % 60:02d}" for second in range(3600)]


class LineWriter:
    """Writes lines in the form of an hour's era, with the names of the hour that the cast stands at."""

    def __init__(self, plan: Plan, cast: Cast) -> None:
        self._plan, self._cast = plan, cast
        self._forms: dict[Era, OldForm | NewForm] = {
            Era.OLD: OldForm(cast),
            Era.NEW: NewForm(cast),
            Era.LATEST: LatestForm(cast),
        }

    def lines(self, hour: int, rows: Rows, first: int) -> list[bytes]:
        """Return the rows as lines, by time of creation; their ids count from the hour's `first` on."""
        era = Era(int(self._plan.eras[hour]))
        place = np.argsort(np.argsort(rows.seconds, kind="stable"), kind="stable")
        ids = (place + (FIRST_ID + hour * IDS_PER_HOUR + first)).tolist()
        created = _created(era, self._plan.utc_seconds(hour), rows)
        dice = bits(rows.keys, 20).tolist()
        lines: list[str] = [""] * len(ids)
        for act in np.unique(rows.acts).tolist():
            where = rows.take(Act(act))
            batch = make_batch(self._cast, rows, where, ids, created, dice)
            for at, line in zip(place[where].tolist(), self._forms[era].lines(Act(act), batch), strict=True):
                lines[at] = line
        return [line.encode() for line in lines]


def _created(era: Era, start: int, rows: Rows) -> list[str]:
    """Return the texts of created_at: quick where the time lies in the hour, slow for the late ones."""
    text = created_text(era, start)
    head, tail = text[:14], text[19:]
    return [
        f"{head}{_MINUTES[offset]}{tail}" if offset >= 0 else created_text(era, start + offset)
        for offset in (rows.seconds - start).tolist()
    ]


def created_text(era: Era, second: int) -> str:
    """Return a Unix time as created_at has it in an era."""
    return datetime.fromtimestamp(second, _OLD_ZONE).isoformat() if era == Era.OLD else zulu(second)
