"""Processes of the stack: what is started, recognised, and stopped."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from lakehouse.stack import processes
from lakehouse.stack.processes import Record, find_process, kill_all, marked_processes, read_record, start_process, stop_process
from lakehouse.stack.server import Launch

STUBBORN = "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); subprocess.Popen([sys.executable, '-c', {!r}]); {}"
SLEEP = "import time; print('up', flush=True); time.sleep(600)"


def _start(folder: Path, program: str, **environment: str) -> Path:
    record = folder / "one.json"
    start_process(Launch((sys.executable, "-c", program), environment), folder, folder / "one.log", record)
    return record


def _record(file: Path) -> Record:
    record = read_record(file)
    assert record
    return record


def _wait_for(log: Path, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert text in log.read_text()


def test_a_started_process_is_found_and_stopped(tmp_path: Path) -> None:
    """It is in a session of its own, its words go to the log, and it ends when it is asked to."""
    file = _start(tmp_path, SLEEP)
    process = find_process(_record(file))
    assert process
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    _wait_for(tmp_path / "one.log", "up")
    stop_process(file)
    assert (find_process(_record_or_none(file)), file.exists(), psutil.pid_exists(process.pid)) == (None, False, False)


def _record_or_none(file: Path) -> Record | None:
    return read_record(file)


def test_a_later_process_with_the_number_is_not_ours(tmp_path: Path) -> None:
    """A record whose process ended leads to nobody, and stopping it harms nobody who has the number now."""
    file = _start(tmp_path, SLEEP)
    mine = _record(file)
    reused = replace(mine, started_at=mine.started_at - 60)
    file.write_text(json.dumps(asdict(reused)))
    assert find_process(reused) is None
    stop_process(file)
    ours = find_process(mine)
    assert ours
    kill_all([ours])


def test_what_ignores_the_question_is_killed_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that does not end when it is asked to is killed after a while, and so are its children."""
    monkeypatch.setattr(processes, "STOP_TIMEOUT_S", 1.0)
    file = _start(tmp_path, STUBBORN.format(SLEEP, SLEEP))
    process = psutil.Process(_record(file).pid)
    _wait_for(tmp_path / "one.log", "up\nup")
    family = [process, *process.children()]
    assert len(family) == 2
    stop_process(file)
    assert [one for one in family if psutil.pid_exists(one.pid) and one.status() != psutil.STATUS_ZOMBIE] == []


def test_a_process_without_a_record_is_found_by_its_mark(tmp_path: Path) -> None:
    """Where a kill came between start and record, the environment says whose it is."""
    file = _start(tmp_path, SLEEP)
    pid = _record(file).pid
    file.unlink()
    _wait_for(tmp_path / "one.log", "up")
    found = marked_processes(tmp_path)
    assert [one.pid for one in found] == [pid]
    kill_all(found)
    assert marked_processes(tmp_path) == []


def test_servers_see_only_what_is_meant_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the shell that would change a server do not reach it; its own do."""
    monkeypatch.setenv("PGDATA", "/elsewhere")
    file = _start(tmp_path, SLEEP, MEANT="for it")
    _wait_for(tmp_path / "one.log", "up")
    seen = psutil.Process(_record(file).pid).environ()
    assert (seen.get("MEANT"), "PGDATA" in seen, "PATH" in seen) == ("for it", False, True)
    stop_process(file)


def test_the_log_before_is_kept(tmp_path: Path) -> None:
    """A new start keeps the log of the one before."""
    (tmp_path / "one.log").write_text("before")
    stop_process(_start(tmp_path, SLEEP))
    assert (tmp_path / "one.log.1").read_text() == "before"


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}'])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    """A record that can't be read is as none."""
    (tmp_path / "one.json").write_text(text)
    assert read_record(tmp_path / "one.json") is None
