"""(a) Loading hour files: ours, against the limit and against dlt's own filesystem destination.

    .venv/bin/python benchmarks/load.py [--events 10000000] [--days 30]

Ours: `ingest_gharchive` into a fresh lake. The limit: DuckDB's JSON reader over the same files, the same promoted columns and the
whole record beside them, a day's files at a time straight into PyIceberg's append (no rejects, no e-mails hashed, no provenance).
dlt: Arrow into dlt's filesystem destination as Parquet, once the tables of our own source (which reads, hashes and parses as ours does,
so that the destinations alone differ), once what the limit's query gives. Each in a process of its own, imports not counted.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from harness import Measured, Timed, day_after, fresh_folder, in_own_process, judge, make_world, median, say, say_head, size

MEMORY_LIMIT_BYTES = 1.5e9

_LIMIT = """
WITH split AS (
  SELECT json AS record, json_extract_string(json, ['$.id', '$.type', '$.created_at', '$.actor.id', '$.actor.login', '$.repo.id',
    '$.repo.name', '$.payload.action', '$.payload.ref', '$.payload.number', '$.payload.pull_request.merged',
    '$.payload.pull_request.merged_at', '$.payload.pull_request.user.id', '$.payload.pull_request.user.login',
    '$.payload.release.published_at', '$.payload.commits', '$.actor', '$.repository.owner', '$.repository.name', '$.payload.shas',
    '$.payload.pull_request.number', '$.payload.issue.number']) AS f
  FROM read_ndjson_objects(?, ignore_errors = true)
)
SELECT f[1] AS record_id, f[2] AS record_type, try_cast(replace(f[3], '/', '-') AS TIMESTAMPTZ) AS created_at,
       CAST(try_cast(replace(f[3], '/', '-') AS TIMESTAMPTZ) AS DATE) AS created_date,
       try_cast(f[4] AS BIGINT) AS actor_id, CASE WHEN f[1] IS NULL THEN f[17] ELSE f[5] END AS actor_login,
       try_cast(f[6] AS BIGINT) AS repository_id, coalesce(f[7], f[18] || '/' || f[19]) AS repository_name,
       f[8] AS action, f[9] AS ref,
       CASE WHEN f[1] IS NULL THEN json_extract_string(f[20], '$[*][0]') ELSE json_extract_string(f[16], '$[*].sha') END AS commit_shas,
       try_cast(coalesce(f[10], f[21], f[22]) AS BIGINT) AS number,
       try_cast(f[11] AS BOOLEAN) AS is_merged, try_cast(f[12] AS TIMESTAMPTZ) AS merged_at, try_cast(f[13] AS BIGINT) AS opened_by_id,
       f[14] AS opened_by_login, try_cast(f[15] AS TIMESTAMPTZ) AS published_at, CAST(record AS VARCHAR) AS record
FROM split
WHERE created_at IS NOT NULL
"""


def load_ours(hours: Path, end: str, folder: Path) -> Timed:
    """Load into a fresh lake; the result is the number of rows."""
    import pyiceberg.catalog.sql
    import pyiceberg.io.pyarrow  # noqa: F401

    import ingest.gharchive.package  # noqa: F401
    from catalog.settings import load_settings
    from ingest.loader import Loader
    from lakehouse.ingest import ingest_gharchive

    settings = load_settings(folder / "lake")
    started = time.perf_counter()
    summary = ingest_gharchive(settings, Loader(settings), str(hours), day_after(0), end)
    return Timed(summary.loaded, time.perf_counter() - started)


def load_limit(hours: Path, _: str, folder: Path) -> Timed:
    """Read with DuckDB, append with PyIceberg; the result is the number of rows."""
    import pyiceberg.io.pyarrow  # noqa: F401
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.transforms import DayTransform

    from catalog.duck import connect

    started = time.perf_counter()
    catalog = SqlCatalog("limit", uri=f"sqlite:///{folder}/catalog.sqlite", warehouse=f"file://{folder}/warehouse")
    catalog.create_namespace("raw")
    rows, table = 0, None
    with connect() as connection:
        for batch in _days_by_duckdb(connection, hours):
            if table is None:
                table = catalog.create_table("raw.events", batch.schema, properties={"write.parquet.compression-level": "1"})
                with table.update_spec() as update:
                    update.add_field("created_at", DayTransform(), "created_at_day")
            table.append(batch)
            rows += batch.num_rows
    return Timed(rows, time.perf_counter() - started)


def load_dlt_source(hours: Path, end: str, folder: Path) -> Timed:
    """Hand our source's Arrow tables to dlt's filesystem destination; the result is the number of rows."""
    from catalog.settings import LoadSettings
    from ingest.gharchive.hours import hour_range
    from ingest.gharchive.package import HourLoads
    from ingest.gharchive.seen import SeenFiles

    loads = HourLoads(str(hours), hour_range(day_after(0), end), {}, SeenFiles(folder / "seen.json"), LoadSettings())
    return _load_dlt((load.tables["gharchive__events"] for load in loads if "gharchive__events" in load.tables), folder)


def load_dlt_duckdb(hours: Path, _: str, folder: Path) -> Timed:
    """Hand a day's rows of the limit's query at a time to dlt's filesystem destination; the result is the number of rows."""
    from catalog.duck import connect

    with connect() as connection:
        return _load_dlt(_days_by_duckdb(connection, hours), folder)


def _days_by_duckdb(connection: Any, hours: Path) -> Iterator[Any]:
    """Yield what the limit's query gives of each day's files."""
    for _, files in groupby(sorted(hours.iterdir()), key=lambda file: file.name.rpartition("-")[0]):
        yield connection.execute(_LIMIT, [[str(file) for file in files]]).to_arrow_table()


def _load_dlt(tables: Iterable[Any], folder: Path) -> Timed:
    os.environ.update({"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"})
    import dlt

    rows = 0

    @dlt.resource(name="gharchive__events", write_disposition="append")
    def events() -> Any:
        nonlocal rows
        for table in tables:
            rows += table.num_rows
            yield table

    started = time.perf_counter()
    destination = dlt.destinations.filesystem(bucket_url=f"file://{folder}/files")
    pipeline = dlt.pipeline("limit", pipelines_dir=str(folder / "pipelines"), destination=destination, dataset_name="raw")
    pipeline.run(events(), loader_file_format="parquet")
    return Timed(rows, time.perf_counter() - started)


WAYS = {
    "ours": load_ours,
    "limit": load_limit,
    "dlt filesystem, our source": load_dlt_source,
    "dlt filesystem, DuckDB's reader": load_dlt_duckdb,
}


def main() -> None:
    """Load in turn each way, and print rows per second and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", choices=WAYS, action="append", help="only these ways (for the memory of ours at 10M)")
    asked = parser.parse_args()
    world = make_world(asked.events, asked.days, asked.projects)
    say_head(f"load {asked.events:,} events over {asked.days} days, {size(world.notes['file_bytes'])} packed")
    runs: dict[str, list[Measured]] = {}
    for _ in range(asked.repeats):
        for name in asked.only or WAYS:
            measured = in_own_process(WAYS[name], world.hours, day_after(asked.days), fresh_folder("load"))
            runs.setdefault(name, []).append(measured)
            rate = measured.result / measured.seconds
            say(f"  {name}: {measured.result:,} rows in {measured.seconds:.2f} s, {rate:,.0f} rows/s, peak {size(measured.peak_bytes)}")
    rates = {name: median([one.result / one.seconds for one in done]) for name, done in runs.items()}
    if {"ours", "limit"} <= rates.keys():
        judge("ours / limit", rates["ours"] / rates["limit"], 0.6, at_most=False)
    for name in ("dlt filesystem, our source", "dlt filesystem, DuckDB's reader"):
        if {"ours", name} <= rates.keys():
            judge(f"ours / {name}", rates["ours"] / rates[name], 2, at_most=False)
    if "ours" in runs:
        judge("peak memory of ours", max(one.peak_bytes for one in runs["ours"]) / 1e6, MEMORY_LIMIT_BYTES / 1e6, at_most=True, unit=" MB")
    fresh_folder("load").rmdir()


if __name__ == "__main__":
    main()
