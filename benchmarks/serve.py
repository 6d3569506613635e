"""(j) The REST API beside Datasette and ROAPI on the same tables: requests a second, p50 and p99; how long its replica takes, also after one more day.

    .venv/bin/python benchmarks/serve.py --lake .bench/lakes/... [--seconds 8] [--connections 16] [--workers 2] [--only replica|load]

The load generator is `wrk` (a system's package), on the same machine, two threads. Each path is asked with many different questions in turn, so that no
answer is the one before; once as it comes, where a worker keeps answers for who asks the same (`serve.kept_answers_bytes`), and once with
none kept. Datasette reads an SQLite file with the same tables and with indexes for these questions; ROAPI reads the release's Parquet files.
Peers are installed into `peers/` of the benchmarks' folder. Who answers otherwise than with 2xx is told.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from harness import (
    OSSLAKE,
    bench_dir,
    copy_lake,
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

PEERS = ("datasette==0.65.5", "roapi==0.12.7")
PORTS = {"osslake": 8601, "datasette": 8602, "roapi": 8603}
QUESTIONS = 2_000
METRICS = (
    "github_commits_daily",
    "github_contributors_rolling_30_days",
    "github_stars_daily",
    "github_comments_daily",
    "github_commits_rolling_90_days",
    "github_forks_daily",
)
UNKEPT = "no answer kept"
ENGINE = "filtered list by the engine"
OTHERS = ("events of an actor", "single events of an artifact", "newest events of a type", "events of an amount")
"""Lists by other conditions; all but the first are read from the release's files. The goal's is that of an artifact's events by day."""
GOALS = {"series of a year": 2_500, "list of 50": 2_000, "If-None-Match": 5_000, ENGINE: 200, "six series of a project": 200}
GOALS_P99_MS = {"series of a year": 25, "list of 50": 25, ENGINE: 200}
EXPORT_BYTES_A_SECOND, EXPORT_MEMORY_BYTES = 100e6, 200e6
_SCRIPT = """
local paths, headers = {}, {}
for line in io.lines("%s") do paths[#paths + 1] = line end
%s
local place, failed = 0, 0
request = function()
  place = place %% #paths + 1
  return wrk.format("GET", paths[place], headers)
end
function setup(thread) thread:set("offset", 0) end
done = function(summary, latency)
  io.write(string.format("RESULT %%d %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.bytes, summary.errors.status + summary.errors.timeout + summary.errors.read + summary.errors.connect))
end
"""


@dataclass(frozen=True)
class Load:
    """What came of a load: answers a second, milliseconds, bytes a second, answers that weren't 2xx or 3xx."""

    rate: float
    p50_ms: float
    p99_ms: float
    bytes_a_second: float
    errors: int


def load(address: str, paths: list[str], seconds: int, connections: int, header: str = "") -> Load:
    """Ask questions in turn for some seconds."""
    folder = fresh_folder("wrk")
    (folder / "paths").write_text("\n".join(paths) + "\n")
    (folder / "load.lua").write_text(_SCRIPT % (folder / "paths", header))
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s", "-s", str(folder / "load.lua"), address]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", printed)
    if match is None:
        raise RuntimeError(f"wrk printed no result: {printed}")
    requests, duration_us, p50_us, p99_us, received, errors = map(int, match.groups())
    return Load(requests / duration_us * 1e6, p50_us / 1e3, p99_us / 1e3, received / duration_us * 1e6, errors)


@contextlib.contextmanager
def running(name: str, command: list[str], path: str, environment: Mapping[str, str] = {}) -> Iterator[tuple[str, int]]:
    """Run a server; yield its address and process, when it answers at a path."""
    address = f"http://127.0.0.1:{PORTS[name]}"
    log = (fresh_folder(name) / "log").open("wb")
    free = {f"OSSLAKE_SERVE__LIMITS__{limit}": "0" for limit in ("REQUESTS_PER_S", "FILES_PER_S", "COST_PER_MINUTE")}
    process = subprocess.Popen(
        command, stdout=log, stderr=log, env=os.environ | free | {"OSSLAKE_SERVE__ACCESS_LOG": "false"} | environment
    )
    try:
        for _ in range(3_000):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(address + path, timeout=60).status_code == 200:
                    break
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}: {Path(log.name).read_text()[-500:]}")
            time.sleep(0.1)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(30)


def resident_bytes(pid: int) -> int:
    """Return the resident size of a process and its children."""
    import psutil

    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])


def peers() -> Path:
    """Return the folder of the peers' programs, installed now if they aren't there."""
    folder = bench_dir() / "peers"
    if not (folder / "bin" / "datasette").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *PEERS], check=True)
    return folder / "bin"


@dataclass(frozen=True)
class Entities:
    """What is asked for."""

    projects: list[tuple[str, str]]
    namespaces: list[str]
    artifacts: list[str]
    actors: list[str]
    event_types: list[str]
    metrics: list[str]


def read_entities(lake: Path) -> Entities:
    """Return projects (name, id) that have series, owners of artifacts, and metrics that there are."""
    from catalog.query import open_release
    from catalog.releases import read_release
    from catalog.settings import load_settings

    settings = load_settings(lake)
    with open_release(settings, read_release(settings), ("marts",)) as connection:
        projects = connection.execute(
            "SELECT project_name, project_id FROM projects_v1 WHERE project_id IN (SELECT project_id FROM timeseries_metrics_by_project_v1"
            f" WHERE metric_name = '{METRICS[0]}') ORDER BY 1"
        ).fetchall()
        owners = connection.execute(
            "SELECT DISTINCT artifact_namespace FROM artifacts_v1 WHERE artifact_namespace IS NOT NULL LIMIT 500"
        ).fetchall()
        artifacts = connection.execute("SELECT DISTINCT to_artifact_id FROM events_daily_v1 ORDER BY 1 LIMIT 500").fetchall()
        actors = connection.execute(
            "SELECT DISTINCT from_artifact_id FROM events_daily_v1 WHERE from_artifact_id IS NOT NULL ORDER BY 1 LIMIT 500"
        ).fetchall()
        types = connection.execute("SELECT DISTINCT event_type FROM events_daily_v1 ORDER BY 1").fetchall()
        metrics = [name for (name,) in connection.execute("SELECT metric_name FROM metrics_v1").fetchall()]
    return Entities(
        projects,
        [owner for (owner,) in owners],
        [artifact for (artifact,) in artifacts],
        [actor for (actor,) in actors],
        [event_type for (event_type,) in types],
        [name for name in METRICS if name in metrics],
    )


def export_tables(lake: Path, folder: Path) -> None:
    """Write the tables for the peers: an SQLite file with indexes, and one Parquet file each."""
    from catalog.query import open_release
    from catalog.releases import read_release
    from catalog.settings import load_settings

    settings = load_settings(lake)
    with (
        open_release(settings, read_release(settings), ("marts",)) as connection,
        contextlib.closing(sqlite3.connect(folder / "marts.db")) as target,
    ):
        for table, order in (("timeseries_metrics_by_project_v1", "project_id, metric_name, sample_date"), ("artifacts_v1", "artifact_id")):
            rows = connection.execute(f"SELECT * FROM {table} ORDER BY {order}").to_arrow_table()
            _write_parquet(rows, folder / f"{table}.parquet")
            names = rows.column_names
            target.execute(f"CREATE TABLE {table} ({', '.join(names)})")
            marks = ", ".join("?" * len(names))
            texts = [rows.column(name).cast("string") if "date" in name or name.endswith("_at") else rows.column(name) for name in names]
            target.executemany(f"INSERT INTO {table} VALUES ({marks})", zip(*(column.to_pylist() for column in texts), strict=True))
        target.execute("CREATE INDEX by_series ON timeseries_metrics_by_project_v1 (project_id, metric_name, sample_date)")
        target.execute("CREATE INDEX by_owner ON artifacts_v1 (artifact_namespace)")
        target.execute("CREATE INDEX by_id ON artifacts_v1 (artifact_id)")
        target.commit()


def _write_parquet(rows: Any, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(rows, path, compression="zstd", row_group_size=100_000)


def pairs_of(entities: Entities) -> list[tuple[str, str, str]]:
    """Return metric, project's name and id of the series that are asked for, in turn."""
    count = len(entities.metrics)
    places = ((turn % count, turn // count % len(entities.projects)) for turn in range(QUESTIONS))
    return [(entities.metrics[metric], *entities.projects[project]) for metric, project in places]


def our_questions(address: str, entities: Entities, from_day: str) -> dict[str, list[str]]:
    """Return paths of the REST API by what they ask."""
    six = ",".join(entities.metrics)
    return {
        "series of a year": [f"/v1/series?metric={metric}&project={name}&from={from_day}" for metric, name, _ in pairs_of(entities)],
        "list of 50": walked_pages(address, "/v1/artifacts?limit=50"),
        "first list of 50": ["/v1/artifacts?limit=50"],
        "filtered list": [f"/v1/artifacts?artifact_namespace=eq.{quote(owner)}" for owner in entities.namespaces],
        ENGINE: [f"/v1/events/daily?to_artifact_id=eq.{one}&order=bucket_date.desc" for one in entities.artifacts],
        **dict(
            zip(
                OTHERS,
                (
                    [f"/v1/events/daily?from_artifact_id=eq.{one}&order=bucket_date.desc" for one in entities.actors],
                    [f"/v1/events?to_artifact_id=eq.{one}&order=time.desc" for one in entities.artifacts],
                    [f"/v1/events/daily?event_type=eq.{one}&order=bucket_date.desc" for one in entities.event_types],
                    [f"/v1/events/daily?amount=gte.{amount}&order=bucket_date.desc" for amount in range(1, 6)],
                ),
                strict=True,
            )
        ),
        "six series of a project": [f"/v1/series?metric={six}&project={name}&from={from_day}" for name, _ in entities.projects],
    }


def walked_pages(address: str, path: str, count: int = 300) -> list[str]:
    """Return the paths of the first pages of a list."""
    found = [path]
    while len(found) < count and (following := httpx.get(address + found[-1]).json()["next"]):
        found.append(following)
    return found


def their_questions(entities: Entities) -> dict[str, dict[str, list[str]]]:
    """Return paths of the peers by what they ask."""
    pairs = pairs_of(entities)
    ids = [f"{count % 256:02x}{count // 256:x}" for count in range(QUESTIONS)]
    return {
        "datasette": {
            "series of a year": [
                f"/marts/timeseries_metrics_by_project_v1.json?project_id={project}&metric_name={metric}&_size=365&_shape=array&_sort=sample_date"
                for metric, _, project in pairs
            ],
            "list of 50": [f"/marts/artifacts_v1.json?_size=50&_shape=array&_sort=artifact_id&artifact_id__gte={one}" for one in ids],
            "first list of 50": ["/marts/artifacts_v1.json?_size=50&_shape=array"],
            "filtered list": [
                f"/marts/artifacts_v1.json?artifact_namespace={quote(owner)}&_size=50&_shape=array" for owner in entities.namespaces
            ],
        },
        "roapi": {
            "series of a year": [
                f"/api/tables/timeseries_metrics_by_project_v1?filter[project_id]='{project}'&filter[metric_name]='{metric}'&limit=365"
                for metric, _, project in pairs
            ],
            "list of 50": ["/api/tables/artifacts_v1?limit=50"],
            "first list of 50": ["/api/tables/artifacts_v1?limit=50"],
            "filtered list": [
                f"/api/tables/artifacts_v1?filter[artifact_namespace]='{quote(owner)}'&limit=50" for owner in entities.namespaces
            ],
        },
    }


def show(name: str, who: str, found: Load) -> None:
    """Print a load."""
    wrong = f", {found.errors} not answered" if found.errors else ""
    say(
        f"  {name}, {who}: {found.rate:,.0f}/s, p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms, {size(int(found.bytes_a_second))}/s{wrong}"
    )


def measure_unkept(lake: Path, entities: Entities, asked: argparse.Namespace) -> dict[str, Load]:
    """Load a server that keeps no answers with each question; print and return what came of it."""
    found: dict[str, Load] = {}
    command = [OSSLAKE, "--lake", str(lake), "serve", "--port", str(PORTS["osslake"]), "--workers", str(asked.workers)]
    with running("osslake", command, "/v1/metrics?limit=1", {"OSSLAKE_SERVE__KEPT_ANSWERS_BYTES": "0"}) as (address, _):
        for name, paths in our_questions(address, entities, asked.first_day).items():
            found[name] = load(address, paths, asked.seconds, asked.connections)
            show(name, f"osslake, {UNKEPT}", found[name])
    return found


def measure_ours(lake: Path, entities: Entities, asked: argparse.Namespace) -> dict[str, Load]:
    """Load the REST API with each question; print and return what came of it."""
    found: dict[str, Load] = {}
    started = time.perf_counter()
    command = [OSSLAKE, "--lake", str(lake), "serve", "--port", str(PORTS["osslake"]), "--workers", str(asked.workers)]
    with running("osslake", command, "/v1/metrics?limit=1") as (address, pid):
        say(f"  start: {time.perf_counter() - started:.1f} s, {size(resident_bytes(pid))} resident")
        questions = our_questions(address, entities, asked.first_day)
        for name, paths in questions.items():
            found[name] = load(address, paths, asked.seconds, asked.connections)
            show(name, "osslake", found[name])
        path = questions["series of a year"][0]
        etag = httpx.get(address + path, headers={"Accept-Encoding": "identity"}).headers["etag"]
        found["If-None-Match"] = load(address, [path], asked.seconds, asked.connections, f"headers[\"If-None-Match\"] = '{etag}'")
        show("If-None-Match", "osslake", found["If-None-Match"])
        for kind in ("arrow", "ndjson", "csv"):
            before, at = resident_bytes(pid), time.perf_counter()
            path, plain = f"{address}/v1/datasets/marts.timeseries_metrics_by_project_v1/rows.{kind}", {"Accept-Encoding": "identity"}
            with httpx.stream("GET", path, headers=plain, timeout=600) as answer:
                received = sum(len(chunk) for chunk in answer.iter_raw())
            seconds = time.perf_counter() - at
            grown = max(resident_bytes(pid) - before, 0)
            say(f"  export as {kind}: {size(received)} in {seconds:.1f} s, {size(int(received / seconds))}/s; memory grew by {size(grown)}")
            judge(f"export as {kind}, of the goal of 100 MB/s", received / seconds / EXPORT_BYTES_A_SECOND, 1, at_most=False)
            judge(f"export as {kind}, memory of the goal of 200 MB", grown / EXPORT_MEMORY_BYTES, 1, at_most=True)
        say(f"  in the end: {size(resident_bytes(pid))} resident, {asked.workers} workers")
    return found


def measure_peers(folder: Path, entities: Entities, asked: argparse.Namespace) -> dict[str, dict[str, Load]]:
    """Load the peers with each question; print and return what came of it."""
    programs = peers()
    tables = [f"{table}={folder / f'{table}.parquet'}" for table in ("timeseries_metrics_by_project_v1", "artifacts_v1")]
    commands = {
        "datasette": [
            str(programs / "datasette"),
            "serve",
            "-i",
            str(folder / "marts.db"),
            "-p",
            str(PORTS["datasette"]),
            "--setting",
            "max_returned_rows",
            "1000",
        ],
        "roapi": [
            str(programs / "roapi"),
            "--addr-http",
            f"127.0.0.1:{PORTS['roapi']}",
            *(part for table in tables for part in ("--table", table)),
        ],
    }
    paths = {"datasette": "/marts.json", "roapi": "/api/schema"}
    found: dict[str, dict[str, Load]] = {}
    for who, questions in their_questions(entities).items():
        found[who] = {}
        with running(who, commands[who], paths[who]) as (address, pid):
            for name, asked_paths in questions.items():
                found[who][name] = load(address, asked_paths, asked.seconds, asked.connections)
                show(name, who, found[who][name])
            say(f"  {who} in the end: {size(resident_bytes(pid))} resident")
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", type=Path, required=True, help="one that another benchmark left")
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", choices=("replica", "load"))
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: `apt-get install wrk`")
    lake = copy_lake(asked.lake, "serve")
    shutil.rmtree(lake / "state" / "serving", ignore_errors=True)
    say_replica("replica", lake)
    if asked.only != "replica":
        measure_load(lake, asked)
    if asked.only != "load":
        add_a_day(lake, asked.lake.name)
        say_replica("replica after one more day", lake)


def measure_load(lake: Path, asked: argparse.Namespace) -> None:
    """Load our server, then those of the peers, and print what is to be judged."""
    entities = read_entities(lake)
    asked.first_day = first_day(lake)
    say_head(
        f"REST API, {asked.connections} connections, {asked.seconds} s each, {len(entities.projects)} projects, from {asked.first_day}"
    )
    ours = measure_ours(lake, entities, asked)
    unkept = measure_unkept(lake, entities, asked)
    folder = fresh_folder("peers")
    export_tables(lake, folder)
    theirs = measure_peers(folder, entities, asked)
    for shown, loads in (("", ours), (f", {UNKEPT}", ours | unkept)):
        judge_all(shown, loads, theirs)


def judge_all(shown: str, ours: dict[str, Load], theirs: dict[str, dict[str, Load]]) -> None:
    """Print our figures beside the goals, and beside those of the peers."""
    for name, goal in GOALS.items():
        judge(f"{name}{shown}: of the goal of {goal:,}/s", ours[name].rate / goal, 1, at_most=False)
    for name, goal in GOALS_P99_MS.items():
        judge(f"{name}{shown}: p99", ours[name].p99_ms, goal, at_most=True, unit=" ms")
    for who, loads in theirs.items():
        judge(f"series of a year{shown} / {who}", ours["series of a year"].rate / loads["series of a year"].rate, 10, at_most=False)
        judge(f"list of 50{shown} / {who}", ours["list of 50"].rate / loads["list of 50"].rate, 5, at_most=False)


def say_replica(what: str, lake: Path) -> None:
    """Have the replica of the newest release made by a process of its own, as a server does, and print how long it took."""
    built = in_own_process(build_replica, lake)
    found = built.result
    say(
        f"  {what}: {found.read:,} rows read in {found.duration_s:.1f} s (check {found.check_s:.1f} s), {size(found.bytes)}, peak {size(built.peak_bytes)}"
    )


def build_replica(lake: Path) -> Any:
    """Make the replica of the newest release."""
    from catalog.settings import load_settings
    from serving.replica.keeper import make_replica

    return make_replica(load_settings(lake))


def add_a_day(lake: Path, name: str) -> None:
    """Run the lake, whose name tells its world and how many of its days it has, on one more."""
    told = re.fullmatch(r"((\d+)-events-(\d+)-days-(\d+)-projects)-first-(\d+)-days", name)
    if told is None:
        raise SystemExit(f"{name} doesn't tell which world it was made of, so that there is no day more")
    events, days, projects, first = (int(told[place]) for place in (2, 3, 4, 5))
    name_sources(lake, make_world(events, days, projects), first + 1)
    say_steps("one more day", in_own_process(run_lake, lake))


def first_day(lake: Path) -> str:
    """Return the day from which a series has 365 points, or fewer where the release is shorter."""
    from datetime import timedelta

    from catalog.releases import read_release
    from catalog.settings import load_settings

    return str(read_release(load_settings(lake)).as_of_date - timedelta(days=364))


if __name__ == "__main__":
    main()
