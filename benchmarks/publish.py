"""(i) Publication of a release and of one more day, to PostgreSQL and to BigQuery's emulator, beside plain loads of the same marts.

    .venv/bin/python benchmarks/publish.py [--events 2000000] [--repeats 3] [--only postgres|bigquery]

The servers are those of the tests (tests/contract/servers.py, tests/bigquery/emulator.py). Plain are `COPY` of each mart as CSV, once into bare
tables and once with our keys and indexes made after it, and `load_table_from_file` of each mart's files. A plain load checks nothing, replaces
what is there in the readers' sight, and loads everything again for one more day.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import (
    ROOT,
    build_lake,
    copy_lake,
    fresh_folder,
    in_own_process,
    judge,
    make_world,
    median,
    name_sources,
    run_lake,
    say,
    say_head,
    seconds_of,
    size,
)

sys.path.insert(0, str(ROOT / "tests"))

if TYPE_CHECKING:
    from catalog.releases import Release
    from catalog.settings import Settings

Publish = Callable[["Release"], Any]
PLAIN = "plain"


def released_lake(events: int, projects: int, reuse: bool) -> tuple[Settings, Release, Release]:
    """Return the settings of a lake, its release of 30 days, and that of one more."""
    from catalog.releases import list_releases
    from catalog.settings import load_settings

    world = make_world(events, 31, projects)
    kept, _ = build_lake(world, 30, reuse=reuse)
    lake = copy_lake(kept, "publish")
    name_sources(lake, world, 31)
    in_own_process(run_lake, lake)
    settings = load_settings(lake)
    newest, before = list_releases(settings)[:2]
    return settings, before, newest


def changed_bytes(before: Release | None, release: Release) -> int:
    """Return the bytes of the files of the partitions that differ."""
    from lakehouse.publications.changes import changed_tables

    return sum(change.size_bytes for change in changed_tables(before, release))


def published(settings: Settings, name: str, release: Release) -> Any:
    """Publish a release to a target that the settings name; return the summary."""
    from lakehouse.publications import open_publication

    return open_publication(settings, name).publish(release, lambda _: None)


def with_target(settings: Settings, name: str, **chosen: Any) -> Settings:
    """Return the settings with a target."""
    target = getattr(settings.publish, name).model_copy(update=chosen)
    return settings.model_copy(update={"publish": settings.publish.model_copy(update={name: target})})


@contextmanager
def _postgres(settings: Settings, repeats: int) -> Any:
    """Run PostgreSQL; yield, for each repeat, our settings; the plain loads; and what is done before each measurement, so that none pays for another.

    Without it the server looks at tables of the plain load (autovacuum) and writes its pages (checkpoint) while ours are loaded.
    """
    import psycopg
    from contract.servers import postgres
    from pydantic import SecretStr

    with postgres() as server:
        address = f"postgresql://osslake:{server.password}@127.0.0.1:{server.port}/postgres"
        plain = {
            "plain COPY": lambda release: _copy(settings, release, address, has_keys=False),
            "plain COPY, then our keys": lambda release: _copy(settings, release, address, has_keys=True),
        }

        def rest() -> None:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(f"DROP SCHEMA IF EXISTS {PLAIN} CASCADE")
                connection.execute("CHECKPOINT")

        yield (
            [with_target(settings, "postgres", dsn=SecretStr(address), schema_name=f"marts_{turn}") for turn in range(repeats)],
            plain,
            rest,
        )


def _copy(settings: Settings, release: Release, address: str, *, has_keys: bool) -> None:
    """COPY each mart of a release as CSV into a schema that is made anew."""
    import psycopg
    import pyarrow.csv
    from psycopg import sql

    from catalog.bucket import lake_connection
    from lakehouse.publications.changes import public_tables
    from lakehouse.publications.postgres.keys import index_table
    from lakehouse.publications.postgres.layout import Key, layout_of
    from lakehouse.publications.rows import row_batches

    options = pyarrow.csv.WriteOptions(include_header=False)
    with psycopg.connect(address, autocommit=True) as connection, lake_connection(settings) as duck:
        connection.execute(f"DROP SCHEMA IF EXISTS {PLAIN} CASCADE; CREATE SCHEMA {PLAIN}")
        for table in public_tables(release):
            place, layout = sql.Identifier(PLAIN, table.name), layout_of(table)
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(place, layout.columns()))
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(place)) as copy:
                for batch in row_batches(settings, duck, table, table.data_files):
                    lines = io.BytesIO()
                    pyarrow.csv.write_csv(batch, lines, options)
                    copy.write(lines.getbuffer())
            if has_keys:
                index_table(connection, place, layout, Key.PLAIN)


@contextmanager
def _bigquery(settings: Settings, repeats: int) -> Any:
    """Run the emulator; yield the same."""
    from bigquery.emulator import PROJECT, emulator, environment, find_python

    python = find_python()
    if python is None:
        raise RuntimeError("BigQuery's emulator needs Python 3.13")
    with emulator(environment(python), fresh_folder("bigquery")) as server:
        plain = {"plain load_table_from_file": lambda release: _load(settings, release, server.client())}
        ours = [
            with_target(settings, "bigquery", project=PROJECT, dataset=f"marts_{turn}", endpoint=server.endpoint) for turn in range(repeats)
        ]
        yield ours, plain, lambda: None


def _load(settings: Settings, release: Release, client: Any) -> None:
    """Load the files of each mart of a release into a dataset that is made anew."""
    from google.cloud import bigquery

    from catalog.bucket import bucket_key, open_bucket
    from lakehouse.publications.bigquery.tables import columns_of
    from lakehouse.publications.changes import public_tables

    bucket = open_bucket(settings)
    client.delete_dataset(PLAIN, delete_contents=True, not_found_ok=True)
    client.create_dataset(PLAIN)
    for table in public_tables(release):
        reference = client.dataset(PLAIN).table(table.name)
        client.create_table(bigquery.Table(reference, schema=columns_of(table)))
        config = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_APPEND")
        for file in table.data_files:
            content = Path(bucket.location(bucket_key(settings.dataset, file.path))).read_bytes()
            client.load_table_from_file(io.BytesIO(content), reference, job_config=config).result()


SERVERS = {"postgres": _postgres, "bigquery": _bigquery}


def measure(name: str, settings: Settings, before: Release, newest: Release, repeats: int) -> None:
    """Print both publications to a target, and the plain loads."""
    with SERVERS[name](settings, repeats) as (targets, plain, rest):

        def measured(function: Callable[[], Any]) -> float:
            rest()
            return seconds_of(function)

        first, more, brought = [], [], []
        others: dict[str, list[float]] = {word: [] for word in plain}
        for target in targets:
            first.append(measured(lambda target=target: published(target, name, before)))  # type: ignore[misc]
            more.append(measured(lambda target=target: brought.append(published(target, name, newest))))  # type: ignore[misc]
            for word, load in plain.items():
                others[word].append(measured(lambda load=load: load(before)))  # type: ignore[misc]
    wanted = changed_bytes(before, newest)
    say(f"{name}: first {median(first):.1f} s, one more day {median(more):.1f} s ({brought[0].rows:,} rows, {size(brought[0].bytes)})")
    for word, seconds in others.items():
        judge(f"{name}: first / {word} ({median(seconds):.1f} s)", median(first) / median(seconds), 1.3, at_most=True)
        say(f"  one more day / {word} of everything: {median(more) / median(seconds):.2f}")
    judge(f"{name}: bytes of one more day / of the changed partitions", brought[0].bytes / wanted, 1.2, at_most=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=tuple(SERVERS))
    parser.add_argument("--reuse", action="store_true")
    asked = parser.parse_args()
    settings, before, newest = released_lake(asked.events, asked.projects, asked.reuse)
    marts = [table for table in newest.tables if table.stage == "marts"]
    say_head(f"publication of {len(marts)} marts, {sum(table.row_count for table in marts):,} rows, {asked.events:,} events")
    for name in SERVERS:
        if asked.only in (None, name):
            measure(name, settings, before, newest, asked.repeats)


if __name__ == "__main__":
    main()
