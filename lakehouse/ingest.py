"""Bringing sources into the raw tables: what the lake knows of each is looked up, what is new is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from glob import glob
from typing import TYPE_CHECKING, Any

from catalog.bucket import lake_connection, locate, open_bucket
from catalog.catalogs import catalog_answers
from catalog.duck import scan_sql
from catalog.errors import SettingsError, SourceError, SourceUnavailableError
from catalog.iceberg import committed_loads, data_files, ensure_table
from catalog.raw_tables import DIRECTORY_ENTRIES, DIRECTORY_PROJECTS, GHARCHIVE_EVENTS, GHARCHIVE_HOURS, GIT_COMMITS, GIT_REPOSITORIES
from catalog.settings import GitSource, Settings

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

    from catalog.datasets import Dataset
    from ingest.git import KnownRepository
    from ingest.loader import Loader, LoadSummary, Progress
    from ingest.loads import Load


BOUND_CHARACTERS = 16
"""Length to which Iceberg cuts the bounds of a text."""


def ledger_rows(settings: Settings, catalog: Catalog, dataset: Dataset, columns: str, tail: str = "") -> list[tuple[Any, ...]]:
    """Return what a SELECT of `columns`, with `tail` after FROM, gives of a small raw table at its current snapshot."""
    table = ensure_table(catalog, dataset)
    return _read_files(settings, table, data_files(table), columns, tail)


def _read_files(
    settings: Settings, table: Table, files: Sequence[DataFile], columns: str, tail: str = "", parameters: Sequence[object] = ()
) -> list[tuple[Any, ...]]:
    bucket = open_bucket(settings)
    paths = [locate(bucket, file.file_path) for file in files]
    with lake_connection(settings) as connection:
        return connection.execute(f"SELECT {columns} FROM ({scan_sql(paths, table.schema())}) {tail}", parameters).fetchall()


def _files_of_other_loads(table: Table, load_ids: set[str]) -> list[DataFile]:
    """Return the data files of loads that aren't among these, told by the bounds of their load id; none is opened."""
    field, prefixes = table.schema().find_field("_load_id").field_id, {load_id[:BOUND_CHARACTERS].encode() for load_id in load_ids}
    return [file for file in data_files(table) if (file.lower_bounds or {}).get(field, b"")[:BOUND_CHARACTERS] not in prefixes]


def unfinished_files(settings: Settings, catalog: Catalog) -> set[str]:
    """Return the data files of loads that aren't known to have ended, by their paths; nothing else may be put into one file with them."""
    found: set[str] = set()
    for dataset, ledger in ((GHARCHIVE_EVENTS, GHARCHIVE_HOURS), (GIT_COMMITS, GIT_REPOSITORIES)):
        with catalog_answers(f"looking up table {dataset.full_name}"):
            is_there, has_ledger = (catalog.table_exists(one.identifier) for one in (dataset, ledger))
        if not is_there:
            continue
        ended: set[str] = set()
        if has_ledger:
            ended = {row[0] for row in ledger_rows(settings, catalog, ledger, "DISTINCT _load_id")}
            ended |= committed_loads(ensure_table(catalog, ledger)) if ledger is GIT_REPOSITORIES else set()
        found |= {file.file_path for file in _files_of_other_loads(ensure_table(catalog, dataset), ended)}
    return found


def ingest_gharchive(
    settings: Settings, loader: Loader, address: str, start: str, end: str, *, recheck: bool = False, progress: Progress | None = None
) -> LoadSummary:
    """Load the hours from `start` to `end` (exclusive) at an fsspec address.

    Raises:
        SourceError: some hours could not be fetched, or are too large; the others are loaded. SourceUnavailableError where none of them was refused.
    """
    from ingest.gharchive.hours import hour_range
    from ingest.gharchive.package import HourLoads, KnownHour
    from ingest.gharchive.seen import SeenFiles

    rows = ledger_rows(settings, loader.catalog, GHARCHIVE_HOURS, "hour, state, loaded_count, content_sha256, etag, _load_id")
    cut = _cut_files(settings, loader.catalog, {row[5] for row in rows})
    known = {
        name: KnownHour(state, loaded, sha256, etag, load_id, is_cut=any(file.startswith(f"{name}.") for file in cut))
        for name, state, loaded, sha256, etag, load_id in rows
    }
    hours = hour_range(start, end)
    seen = SeenFiles(settings.state / "seen_hours.json")
    loads = HourLoads(address, hours, known, seen, settings.load, recheck=recheck)
    try:
        summary = loader.run("gharchive", loads, progress)
    finally:
        seen.save()
    summary.unchanged = len(hours) - summary.units - len(loads.unavailable)
    if loads.missing:
        summary.notes.insert(0, f"missing at {address}: {len(loads.missing):,} of {len(hours):,} hours, the first: {loads.missing[0]}")
    if loads.kept:
        summary.notes.insert(0, f"{len(loads.kept):,} of {len(hours):,} hours keep what they have, the first: {loads.kept[0]}")
    if loads.unavailable:
        first = loads.unavailable[0]
        is_transient = all(error.is_transient for error in loads.unavailable)
        raise (SourceUnavailableError if is_transient else SourceError)(
            f"{len(loads.unavailable)} of {len(hours)} hours could not be loaded, the first: {first}; "
            f"the other hours are loaded, run again for those",
            **first.values,
        )
    return summary


def _cut_files(settings: Settings, catalog: Catalog, ledger_load_ids: set[str]) -> set[str]:
    """Return the hour files whose events came with a load that never reached the ledger of hours."""
    table = ensure_table(catalog, GHARCHIVE_EVENTS)
    files = _files_of_other_loads(table, ledger_load_ids)
    tail = "WHERE NOT list_contains(?, _load_id)"
    return {row[0] for row in _read_files(settings, table, files, "DISTINCT _source_file", tail, [sorted(ledger_load_ids)])}


def ingest_directories(
    settings: Settings, loader: Loader, addresses: Iterable[tuple[str, bool]], progress: Progress | None = None
) -> LoadSummary:
    """Load OSS directories; a later one's slug wins. Each is (address, whether its history is wanted)."""
    from ingest.oss_directory import directory_name, read_directory

    def loads() -> Iterator[Load]:
        rows = ledger_rows(settings, loader.catalog, DIRECTORY_PROJECTS, "DISTINCT directory, directory_position, _load_id")
        known = {row[0]: (row[1], row[2]) for row in rows}
        seen = ledger_rows(settings, loader.catalog, DIRECTORY_ENTRIES, "DISTINCT directory, _load_id")
        cut = {(directory, found) for directory, found in seen if directory in known and found != known[directory][1]}
        for address, history in addresses:
            name = directory_name(address)
            free = max([position for position, _ in known.values()], default=-1) + 1
            position, load_id = known.get(name, (free, None))
            cut_ids = frozenset(found for directory, found in cut if directory == name)
            load = read_directory(address, position=position, history=history, known_load_id=load_id, cut_load_ids=cut_ids)
            if load is None:
                unchanged.append(name)
            else:
                known[name] = (position, load.id)
                yield load

    unchanged: list[str] = []
    summary = loader.run("oss_directory", loads(), progress)
    summary.unchanged = len(unchanged)
    return summary


def ingest_git(settings: Settings, loader: Loader, sources: Iterable[GitSource], progress: Progress | None = None) -> LoadSummary:
    """Load the commits of repositories, from the last head that was seen."""
    from ingest.git import identify_repository, read_repository

    author_key = settings.author_key.get_secret_value().encode()

    def loads() -> Iterator[Load]:
        known = _known_repositories(settings, loader)
        for source in sources:
            remote = identify_repository(source.address, repository=source.repository or None)
            load = read_repository(
                source.address,
                repository=source.repository or None,
                known=known.get(remote.url),
                author_key=author_key,
                cache=settings.load.clone_cache.expanduser(),
                timeout_s=settings.load.timeout_s,
            )
            if load is None:
                unchanged.append(remote.url)
            else:
                yield load

    unchanged: list[str] = []
    summary = loader.run("git", loads(), progress)
    summary.unchanged = len(unchanged)
    return summary


def _known_repositories(settings: Settings, loader: Loader) -> dict[str, KnownRepository]:
    """Return what the lake knows of each repository; commits that came later than the repository's own row were cut off.

    Only commits of loads are looked at that aren't known to have reached the ledger of repositories.
    """
    from ingest.git import KnownRepository

    columns = "repository_url, head_sha, commit_count, _load_id, _loaded_at, author_key_id"
    rows = ledger_rows(settings, loader.catalog, GIT_REPOSITORIES, columns)
    finished = committed_loads(ensure_table(loader.catalog, GIT_REPOSITORIES)) | {row[3] for row in rows}
    commits = ensure_table(loader.catalog, GIT_COMMITS)
    files = _files_of_other_loads(commits, finished)
    newest = dict(_read_files(settings, commits, files, "repository_url, max(_loaded_at)", "GROUP BY ALL"))
    return {
        url: KnownRepository(
            head, count, load_id, is_doubtful=newest.get(url, loaded_at) > loaded_at or row_key_id != settings.author_key_id
        )
        for url, head, count, load_id, loaded_at, row_key_id in rows
    }


def expand_git_sources(settings: Settings) -> list[GitSource]:
    """Return the git sources that the settings name, patterns such as `clones/*.git` expanded."""
    expanded = []
    for source in settings.sources.git:
        address = settings.resolve(source.address)
        if not any(sign in address for sign in "*?["):
            expanded.append(source.model_copy(update={"address": address}))
            continue
        found = sorted(glob(address))  # noqa: PTH207 - the pattern may be absolute
        if not found:
            raise SettingsError(f"setting sources.git: no folder matches {source.address!r}", pattern=address)
        expanded += [GitSource(address=path) for path in found]
    return expanded


def ingest_all(settings: Settings, loader: Loader, progress: Progress | None = None) -> list[LoadSummary]:
    """Load what is new at every source that the settings name; one that can't be read doesn't keep the others from it.

    Raises:
        SourceError: the first source that could not be read whole.
    """
    sources = settings.sources
    works: list[Callable[[], LoadSummary]] = []
    if sources.oss_directory:
        listed = [(settings.resolve(source.address), source.history) for source in sources.oss_directory]
        works.append(lambda: ingest_directories(settings, loader, listed, progress))
    for hours in sources.gharchive:
        address = settings.resolve(hours.address)
        works.append(partial(ingest_gharchive, settings, loader, address, hours.start, hours.end, progress=progress))
    if sources.git:
        works.append(lambda: ingest_git(settings, loader, expand_git_sources(settings), progress))
    summaries, errors = [], []
    for work in works:
        try:
            summaries.append(work())
        except SourceError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return summaries
