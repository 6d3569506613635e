"""Named crash points: places where tests kill the process, to show that a run again gives the same.

`OSSLAKE_CRASH_AT=load.commit:2` in the environment kills the process (SIGKILL) when it comes to the point `load.commit` for the second time.
Without the variable a point costs a dictionary look-up.
"""

from __future__ import annotations

import os
import signal

CRASH_VARIABLE = "OSSLAKE_CRASH_AT"
_visits: dict[str, int] = {}


def crash_point(name: str) -> None:
    """Die here, as by kill -9, if the environment asks for it."""
    wanted = os.environ.get(CRASH_VARIABLE)
    if not wanted:
        return
    point, _, visit = wanted.partition(":")
    _visits[name] = _visits.get(name, 0) + 1
    if point == name and _visits[name] == int(visit or 1):
        os.kill(os.getpid(), signal.SIGKILL)
