"""Processes that outlive the command which starts them: each in a session of its own, with a record that tells it from a later one with its number."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from catalog.local_files import write_whole
from lakehouse.stack.server import Launch

STOP_TIMEOUT_S = 30.0
POLL_S = 0.1
START_TIME_TOLERANCE_S = 2.0
HANDED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "TZ")
# A process that is ours says so in its environment, and so do its children: none is left behind for want of a record.
MARK = "OSSLAKE_STACK_FOLDER"
_started: list[subprocess.Popen[bytes]] = []  # kept, so that one that ends while this process lives is reaped


@dataclass(frozen=True)
class Record:
    """Which process a server is.

    Attributes:
        pid: its number.
        started_at: when it was started, in seconds since 1970; two processes never share both.
        launch: hash of its command and environment.
        stop_signal: what asks it to end.
    """

    pid: int
    started_at: float
    launch: str
    stop_signal: int


def read_record(file: Path) -> Record | None:
    """Return the record in a file; None if there is none that can be read."""
    try:
        return Record(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def launch_hash(launch: Launch) -> str:
    """Return what tells one way of starting a server from another."""
    said = [*launch.command, *(f"{name}={value}" for name, value in sorted(launch.environment.items()))]
    return hashlib.sha256("\0".join(said).encode()).hexdigest()[:16]


def start_process(launch: Launch, folder: Path, log: Path, record: Path) -> None:
    """Start a process and record it; the log of the one before is kept as `.1`.

    Raises:
        OSError: the program can't be started.
    """
    handed_on = {name: value for name, value in os.environ.items() if launch.inherits_environment or name in HANDED_ON}
    account = pwd.getpwnam(launch.user) if launch.user else None
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            launch.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=handed_on | launch.environment | {MARK: str(folder)},
            cwd=folder if account is None else "/",
            start_new_session=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=() if account else None,
        )
    _started.append(process)
    made = Record(process.pid, psutil.Process(process.pid).create_time(), launch_hash(launch), int(launch.stop_signal))
    write_whole(record, json.dumps(asdict(made)).encode())


def find_process(record: Record | None) -> psutil.Process | None:
    """Return the recorded process if it lives; another one with its number is not it."""
    if record is None:
        return None
    try:
        process = psutil.Process(record.pid)
        is_same = abs(process.create_time() - record.started_at) < START_TIME_TOLERANCE_S
        return process if is_same and _is_alive(process) else None
    except psutil.Error:
        return None


def family(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and all that descend from it."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]


def descendants(process: psutil.Process) -> list[list[str]]:
    """Return the command lines of all processes that descend from one."""
    found = []
    for one in family(process)[1:]:
        with contextlib.suppress(psutil.Error):
            found.append(one.cmdline())
    return found


def stop_process(file: Path) -> None:
    """End the recorded process and its children: asked first, killed after 30 s; the record goes with it."""
    record = read_record(file)
    process = find_process(record)
    if record and process:
        members = family(process)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(record.stop_signal)
        kill_all(_wait_until_gone(members))
    file.unlink(missing_ok=True)


def kill_all(processes: list[psutil.Process]) -> None:
    """Kill what does not end by itself."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _wait_until_gone(processes)


def _wait_until_gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Wait for processes to end, 30 s at most; return those that live."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while (alive := [one for one in processes if _is_alive(one)]) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return alive


def _is_alive(process: psutil.Process) -> bool:
    """Return whether a process runs; one that ended, but whose parent has not asked how, does not."""
    for started in _started:
        started.poll()
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def marked_processes(folder: Path) -> list[psutil.Process]:
    """Return all processes that were started for a stack, recorded or not."""
    return [process for process in psutil.process_iter() if _mark_of(process) == str(folder)]


def _mark_of(process: psutil.Process) -> str | None:
    try:
        mark: str | None = process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None
    return mark


def memory_bytes(process: psutil.Process) -> int:
    """Return what a process and its children hold; memory that they share is counted for each."""
    total = 0
    for one in family(process):
        with contextlib.suppress(psutil.Error):
            total += one.memory_info().rss
    return total
