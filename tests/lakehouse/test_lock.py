"""One run at a time on the embedded default: a file lock, which a process that stands still keeps."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from end_to_end.processes import LIMIT_S, queue, start

from catalog.errors import LakeBusyError
from catalog.settings import Settings
from lakehouse.lock import held, lake_lock


def _hold(settings: Settings, said: object) -> None:
    with lake_lock(settings, "run"):
        said.put(os.getpid())  # type: ignore[attr-defined]
        time.sleep(LIMIT_S)


def test_a_holder_that_stands_still_keeps_the_lake(tmp_path: Path) -> None:
    """A second run is refused, with who holds the lake since when, also while that process is stopped; killed, it holds it no more."""
    settings, said = Settings(folder=tmp_path), queue()
    holder = start(_hold, settings, said)
    try:
        pid = said.get(timeout=LIMIT_S)
        os.kill(pid, signal.SIGSTOP)
        with (
            pytest.raises(LakeBusyError, match=rf"held by `osslake run` \(process {pid} on .+\) since 20"),
            lake_lock(settings, "maintain"),
        ):
            pytest.fail("two hold the lake")
    finally:
        holder.kill()
        holder.join()
    with lake_lock(settings, "maintain"), held(settings).fenced():
        held(settings).check()


def test_a_note_that_can_not_be_read_is_another_run(tmp_path: Path) -> None:
    """A note that was cut off while it was written doesn't hide that the lake is held."""
    settings = Settings(folder=tmp_path)
    with lake_lock(settings, "run"):
        (settings.state / "lock.json").write_text('{"command": "r')
        with pytest.raises(LakeBusyError, match="is held by another run"), lake_lock(settings, "run"):
            pytest.fail("two hold the lake")
