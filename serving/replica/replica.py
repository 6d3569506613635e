"""Reading a replica: look-ups, conditions over its tables, and packed series; safe to use from several threads."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary, WeakMethod

import numpy as np

from catalog.errors import QueryError
from catalog.releases import Release, ReleasedTable
from serving.replica.files import rows_file
from serving.replica.layout import JSON_COLUMN, columns_of
from serving.replica.packed import Amounts, Days, unpack
from serving.replica.rows import KeptRows
from serving.replica.whereabouts import FILES, located_table, unpacked
from serving.resources import LEVELS, RESOURCES, Resource

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

Made = TypeVar("Made")
_KNOWN_NAMES = 50_000
_COMPARED_NAMES = 20_000
_LONGEST_NAME = 1_000
_STEPS = 20_000
"""SQLite's instructions between two looks at the clock."""


@dataclass(frozen=True)
class Entity:
    """A collection, project or artifact."""

    level: str
    id: str
    name: str


@dataclass(frozen=True)
class Metric:
    """A metric, with what its series need; `marks` are its periods."""

    name: str
    id: str
    display_name: str
    unit: str
    window: str


@dataclass(frozen=True)
class Periods:
    """How far the values of a metric can be trusted, by sample date.

    Attributes:
        days: sample dates, as days since 1970, sorted.
        is_complete, coverage, is_degraded, gap_reason: as in `metric_periods_v1`, in their order; coverage is None where it isn't known.
    """

    days: Days
    is_complete: list[bool]
    coverage: list[float | None]
    is_degraded: list[bool]
    gap_reason: list[str | None]


def once_for_each(make: Callable[[Replica], Made]) -> Callable[[Replica], Made]:
    """Return a function that makes a thing once for each replica; when a replica is no longer used, what was made for it goes with it."""
    kept: WeakKeyDictionary[Replica, Made] = WeakKeyDictionary()

    def made(replica: Replica) -> Made:
        if replica not in kept:
            kept[replica] = make(replica)
        return kept[replica]

    return made


def _remembered(method: Callable[..., Made], count: int) -> _lru_cache_wrapper[Made]:
    """Return a method that keeps its last results, and not the object that it belongs to: that closes its files when it is no longer used."""
    kept: Any = WeakMethod(method)
    return lru_cache(count)(lambda *arguments: kept()(*arguments))


class Replica:
    """The replica of one release, open.

    The file stays readable after it was deleted, for as long as this object is used.
    """

    def __init__(self, path: Path, release: Release, connections: int = 4) -> None:
        self.path, self.release = path, release
        self._named = _identities(path)
        self.tables: dict[str, ReleasedTable] = {table.name: table for table in release.tables if table.stage == "marts"}
        self._free = [_open(path) for _ in range(connections)]
        self._there = threading.Semaphore(connections)
        self._lookups = _open(path)
        self.rows = KeptRows(rows_file(path))
        self._lookups_lock = threading.Lock()
        self.look_up("SELECT release_id FROM content")
        self._known_metric = _remembered(self._find_metric, 4096)
        self._known_entity = _remembered(self._find_entity, 65_536)
        self.names = _remembered(self._read_names, len(RESOURCES))

    def is_replaced(self) -> bool:
        """Tell whether other files bear its files' names now; not where they are gone."""
        return _identities(self.path) not in ([], self._named)

    @property
    def resources(self) -> list[Resource]:
        """Those that this release has a table for."""
        return [resource for resource in RESOURCES if resource.table in self.tables]

    def look_up(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query that an index answers at once."""
        with self._lookups_lock:
            return self._lookups.execute(sql, parameters).fetchall()

    @contextmanager
    def connection(self, timeout_s: float) -> Iterator[sqlite3.Connection]:
        """Lend a connection for a query that may take longer; it is ended at its time.

        Raises:
            QueryError: it took too long, or all connections were busy for as long.
        """
        deadline = time.monotonic() + timeout_s
        if not self._there.acquire(timeout=timeout_s):
            raise QueryError(f"the server was busy for {timeout_s:g} s; try again")
        connection = self._free.pop()
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            yield connection
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline:
                raise QueryError(f"the query took more than {timeout_s:g} s; a narrower filter would do", timeout_s=timeout_s) from error
            raise
        finally:
            connection.set_progress_handler(None, 0)
            self._free.append(connection)
            self._there.release()

    def keys(self, resource: Resource) -> list[str]:
        """Return the columns that name a row of a resource."""
        return [key for key in resource.keys if key in columns_of(self.tables[resource.table])]

    @cached_property
    def known_names(self) -> tuple[list[str], list[tuple[str, int, str, str | None, int]]]:
        """Names of collections, projects and metrics in lower case; and of each kind, row in `search`, name, display name and row: few beside the artifacts."""
        rows = self.look_up(
            "SELECT kind, search.rowid, trim(name, '/'), told, table_row FROM search_kinds JOIN search ON search.rowid BETWEEN first_row AND last_row"
            f" WHERE kind <> 'artifact' LIMIT {_KNOWN_NAMES}"
        )
        found = [(kind, number, name, shown, row) for kind, number, name, shown, row in rows]
        return [name.lower() for _, _, name, _, _ in found], found

    def metric(self, name: str) -> Metric | None:
        """Return a metric by its name or id."""
        with suppress(LookupError):
            return self._known_metric(name)
        return None

    def entity(self, level: str, name: str) -> Entity | None:
        """Return an entity by its name, id or `oso_id`; an artifact by `owner/name` too."""
        if len(name) <= _LONGEST_NAME:
            with suppress(LookupError):
                return self._known_entity(level, name)
        return None

    def row(self, resource: Resource, value: str) -> tuple[int, bytes] | None:
        """Return the row that one of a resource's keys names (an artifact's `owner/name` too): its number, and its JSON."""
        for key in self.keys(resource):
            found = self.look_up(f"SELECT rowid, {JSON_COLUMN} FROM {resource.table} WHERE {key} = ? LIMIT 1", (_as_kept(key, value),))
            if found:
                return found[0]
        artifact = self.entity("artifact", value) if resource.path == "artifacts" else None
        return self.row(resource, artifact.id) if artifact and artifact.id != value else None

    def series(self, entity: Entity, metric: Metric) -> tuple[Days, Amounts]:
        """Return the points of a series; none where there is no row."""
        if f"timeseries_metrics_by_{entity.level}_v1" not in self.tables:
            return unpack(b"")
        found = self.look_up(
            f"SELECT points FROM series_{entity.level} WHERE entity_row = (SELECT entity_row FROM series_entities WHERE entity_id = ? AND level = ?)"
            " AND metric_row = (SELECT metric_row FROM series_metrics WHERE metric_name = ?)",
            (entity.id, entity.level, metric.name),
        )
        return unpack(found[0][0]) if found else unpack(b"")

    @cached_property
    def _located(self) -> set[str]:
        return {name for (name,) in self.look_up("SELECT name FROM sqlite_master WHERE name LIKE 'located\\_%' ESCAPE '\\'")}

    @cached_property
    def _files(self) -> tuple[dict[int, str], dict[str, tuple[int, int]]]:
        """Paths of the files of large tables by their numbers, and their days by their paths."""
        rows = self.look_up(f"SELECT file_row, path, first_day, last_day FROM {FILES}")
        return {row[0]: row[1] for row in rows}, {row[1]: (row[2], row[3]) for row in rows if row[2] is not None}

    def days_of(self, path: str) -> tuple[int, int] | None:
        """Return the first and last day (since 1970) of a large table's file, of the column that the table is cut by; None where that isn't known."""
        return self._files[1].get(path)

    def files_with(self, table: str, column: str, values: Sequence[str]) -> set[str] | None:
        """Return the paths of a large table's files in which any of the values stands; None where the replica doesn't know."""
        name = located_table(table, column)
        if name not in self._located:
            return None
        marks = ", ".join("?" * len(values))
        rows = self.look_up(f"SELECT files FROM {name} WHERE value IN ({marks})", values)
        return {self._files[0][number] for (files,) in rows for number in unpacked(files).tolist()}

    def _find_entity(self, level: str, name: str) -> Entity:
        """Return an entity; what isn't there is a LookupError, so that it isn't kept."""
        resource = next(one for one in RESOURCES if one.path == f"{level}s")
        if resource.table not in self.tables or level not in LEVELS:
            raise LookupError(name)
        if level == "artifact":
            return self._find_artifact(name)
        for key in self.keys(resource):
            found = self.look_up(f"SELECT {level}_id, {level}_name FROM {resource.table} WHERE {key} = ? LIMIT 1", (_as_kept(key, name),))
            if found:
                return Entity(level, *found[0])
        raise LookupError(name)

    def _find_artifact(self, name: str) -> Entity:
        columns = "artifact_id, coalesce(artifact_namespace || '/', '') || artifact_name, canonical_artifact_id"
        for key in ("artifact_id", "oso_id"):
            found = self.look_up(f"SELECT {columns} FROM artifacts_v1 WHERE {key} = ? LIMIT 1", (_as_kept(key, name),))
            if found:
                artifact_id, shown, canonical = found[0]
                return Entity("artifact", canonical or artifact_id, shown or artifact_id)
        namespace, _, plain = name.lower().rpartition("/")
        if plain and "artifact_aliases_v1" in self.tables:
            found = self.look_up(
                "SELECT canonical_artifact_id FROM artifact_aliases_v1 WHERE artifact_name = ? AND coalesce(artifact_namespace, '') = ?"
                " ORDER BY last_seen_at IS NULL, last_seen_at DESC LIMIT 1",
                (plain, namespace),
            )
            if found:
                return Entity("artifact", found[0][0], name.lower())
        raise LookupError(name)

    def _find_metric(self, name: str) -> Metric:
        found = self.look_up(
            "SELECT metric_name, metric_id, display_name, unit, window_name FROM metrics_v1 WHERE metric_name = ? OR metric_id = ? LIMIT 1",
            (name, name),
        )
        if not found:
            raise LookupError(name)
        return Metric(*found[0])

    def _read_names(self, resource: Resource) -> tuple[str, ...]:
        """Return names of a resource's rows, as many as a near one is looked for among; none where rows have no names."""
        name = resource.keys[0] if resource.keys else ""
        if not name.endswith("_name") or resource.table not in self.tables:
            return ()
        return tuple(one for (one,) in self.look_up(f"SELECT {name} FROM {resource.table} ORDER BY rowid LIMIT {_COMPARED_NAMES}"))

    def periods(self, metric_name: str) -> Periods:
        """Return how far the values of a metric can be trusted."""
        rows: list[tuple[Any, ...]] = []
        if "metric_periods_v1" in self.tables:
            rows = self.look_up(
                "SELECT sample_date, is_period_complete, coverage, is_degraded, gap_reason FROM metric_periods_v1 WHERE metric_name = ? ORDER BY sample_date",
                (metric_name,),
            )
        days, complete, coverage, degraded, reason = zip(*rows, strict=True) if rows else ((), (), (), (), ())
        return Periods(
            np.array(days, np.int32), [bool(one) for one in complete], list(coverage), [bool(one) for one in degraded], list(reason)
        )


def _as_kept(key: str, value: str) -> str:
    """Return a key's value as tables hold it: an `oso_id` may be told with the signs that URLs take."""
    return value.replace("-", "+").replace("_", "/") if key == "oso_id" else value


def _identities(path: Path) -> list[tuple[int, int]]:
    """Return what tells a replica's files from others of their names; nothing where one is gone."""
    try:
        return [(told.st_ino, told.st_mtime_ns) for told in (path.stat(), rows_file(path).stat())]
    except FileNotFoundError:
        return []


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False, cached_statements=512)
    connection.executescript(
        "PRAGMA query_only = ON; PRAGMA mmap_size = 1073741824; PRAGMA case_sensitive_like = ON; PRAGMA trusted_schema = OFF"
    )
    return connection
