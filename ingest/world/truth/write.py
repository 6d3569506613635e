"""Puts the truth of a world into a Parquet file."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.world.truth.events import Event, EventBook
from ingest.world.truth.gitlog import read_commits, read_snapshots, remote_name
from ingest.world.truth.keys import Key
from ingest.world.truth.listing import Listing, read_listing
from ingest.world.truth.names import LAST, Names
from ingest.world.truth.periods import to_day
from ingest.world.truth.records import Record, read_lines, read_records
from ingest.world.truth.series import values

SCHEMA = pa.schema(
    [
        ("level", pa.string()),
        ("entity", pa.string()),
        ("metric_name", pa.string()),
        ("sample_date", pa.date32()),
        ("amount", pa.float64()),
        ("is_key", pa.bool_()),
    ]
)
Entities = Iterator[tuple[str, str, set[Key]]]


def write_truth(world: Path, as_of: date, target: Path) -> int:
    """Compute the truth of the world in a folder; the number of rows written.

    One row per level, entity, metric and sample date whose amount isn't 0: calendar windows at their first day,
    rolling windows at every day up to the as-of date, key metrics (`is_key`) at the as-of date. An artifact's entity
    is its natural key such as GITHUB/repository/123, a project's or collection's its slug. Grouped by entity.
    """
    clones = sorted((world / "git").glob("*.git"))
    listing = read_listing(read_snapshots(world / "oss-directory"))
    names = Names()
    sighted: set[Key] = set()
    for record in _records(world):
        names.note(record.sightings)
        sighted |= {record.repository} if record.repository else set()
    book = EventBook(names)
    for clone in clones:
        book.add_clone(names.repository_at(remote_name(clone), LAST), read_commits(clone))
    for record in _records(world):
        book.add_record(record)
    repositories = {names.canonical(key) for key in sighted} | set(book.from_git)
    return _write(target, entities(listing, names, repositories), list(book.events()), to_day(as_of))


def _records(world: Path) -> Iterator[Record]:
    """Return the records of a world, parsed anew each time: they take too much room to be kept."""
    return read_records(read_lines(world / "gharchive"))


def entities(listing: Listing, names: Names, repositories: set[Key]) -> Entities:
    """Level, name and artifacts of everything that has metrics: listed artifacts, projects, collections."""
    projects = listing.artifacts(names, repositories)
    for key in sorted(set().union(*projects.values()), key=lambda key: key.text()):
        yield "artifact", key.text(), {key}
    for slug, artifacts in sorted(projects.items()):
        yield "project", slug, artifacts
    for slug, members in sorted(listing.collections.items()):
        yield "collection", slug, set().union(*(projects.get(member, set()) for member in members))


def _write(target: Path, entities: Entities, events: Iterable[Event], as_of: int) -> int:
    by_repository: dict[Key, list[Event]] = {}
    for event in events:
        by_repository.setdefault(event.repository, []).append(event)
    count = 0
    with pq.ParquetWriter(target, SCHEMA, compression="zstd") as writer:
        for level, entity, artifacts in entities:
            theirs = [event for key in sorted(artifacts, key=Key.text) for event in by_repository.get(key, [])]
            table = _table(level, entity, theirs, as_of)
            if table.num_rows:
                writer.write_table(table)
            count += table.num_rows
    return count


def _table(level: str, entity: str, events: list[Event], as_of: int) -> pa.Table:
    rows = list(values(events, as_of))
    names, days, amounts, keys = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns = [
        pa.repeat(pa.scalar(level), len(rows)),
        pa.repeat(pa.scalar(entity), len(rows)),
        pa.array(names, pa.string()),
        pa.array(days, pa.int32()).cast(pa.date32()),
        pa.array(amounts, pa.float64()),
        pa.array(keys, pa.bool_()),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)
