"""Named crash points: places where tests kill or stop the process, to show that a run again gives the same.

`OSSLAKE_CRASH_AT=load.commit:2` in the environment kills the process (SIGKILL) when it comes to the point `load.commit` for the second time;
`OSSLAKE_STOP_AT` stops it there (SIGSTOP), so that something else can be killed meanwhile. Without them a point costs two dictionary look-ups.
"""

from __future__ import annotations

import os
import signal

CRASH_VARIABLE = "OSSLAKE_CRASH_AT"
STOP_VARIABLE = "OSSLAKE_STOP_AT"
_visits: dict[str, int] = {}


def crash_point(name: str) -> None:
    """Die here, as by kill -9, or stand still, if the environment asks for it."""
    crash_at, stop_at = os.environ.get(CRASH_VARIABLE), os.environ.get(STOP_VARIABLE)
    if not (crash_at or stop_at):
        return
    _visits[name] = _visits.get(name, 0) + 1
    for wanted, number in ((crash_at, signal.SIGKILL), (stop_at, signal.SIGSTOP)):
        point, _, visit = (wanted or "").partition(":")
        if point == name and _visits[name] == int(visit or 1):
            os.kill(os.getpid(), number)
