"""`osslake maintain`: the tables of a lake, one after the other; then the files that nothing names any more."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from catalog.bucket import Bucket, StoredObject, open_bucket
from catalog.catalogs import open_catalog
from catalog.crash import crash_point
from catalog.iceberg import data_files
from catalog.raw_tables import RAW_TABLES
from catalog.settings import Settings
from catalog.snapshots import (
    content_snapshot_id,
    count_manifests,
    expire_snapshots,
    kept_paths,
    load_tables,
    merge_manifests,
    superseded_snapshots,
)
from lakehouse.control import move_baseline
from lakehouse.engines import open_engine
from lakehouse.ingest import unfinished_files
from lakehouse.lock import held
from lakehouse.maintenance.compaction import compact, small_groups
from lakehouse.maintenance.needed import Needed, find_needed
from lakehouse.maintenance.orphans import delete_objects, find_orphans, list_objects
from lakehouse.maintenance.unused_models import drop_unused

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

Step = Callable[[str], None]
_RAW = {dataset.full_name: dataset for dataset in RAW_TABLES}


@dataclass(frozen=True)
class Figures:
    """A table's size: snapshots; manifests and data files of the current one; all files in its folder, and their bytes."""

    snapshots: int
    manifests: int
    data_files: int
    files: int
    bytes: int


@dataclass
class TableUpkeep:
    """What was done to a table, or would be.

    Attributes:
        compacted_files: small data files that were made fewer.
        orphans: files that nothing named.
        note: why something was left.
    """

    name: str
    before: Figures
    after: Figures
    compacted_files: int = 0
    expired_snapshots: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    note: str = ""


@dataclass
class MaintainSummary:
    """What maintenance did, or would do; `dropped` are tables of the engine that neither models nor releases needed."""

    is_dry_run: bool
    tables: list[TableUpkeep] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    duration_s: float = 0.0


def maintain_lake(settings: Settings, *, dry_run: bool = False, step: Step = lambda _: None) -> MaintainSummary:
    """Compact, merge, expire, and delete what nothing names. The caller holds the lake's lock.

    Args:
        settings: of the lake.
        dry_run: change nothing; what is told as `after` is what is known beforehand: the size of compacted files is not.
        step: told of each table that is worked on.

    Raises:
        ReleaseError, VerificationError: release documents are missing or damaged; nothing was changed.
        CommitError: another writer was first; run again.
        StorageError: catalog or object store did not answer; run again.
    """
    started, now = time.monotonic(), datetime.now(UTC)
    maintenance = _Maintenance(settings, open_catalog(settings), now)
    summary = MaintainSummary(dry_run)
    summary.dropped = maintenance.drop_unused(dry_run=dry_run)
    summary.tables = maintenance.plan(step) if dry_run else maintenance.carry_out(step)
    summary.duration_s = time.monotonic() - started
    return summary


class _Maintenance:
    """One pass over a lake; what is listed first is looked at last, so that nothing new is ever taken for an orphan."""

    def __init__(self, settings: Settings, catalog: Catalog, now: datetime) -> None:
        self.settings, self.catalog, self.chosen = settings, catalog, settings.maintain
        self.bucket: Bucket = open_bucket(settings)
        self.tables = load_tables(catalog)
        self.needed: Needed = find_needed(settings, self.bucket, self.tables)
        self.listed = {_name(table): list_objects(self.bucket, table) for table in self.tables}
        self.before = {_name(table): _figures(table, self.listed[_name(table)]) for table in self.tables}
        self.expires_before = now - timedelta(days=self.chosen.keep_snapshots_days)
        self.orphans_before = now - timedelta(hours=self.chosen.orphan_hours)
        self.unfinished = unfinished_files(settings, catalog)

    def drop_unused(self, *, dry_run: bool) -> list[str]:
        """Drop the engine's tables that neither models nor releases need; a run that was interrupted may still need some."""
        if self.needed.compared is None:
            return []
        tables = {_name(table): table for table in self.tables}
        dropped = drop_unused(self.settings, self.bucket, tables, self.needed.files, dry_run=dry_run)
        self.tables = [table for table in self.tables if _name(table) not in dropped]
        return dropped

    def plan(self, step: Step) -> list[TableUpkeep]:
        """Tell what would be done."""
        step("plan")
        found, kept = [], set(self.needed.files)
        for table in self.tables:
            name = _name(table)
            groups, note = self._groups(table)
            expired = self._expirable(table)
            kept |= kept_paths(table, expired)
            before = self.before[name]
            one = TableUpkeep(name, before, before, sum(len(group) for group in groups), len(expired), note=note)
            one.after = Figures(
                before.snapshots - len(expired),
                1 if groups or self._has_many_manifests(table, self.chosen.merge_manifests) else before.manifests,
                before.data_files - one.compacted_files + len(groups),
                before.files,
                before.bytes,
            )
            found.append(one)
        listed = {_name(table): self.listed[_name(table)] for table in self.tables}
        orphans = find_orphans(self.bucket, listed, kept, self.orphans_before)
        for one in found:
            one.orphans, one.orphan_bytes = len(orphans[one.name]), _bytes(orphans[one.name])
            files, size = one.before.files - one.orphans, one.before.bytes - one.orphan_bytes
            one.after = Figures(one.after.snapshots, one.after.manifests, one.after.data_files, files, size)
        return found

    def carry_out(self, step: Step) -> list[TableUpkeep]:
        """Do it."""
        found = [self._lay_out(table, step) for table in self.tables]
        self._move_baseline()
        for table, one in zip(self.tables, found, strict=True):
            expired = self._expirable(table)
            if expired:
                held(self.settings).check()
                expire_snapshots(table, expired)
                one.expired_snapshots = len(expired)
                crash_point("maintain.expired")
        tables = load_tables(self.catalog)
        kept = set(self.needed.files).union(*(kept_paths(table) for table in tables))
        listed = {_name(table): self.listed[_name(table)] for table in self.tables}
        orphans = find_orphans(self.bucket, listed, kept, self.orphans_before)
        current = {_name(table): table for table in tables}
        step("orphans")
        for one in found:
            held(self.settings).check()
            delete_objects(self.bucket, orphans[one.name])
            one.orphans, one.orphan_bytes = len(orphans[one.name]), _bytes(orphans[one.name])
            one.after = _figures(current[one.name], list_objects(self.bucket, current[one.name]))
        return found

    def _lay_out(self, table: Table, step: Step) -> TableUpkeep:
        """Compact a table's data files and merge its manifests."""
        name = _name(table)
        held(self.settings).check()
        groups, note = self._groups(table)
        one = TableUpkeep(name, self.before[name], self.before[name], sum(len(group) for group in groups), note=note)
        if groups or self._has_many_manifests(table, self.chosen.merge_manifests):
            step(name)
        if groups:
            compact(self.settings, table, _RAW[name], groups)
            crash_point("maintain.compacted")
        if self._has_many_manifests(table, 2 if groups else self.chosen.merge_manifests):
            merge_manifests(table)
            crash_point("maintain.merged")
        return one

    def _groups(self, table: Table) -> tuple[list[list[DataFile]], str]:
        """Return what to compact; loads that were not transformed yet are left, so that the next run sees them as they came."""
        name = _name(table)
        if name not in _RAW:
            return [], ""
        groups = small_groups(table, self.chosen, self.unfinished)
        if groups and not self._is_compared(table):
            return [], "compacted after the next transformation"
        return groups, ""

    def _has_many_manifests(self, table: Table, many: int) -> bool:
        """Tell whether manifests are to be merged; not while a transformation is interrupted, which must find the snapshots that it began with."""
        if _name(table) in _RAW and self.needed.compared is None:
            return False
        return count_manifests(table) >= many and bool(data_files(table))

    def _is_compared(self, table: Table) -> bool:
        """Tell whether the last transformation read the rows as they are now, or none ever did."""
        compared = self.needed.compared
        if compared is None:
            return False
        name = table.name()[-1]
        return name not in compared or content_snapshot_id(table, compared[name]) == content_snapshot_id(table)

    def _move_baseline(self) -> None:
        """Let the next transformation compare with the tables as they lie now; without that it restates what lies elsewhere."""
        compared = self.needed.compared or {}
        raw = {table.name()[-1]: table for table in self.tables if _name(table) in _RAW}
        moved = {
            name: current
            for name, old in compared.items()
            if name in raw
            and (current := raw[name].metadata.current_snapshot_id) is not None
            and current != old
            and self._is_compared(raw[name])
        }
        if moved:
            with open_engine(self.settings).session() as session:
                move_baseline(session, moved)
            crash_point("maintain.moved")

    def _expirable(self, table: Table) -> list[int]:
        old = superseded_snapshots(table, self.expires_before, newest_kept=self.chosen.keep_snapshots)
        return [one for one in old if one not in self.needed.snapshots]


def _name(table: Table) -> str:
    return ".".join(table.name())


def _bytes(objects: Sequence[StoredObject]) -> int:
    return sum(one.size_bytes for one in objects)


def _figures(table: Table, objects: Sequence[StoredObject]) -> Figures:
    return Figures(len(table.metadata.snapshots), count_manifests(table), len(data_files(table)), len(objects), _bytes(objects))
