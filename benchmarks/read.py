"""(d) DuckDB on the published Iceberg tables (`osslake serve`, iceberg extension) against read_parquet over the same files.

    .venv/bin/python benchmarks/read.py [--events 2000000] [--days 30]

Over HTTP both ways, from the same server; from the local folder too, for comparison. Each query runs in turn each way; counted is the
median of the warm runs (what DuckDB caches of files is cached for all), the first run of a fresh connection is printed beside it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import build_lake, judge, make_world, median, say, say_head, served, table_files

PORT = 8471
TABLES = (
    "raw.gharchive__events", "marts.events_v1", "marts.events_daily_v1", "marts.timeseries_metrics_by_artifact_v1", "marts.timeseries_metrics_by_project_v1",
)  # fmt: skip
QUERIES = {
    "events by type": "SELECT event_type, count(*), sum(amount) FROM {events_v1} GROUP BY 1 ORDER BY 1",
    "people by day": "SELECT CAST(time AS DATE) AS d, count(DISTINCT from_artifact_id) FROM {events_v1} GROUP BY 1 ORDER BY 1",
    "busiest artifacts": "SELECT to_artifact_id, sum(event_count) AS n FROM {events_daily_v1} GROUP BY 1 ORDER BY n DESC, 1 LIMIT 20",
    "one day": "SELECT event_type, sum(amount) FROM {events_daily_v1} WHERE bucket_date = DATE '2024-01-03' GROUP BY 1 ORDER BY 1",
    "series of a metric": "SELECT sample_date, sum(amount) FROM {timeseries_metrics_by_artifact_v1}"
    " WHERE metric_name = 'github_commits_daily' GROUP BY 1 ORDER BY 1",
    "all metrics": "SELECT metric_name, count(*), max(amount) FROM {timeseries_metrics_by_project_v1} GROUP BY 1 ORDER BY 1",
    "raw logins": "SELECT record_type, count(DISTINCT actor_login) FROM {gharchive__events} GROUP BY 1 ORDER BY 1",
}
Way = Callable[[], tuple[Any, dict[str, str]]]


def open_iceberg(address: str) -> tuple[Any, dict[str, str]]:
    """Attach the REST catalog; return the connection and what stands for each table in a query."""
    from catalog.duck import connect

    connection = connect(extensions=True)
    connection.execute(f"ATTACH 'osslake' AS lake (TYPE iceberg, ENDPOINT '{address}', AUTHORIZATION_TYPE 'none')")
    return connection, {table.partition(".")[2]: f"lake.{table}" for table in TABLES}


def open_files(files: dict[str, list[str]]) -> tuple[Any, dict[str, str]]:
    """Return a connection, and read_parquet over each table's files."""
    from catalog.duck import connect

    return connect(extensions=True), {table.partition(".")[2]: f"read_parquet({paths})" for table, paths in files.items()}


def measure(ways: dict[str, Way], repeats: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Return for each query and way the seconds of the first run and the median of the others; the answers must be equal."""
    measured: dict[str, dict[str, tuple[float, float]]] = {}
    for name, query in QUERIES.items():
        opened = {way: open_way() for way, open_way in ways.items()}
        answers: dict[str, Any] = {}
        runs: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(repeats + 1):
            for way, (connection, tables) in opened.items():
                began = time.perf_counter()
                answers[way] = connection.execute(query.format(**tables)).fetchall()
                runs[way].append(time.perf_counter() - began)
        if any(answer != answers["iceberg"] for answer in answers.values()) or not answers["iceberg"]:
            raise RuntimeError(f"{name}: the answers differ, or are empty")
        measured[name] = {way: (seconds[0], median(seconds[1:])) for way, seconds in runs.items()}
        for connection, _ in opened.values():
            connection.close()
    return measured


def measure_lake(lake: Path, port: int, repeats: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Serve a lake and measure."""
    from catalog.settings import load_settings

    settings = load_settings(lake)
    local = {table: table_files(lake, table) for table in TABLES}
    with served(lake, port) as address:
        root = str(settings.warehouse)
        remote = {table: [path.replace(root, f"{address}/{settings.dataset}", 1) for path in paths] for table, paths in local.items()}
        ways: dict[str, Way] = {
            "iceberg": lambda: open_iceberg(address),
            "parquet over http": lambda: open_files(remote),
            "local parquet": lambda: open_files(local),
        }
        return measure(ways, repeats)


def main() -> None:
    """Build or take a lake, serve it, and print each query's seconds and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--reuse", action="store_true")
    asked = parser.parse_args()
    world = make_world(asked.events, asked.days, asked.projects)
    lake, _ = build_lake(world, asked.days, reuse=asked.reuse)
    say_head(f"reading the lake of {asked.events:,} events over {asked.days} days")
    totals: dict[str, tuple[float, float]] = {}
    for name, ways in measure_lake(lake, asked.port, asked.repeats).items():
        said = "; ".join(f"{way} {warm * 1000:.1f} ms (first {first * 1000:.1f})" for way, (first, warm) in ways.items())
        say(f"  {name}: {said}; ratio {ways['iceberg'][1] / ways['parquet over http'][1]:.2f}x")
        for way, (first, warm) in ways.items():
            sums = totals.get(way, (0.0, 0.0))
            totals[way] = sums[0] + first, sums[1] + warm
    judge("iceberg / parquet over http, warm, all queries", totals["iceberg"][1] / totals["parquet over http"][1], 1.1, at_most=True)
    say(f"the same of first runs: {totals['iceberg'][0] / totals['parquet over http'][0]:.2f}x")
    say(f"warm, against local files: {totals['iceberg'][1] / totals['local parquet'][1]:.2f}x")


if __name__ == "__main__":
    main()
