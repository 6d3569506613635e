"""(g) What a lake of any size costs, from the lakes that other benchmarks left: coefficients at each size, and what follows for a target size.

    .venv/bin/python benchmarks/scale.py [--events-a-year 2000000000] [--readers-a-minute 1000]

Bytes, rows and files come from the release documents, times and memory from the notes of the builds; requests are counted against `osslake serve`
on this machine, with the client on the same cores. docs/scale.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import DAYS_A_YEAR, bench_dir, say, say_head, served

PORT = 18473
CLIENTS = 4
REQUESTS = 500
RANGE_BYTES = 1_000_000


@dataclass(frozen=True)
class LakeFigures:
    """What one lake measures."""

    folder: Path
    events: int
    days: int
    raw_bytes: int
    released_bytes: int
    rows: int
    files: int
    document_bytes: int
    engine_bytes: int
    steps: dict[str, float]
    peak_bytes: int


def figures(lake: Path) -> LakeFigures:
    """Read a lake's release and the note of its build."""
    from catalog.releases import read_release
    from catalog.settings import load_settings

    settings = load_settings(lake)
    release = read_release(settings)
    tables = {table.full_name: table for table in release.tables}
    note: dict[str, Any] = json.loads((lake / "build.json").read_text())
    hours = next(one for one in release.document.coverage if one.source == "gharchive")
    return LakeFigures(
        lake,
        tables["raw.gharchive__events"].row_count,
        round((hours.period_end - hours.period_start).total_seconds() / 86_400),
        sum(table.size_bytes for name, table in tables.items() if name.startswith("raw.")),
        sum(table.size_bytes for table in tables.values()),
        sum(table.row_count for table in tables.values()),
        sum(len(table.data_files) for table in tables.values()),
        (settings.warehouse / "releases" / f"{release.id}.json").stat().st_size,
        (settings.state / "lake.duckdb").stat().st_size,
        note.get("steps", {}),
        note.get("peak_bytes", 0),
    )


def say_coefficients(lakes: list[LakeFigures]) -> None:
    """Print what an event costs at each size."""
    say(
        f"{'events':>12} {'days':>5} {'raw B':>6} {'released B':>10} {'rows':>5} {'DuckDB B':>8} {'files':>6} {'B a file in the document':>25}"
        f" {'ingest us':>9} {'transform us':>12} {'publish us':>10} {'peak MB':>8}"
    )
    for lake in lakes:
        noted = (lake.steps.get(name) for name in ("ingest", "transform", "publish tables"))
        per = ["-" if seconds is None else f"{seconds / lake.events * 1e6:.1f}" for seconds in noted]
        say(
            f"{lake.events:>12,} {lake.days:>5} {lake.raw_bytes / lake.events:>6.0f} {lake.released_bytes / lake.events:>10.0f}"
            f" {lake.rows / lake.events:>5.1f} {lake.engine_bytes / lake.events:>8.0f} {lake.files:>6} {lake.document_bytes / lake.files:>25.0f}"
            f" {per[0]:>9} {per[1]:>12} {per[2]:>10} {lake.peak_bytes / 1e6:>8,.0f}"
        )


def say_target(lake: LakeFigures, events: int) -> None:
    """Print what so many events a year mean, by the coefficients of the largest lake."""
    factor = events / lake.events * lake.days / DAYS_A_YEAR
    rows_a_file = lake.rows / lake.files
    files = lake.rows * factor / rows_a_file
    say(f"{events:,} events a year, by the coefficients of {lake.events:,}:")
    say(
        f"  a day: {events / DAYS_A_YEAR:,.0f} events, raw {lake.raw_bytes * factor / DAYS_A_YEAR / 1e9:.2f} GB, ingest"
        f" {lake.steps.get('ingest', 0) * factor / DAYS_A_YEAR:,.0f} s"
    )
    say(
        f"  a year: raw {lake.raw_bytes * factor / 1e9:,.0f} GB, released {lake.released_bytes * factor / 1e9:,.0f} GB,"
        f" DuckDB's file {lake.engine_bytes * factor / 1e9:,.0f} GB"
    )
    say(
        f"  data files at today's {rows_a_file:,.0f} rows: {files:,.0f}; the release document then {files * lake.document_bytes / lake.files / 1e6:,.0f} MB"
    )
    for name in ("ingest", "transform", "publish tables"):
        say(f"  full build, {name}: {lake.steps.get(name, 0) * factor / 3600:,.1f} h on this machine")
    say(f"  memory of a full build on DuckDB, were it linear: {lake.peak_bytes * factor / 1e9:,.0f} GB")


def say_requests(lake: LakeFigures, readers_a_minute: int) -> None:
    """Count requests that `osslake serve` answers in a second, of a table's document and of ranges of a data file."""
    import httpx

    from catalog.bucket import bucket_key
    from catalog.releases import read_release
    from catalog.settings import load_settings

    release = read_release(load_settings(lake.folder))
    largest = max((file for table in release.tables for file in table.data_files), key=lambda file: file.size_bytes)
    key = bucket_key(release.document.dataset, largest.path)
    with served(lake.folder, PORT) as address:
        prefix = httpx.get(f"{address}/v1/config").json()["overrides"]["prefix"]
        asked = {
            "a table's document": (f"{address}/v1/{prefix}/namespaces/marts/tables/events_v1", {}),
            "1 MB of a data file": (f"{address}/{release.document.dataset}/{key}", {"Range": f"bytes=0-{RANGE_BYTES - 1}"}),
        }
        for name, (url, headers) in asked.items():
            a_second = _requests_a_second(url, headers)
            times = a_second * 60 / readers_a_minute
            say(f"  {name}: {a_second:,.0f} requests a second, {times:,.0f} a minute for each of {readers_a_minute:,} readers")


def _requests_a_second(url: str, headers: dict[str, str]) -> float:
    import httpx

    def ask() -> None:
        with httpx.Client(headers=headers) as client:
            for _ in range(REQUESTS):
                client.get(url).raise_for_status()

    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        for asked in [pool.submit(ask) for _ in range(CLIENTS)]:
            asked.result()
    return CLIENTS * REQUESTS / (time.perf_counter() - started)


def main() -> None:
    """Print coefficients, and what they come to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events-a-year", type=int, default=2_000_000_000)
    parser.add_argument("--readers-a-minute", type=int, default=1_000)
    asked = parser.parse_args()
    say_head("what a lake of any size costs")
    folders = sorted((bench_dir() / "lakes").glob("*/build.json"))
    lakes = sorted((figures(note.parent) for note in folders), key=lambda one: one.events)
    if not lakes:
        raise SystemExit("no lake is kept yet: benchmarks/one_more_day.py and benchmarks/files_to_release.py leave some")
    say_coefficients(lakes)
    say_target(lakes[-1], asked.events_a_year)
    say_requests(lakes[0], asked.readers_a_minute)


if __name__ == "__main__":
    main()
