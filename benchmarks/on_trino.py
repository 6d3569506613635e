"""(h) On Trino: bytes that one more day reads and writes after 30 and after 365 days; a full build of 2M events beside the embedded one.

    .venv/bin/python benchmarks/on_trino.py [--events-a-year 1000000] [--only day|full]

Each lake gets a stack of its own (`osslake stack`: SeaweedFS, PostgreSQL, Trino's coordinator working alone), which is gone after it. Bytes are
Trino's own statistics of each query: physical input, table by table, and physical output; they don't depend on how busy the machine is.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from harness import (
    DAYS_A_YEAR,
    World,
    build_lake,
    fresh_folder,
    in_own_process,
    judge,
    make_world,
    name_sources,
    run_lake,
    say,
    say_head,
    say_steps,
    size,
)

POLL_S = 3.0
STATES = ("int_push_commits", "int_first_contributions")
SHOWN_TABLES = 12


@dataclass
class Statistics:
    """What Trino says of the queries of one run.

    Attributes:
        queries: how many there were.
        cpu_s: seconds of CPU of all of them.
        read: bytes read from storage, by table.
        written: bytes written to storage, by table.
    """

    queries: int = 0
    cpu_s: float = 0.0
    read: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)

    def add(self, query: dict[str, Any]) -> None:
        """Count a query that has ended."""
        told = query["queryStats"]
        self.queries += 1
        self.cpu_s += _seconds(told["totalCpuTime"])
        tables = {(int(one["fragmentId"]), one["planNodeId"]): _model(one["table"]) for one in query["inputs"]}
        for operator in told["operatorSummaries"]:
            if table := tables.get((operator["stageId"], operator.get("sourceId"))):
                self.read[table] += _bytes(operator["physicalInputDataSize"])
        rest = _bytes(told["physicalInputDataSize"]) - sum(
            _bytes(one["physicalInputDataSize"]) for one in told["operatorSummaries"] if (one["stageId"], one.get("sourceId")) in tables
        )
        self.read["(metadata tables)"] += max(0, rest)
        if query.get("output"):
            self.written[_model(query["output"]["table"])] += _bytes(told["physicalWrittenDataSize"])


def _bytes(text: str) -> int:
    return int(text.removesuffix("B"))


def _seconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(ns|us|ms|s|m|h|d)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


def _model(table: str) -> str:
    """Return a table's name without schema and fingerprint: `intermediate__int_artifacts__976980725` is `int_artifacts`."""
    found = re.fullmatch(r"(?:staging|intermediate|marts)__(.+)__\d+", table)
    return found[1] if found else table


@contextmanager
def watched(port: int) -> Iterator[Statistics]:
    """Collect the statistics of all queries that end while the body runs; a coordinator forgets them after a while."""
    statistics, seen, is_over = Statistics(), set(_ended(port)), threading.Event()

    def look() -> None:
        for query in set(_ended(port)) - seen:
            seen.add(query)
            statistics.add(_asked(port, f"/v1/query/{query}"))

    def watch() -> None:
        while not is_over.wait(POLL_S):
            look()

    watcher = threading.Thread(target=watch, name="queries")
    watcher.start()
    try:
        yield statistics
    finally:
        is_over.set()
        watcher.join()
        look()


def _ended(port: int) -> list[str]:
    return [one["queryId"] for one in _asked(port, "/v1/query") if one["state"] in ("FINISHED", "FAILED")]


def _asked(port: int, path: str) -> Any:
    with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers={"X-Trino-User": "osslake"}), timeout=60) as answer:
        return json.load(answer)


@contextmanager
def lake_on_stack(name: str) -> Iterator[tuple[Path, str, int]]:
    """Start a stack; yield an empty folder for a lake, the head of its settings file, and Trino's port."""
    from catalog.settings import Settings, StackSettings
    from lakehouse.stack import open_site, start_stack, stop_stack
    from lakehouse.stack.connection import as_toml

    folder = fresh_folder(name)
    (folder / "lake").mkdir()
    stack = StackSettings(folder=folder / "stack", coordinator_heap="6G")
    site = open_site(folder / "lake", Settings(folder=folder / "lake", stack=stack))
    try:
        start_stack(site, 0, lambda _: None)
        yield folder / "lake", as_toml(site), stack.trino_port
    finally:
        stop_stack(site, lambda _: None)


def run(lake: Path, head: str, world: World, days: int, port: int) -> tuple[Any, Statistics]:
    """Run a lake on the world's first days; return what the run measured, and what Trino says of it."""
    name_sources(lake, world, days)
    settings = lake / "osslake.toml"
    settings.write_text(f"{head}\n{settings.read_text()}")
    with watched(port) as statistics:
        done = in_own_process(run_lake, lake)
    return done, statistics


def say_statistics(what: str, found: Statistics) -> None:
    """Print what a run's queries read and wrote, the largest tables by name."""
    say(
        f"  {what}: {found.queries} queries, {found.cpu_s:.0f} s of Trino's CPU, read {size(found.read.total())}, written {size(found.written.total())}"
    )
    for word, counted in (("read", found.read), ("written", found.written)):
        say(f"    {word}: " + ", ".join(f"{table} {count / 1e6:.2f}" for table, count in counted.most_common(SHOWN_TABLES)) + " (MB)")


def one_more_day(days: int, events_a_year: int, projects: int) -> Statistics:
    """Return what one more day reads and writes after so many days."""
    world = make_world(round(events_a_year / DAYS_A_YEAR * (days + 1)), days + 1, projects)
    with lake_on_stack(f"trino-{days}-days") as (lake, head, port):
        built, _ = run(lake, head, world, days, port)
        say_steps(f"full build, {days} days", built)
        more, statistics = run(lake, head, world, days + 1, port)
        if more.result["is_full"]:
            raise RuntimeError("the day led to a full build, which is not what is measured")
        say_steps(f"one more day on {days}", more)
    say_statistics(f"one more day on {days}", statistics)
    return statistics


def full_build(events: int, days: int, projects: int, reuse: bool) -> None:
    """Print the seconds of a full build on Trino beside those of the embedded one."""
    world = make_world(events, days, projects)
    _, embedded_s = build_lake(world, days, reuse=reuse)
    with lake_on_stack("trino-full") as (lake, head, port):
        built, statistics = run(lake, head, world, days, port)
    say_steps(f"full build of {events:,} events on Trino", built)
    say_statistics("full build", statistics)
    say(f"Trino / embedded: {built.seconds:.1f} s / {embedded_s:.1f} s = {built.seconds / embedded_s:.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events-a-year", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, nargs=2, default=(30, 365), metavar=("SHORT", "LONG"))
    parser.add_argument("--events", type=int, default=2_000_000, help="of the full build, over 30 days")
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--only", choices=("day", "full"))
    parser.add_argument("--reuse", action="store_true", help="take the embedded lake that an earlier run left")
    asked = parser.parse_args()
    say_head(
        f"on Trino: one more day after {asked.days[0]} and {asked.days[1]} days, {round(asked.events_a_year / DAYS_A_YEAR):,} events a day"
    )
    if asked.only != "full":
        short, long = (one_more_day(days, asked.events_a_year, asked.projects) for days in asked.days)
        for word in ("read", "written"):
            before, after = ({t: c for t, c in getattr(one, word).items() if t not in STATES} for one in (short, long))
            judge(
                f"bytes {word} on {asked.days[1]} / on {asked.days[0]}, without the states",
                sum(after.values()) / sum(before.values()),
                1.3,
                at_most=True,
            )
            for state in STATES:
                say(f"  {state}: {size(getattr(short, word)[state])} and {size(getattr(long, word)[state])}")
    if asked.only != "day":
        full_build(asked.events, 30, asked.projects, asked.reuse)


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    say(f"{time.perf_counter() - started:.0f} s in all")
