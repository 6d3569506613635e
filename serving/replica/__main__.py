"""`python -m serving.replica`: make the replica of the newest release; the settings come pickled on standard input, secrets with them."""

from __future__ import annotations

import pickle
import sys
from dataclasses import asdict

from catalog.settings import Settings
from serving.logs import log
from serving.replica.keeper import NOTHING_MADE, UNREADABLE, make_replica


def main() -> int:
    """Make it, and log one line on standard error; exit code 1 where it can't be made, 3 where there is nothing to make."""
    settings = Settings(**pickle.load(sys.stdin.buffer))  # noqa: S301 - from the server's own process, which is the only one that can write here
    try:
        summary = make_replica(settings)
    except UNREADABLE as error:
        log("replica.failed", error=str(error))
        return 1
    if summary is None:
        return NOTHING_MADE
    log("replica.made", **asdict(summary))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
