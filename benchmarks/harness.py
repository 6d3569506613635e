"""What the benchmarks share: worlds and lakes kept in a folder, work in a process of its own, medians, ratios, one way to print.

Worlds (and lakes, where a benchmark says so) are kept in the folder OSSLAKE_BENCH_DIR, default `.bench/` in the repository.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START = date(2024, 1, 1)
SEED = 7
DAYS_A_YEAR = 365
SHOWN_VERSIONS = ("duckdb", "pyiceberg", "pyarrow", "dlt", "sqlmesh")
OSSLAKE = str(Path(sys.executable).parent / "osslake")


def bench_dir() -> Path:
    """Return the folder of all that benchmarks keep, made where it isn't there."""
    folder = Path(os.environ.get("OSSLAKE_BENCH_DIR") or ROOT / ".bench")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def fresh_folder(name: str) -> Path:
    """Return an empty folder under `work/`."""
    folder = bench_dir() / "work" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@dataclass(frozen=True)
class World:
    """A generated world of `days` days from START."""

    folder: Path
    days: int

    @property
    def hours(self) -> Path:
        """Folder of the hour files."""
        return self.folder / "gharchive"

    @property
    def notes(self) -> dict[str, Any]:
        """What world.json says."""
        found: dict[str, Any] = json.loads((self.folder / "world.json").read_text())
        return found


def make_world(events: int, days: int, projects: int) -> World:
    """Return the world of this size, written now if it isn't kept from before."""
    folder = bench_dir() / "worlds" / f"{events}-events-{days}-days-{projects}-projects"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        say(f"writing a world of {events:,} events over {days} days")
        in_own_process(_write_world, unfinished, events, days, projects)
        unfinished.rename(folder)
    return World(folder, days)


def _write_world(folder: Path, events: int, days: int, projects: int) -> None:
    from ingest.world import WorldSettings, write_world

    write_world(folder, WorldSettings(events=events, days=days, seed=SEED, projects=projects, start=START))


def day_after(days: int) -> str:
    """Return the hour at which so many days from START end, such as 2024-01-31T00."""
    return f"{START + timedelta(days=days)}T00"


def name_sources(lake: Path, world: World, days: int, *, history: bool = True, git: bool = True) -> None:
    """Write a lake's settings file: the world's first days, its directory (a copy in the lake, which may be changed), its clones."""
    lake.mkdir(parents=True, exist_ok=True)
    if not (lake / "oss-directory").exists():
        shutil.copytree(world.folder / "oss-directory", lake / "oss-directory", symlinks=True)
    text = f'[[sources.oss_directory]]\naddress = "oss-directory"\nhistory = {str(history).lower()}\n'
    text += f'[[sources.gharchive]]\naddress = "{world.hours}"\nfrom = "{day_after(0)}"\nto = "{day_after(days)}"\n'
    text += f'[[sources.git]]\naddress = "{world.folder}/git/*.git"\n' if git else ""
    (lake / "osslake.toml").write_text(text)


@dataclass(frozen=True)
class Measured:
    """Work that was done in a process of its own: its result, its seconds, the process's largest resident size."""

    result: Any
    seconds: float
    peak_bytes: int


def in_own_process(work: Callable[..., Any], *arguments: Any) -> Measured:
    """Run a function of a module in a new interpreter.

    The seconds are those that the function gives as a `Timed` result (so that its imports stay outside), else its whole time.

    Raises:
        RuntimeError: the process ended otherwise than by returning.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(sender, work, arguments))
    process.start()
    sender.close()
    try:
        measured: Measured = receiver.recv()
    except EOFError:
        measured = None  # type: ignore[assignment]
    process.join()
    if measured is None or process.exitcode:
        raise RuntimeError(f"{work.__name__} ended with exit code {process.exitcode}; its own words stand above")
    return measured


@dataclass(frozen=True)
class Timed:
    """A result and the seconds that count."""

    result: Any
    seconds: float


def _report(sender: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    started = time.perf_counter()
    result = work(*arguments)
    seconds = time.perf_counter() - started
    if isinstance(result, Timed):
        result, seconds = result.result, result.seconds
    sender.send(Measured(result, seconds, peak_bytes()))


def peak_bytes() -> int:
    """Return this process's largest resident size.

    On Linux from its own status: what `resource` says there begins with the size of the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run_lake(lake: Path) -> Timed:
    """Do what `osslake run` does, in this process; start-up (imports, opening models) is counted apart.

    The result is a dict: seconds of `startup` and of each step; `is_full`, `restated_days`; `written` partitions; the release's id.
    """
    started = time.perf_counter()
    import dlt  # noqa: F401
    import pyiceberg.catalog.sql  # noqa: F401
    import sqlmesh  # noqa: F401

    import lakehouse.releases  # noqa: F401
    from catalog.settings import load_settings
    from lakehouse import run, transform

    settings = load_settings(lake)
    imported = time.perf_counter() - started
    opening = 0.0
    open_models = transform.open_models

    def timed_open_models(*given: Any) -> Any:
        nonlocal opening
        began = time.perf_counter()
        try:
            return open_models(*given)
        finally:
            opening += time.perf_counter() - began

    transform.open_models = timed_open_models
    marks: list[tuple[str, float]] = []
    began = time.perf_counter()
    summary = run.run_all(settings, step=lambda name: marks.append((name, time.perf_counter())))
    ended = time.perf_counter()
    ends = [mark for _, mark in marks[1:]] + [ended]
    steps = {name: end - mark for (name, mark), end in zip(marks, ends, strict=True)}
    steps["transform"] -= opening
    done, tables, outcome = summary.transformed, summary.tables, summary.release
    noted = {"startup": imported + opening, "steps": steps, "is_full": done.is_full, "restated_days": done.restated_days}
    noted |= {"written": sum(len(months) for months in tables.tables.values()), "release": outcome.release.id}
    return Timed(noted, ended - began - opening)


def build_lake(world: World, days: int, *, reuse: bool = False) -> tuple[Path, float]:
    """Build the lake of a world's first days; return its folder and the seconds of the build.

    Args:
        world: the world.
        days: how many of its days.
        reuse: take the lake that an earlier run left, with the seconds noted then.
    """
    lake = bench_dir() / "lakes" / f"{world.folder.name}-first-{days}-days"
    note = lake / "build.json"
    if reuse and note.exists():
        say(f"the lake of {days} days is kept from before")
        return lake, float(json.loads(note.read_text())["seconds"])
    shutil.rmtree(lake, ignore_errors=True)
    name_sources(lake, world, days)
    say(f"building the lake of {days} days")
    built = in_own_process(run_lake, lake)
    say_steps(f"full build, {days} days", built)
    note.write_text(json.dumps({"seconds": built.seconds, "steps": built.result["steps"], "peak_bytes": built.peak_bytes}))
    return lake, built.seconds


def copy_lake(lake: Path, name: str) -> Path:
    """Return a copy of a lake under `work/`."""
    folder = fresh_folder(name)
    shutil.copytree(lake, folder, dirs_exist_ok=True, symlinks=True)
    return folder


def table_files(lake: Path, table: str) -> list[str]:
    """Return the local paths of a released table's data files (`marts.events_v1`)."""
    from catalog.bucket import bucket_key, open_bucket
    from catalog.releases import read_release
    from catalog.settings import load_settings

    settings = load_settings(lake)
    bucket, release = open_bucket(settings), read_release(settings)
    found = next(one for one in release.tables if one.full_name == table)
    return [bucket.location(bucket_key(release.document.dataset, file.path)) for file in found.data_files]


@contextmanager
def served(lake: Path, port: int) -> Iterator[str]:
    """Run `osslake serve` on a lake, without limits by client and without a line for each request; yield its address."""
    import httpx

    address = f"http://127.0.0.1:{port}"
    free = {f"OSSLAKE_SERVE__LIMITS__{name}": "0" for name in ("REQUESTS_PER_S", "FILES_PER_S", "COST_PER_MINUTE")}
    environment = os.environ | free | {"OSSLAKE_SERVE__ACCESS_LOG": "false"}
    process = subprocess.Popen([OSSLAKE, "--lake", str(lake), "serve", "--port", str(port)], stdout=subprocess.DEVNULL, env=environment)
    try:
        for _ in range(3_000):  # the first replica is made before it listens
            try:
                if httpx.get(f"{address}/healthz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        else:
            raise RuntimeError(f"{address} did not answer within 300 s")
        yield address
    finally:
        process.terminate()
        process.wait(30)


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def say_head(title: str) -> None:
    """Print what is measured, when, on what, with which versions."""
    said = ", ".join(f"{name} {version(name)}" for name in SHOWN_VERSIONS)
    say(f"== {title}")
    say(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, {said}"
    )


def say_steps(what: str, measured: Measured) -> None:
    """Print the seconds of a run of a lake, step by step, start-up apart."""
    steps = ", ".join(f"{name} {seconds:.2f}" for name, seconds in measured.result["steps"].items())
    say(
        f"  {what}: {measured.seconds:.2f} s ({steps}); start-up apart {measured.result['startup']:.2f} s; peak {size(measured.peak_bytes)}"
    )


def size(count: int) -> str:
    """Return bytes in MB."""
    return f"{count / 1e6:,.0f} MB"


def judge(what: str, value: float, limit: float, *, at_most: bool, unit: str = "x") -> None:
    """Print a figure beside its target."""
    is_met = value <= limit if at_most else value >= limit
    say(f"{what}: {value:.3f}{unit} (target {'<=' if at_most else '>='} {limit:g}{unit}: {'met' if is_met else 'MISSED'})")
