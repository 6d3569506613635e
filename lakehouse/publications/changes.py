"""What a target has to load: the partitions of the public tables that differ between the release that it shows and the one that it is given.

A release lists each table's data files with their partitions and content digests. A partition differs if the digests of its files, added up,
differ: files that were only written anew (by compaction, say) change nothing. A table without partitions is one partition, "". Where a table is
new, or its content columns or its partitioning are others, or nothing is known of the release that the target shows, all of it differs.
A target that names what it holds by its digest (PostgreSQL) needs `partitions_of` alone and no release before.
Documents alone are read; `rows` reads the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.digests import FileDigest
from catalog.errors import PublishError
from catalog.partitions import partition_digests
from catalog.release_document import ReleasedFile, ReleasedTable
from catalog.releases import Release, release_chain
from catalog.settings import Settings
from lakehouse.publications.publication import Shown

PUBLIC_STAGE = "marts"


@dataclass(frozen=True)
class TablePartition:
    """A partition of a table: its name as releases write it (`2024-01`; "" is that of a table without partitions), what is in it, and its data files."""

    name: str
    content_digest: str
    row_count: int
    files: tuple[ReleasedFile, ...]


@dataclass(frozen=True)
class TableChange:
    """What differs in a table.

    Attributes:
        table: as the release lists it.
        before: as the release that is shown listed it; None if it didn't.
        is_whole: whether all rows that are there go: the table is new, has no partitions, or is cut or made otherwise than before.
        partitions: that differ, sorted; one that isn't among the table's own has lost its last row.
        files: the data files that make up those partitions now.
    """

    table: ReleasedTable
    before: ReleasedTable | None
    is_whole: bool
    partitions: tuple[str, ...]
    files: tuple[ReleasedFile, ...]

    @property
    def row_count(self) -> int:
        """Rows in the files."""
        return sum(file.row_count or 0 for file in self.files)

    @property
    def size_bytes(self) -> int:
        """Bytes of the files."""
        return sum(file.size_bytes for file in self.files)


def public_tables(release: Release) -> list[ReleasedTable]:
    """Return the tables that targets show: the marts, by name."""
    return [table for table in release.tables if table.stage == PUBLIC_STAGE]


def changed_tables(shown: Release | None, release: Release) -> list[TableChange]:
    """Return what a target that shows one release has to load to show another, by table; tables that say the same are left out.

    Args:
        shown: what the target shows; None: nothing, or a release that isn't kept any more.
        release: what it is to show, earlier or later.
    """
    before = {table.full_name: table for table in public_tables(shown)} if shown else {}
    changes = [_change(before.get(table.full_name), table) for table in public_tables(release)]
    return [change for change in changes if change.before is None or change.partitions]


def partitions_of(table: ReleasedTable) -> list[TablePartition]:
    """Return the partitions of a table that hold rows, sorted."""
    digests = partition_digests(table)
    files = {name: tuple(file for file in table.data_files if (file.partition or "") == name) for name in digests}
    return [TablePartition(name, digest.hex, digest.row_count, files[name]) for name, digest in sorted(digests.items())]


def shown_release(settings: Settings, shown: Shown | None, target: str) -> Release | None:
    """Return the release that a target shows, as this lake made it; None if it shows none, or one that isn't kept any more.

    Raises:
        PublishError: this lake didn't make it: the target would jump to another history.
    """
    if shown is None:
        return None
    oldest = None
    for oldest in release_chain(settings):
        if oldest.id == shown.id:
            return oldest
        if oldest.sequence <= shown.sequence:
            break
    if oldest is None or oldest.sequence <= shown.sequence:
        raise PublishError(f"{target} shows {shown.id}, which this lake did not release; another target would be right", id=shown.id)
    return None


def _change(before: ReleasedTable | None, table: ReleasedTable) -> TableChange:
    old: Mapping[str, FileDigest] = {}
    new = partition_digests(table)
    is_alike = before is not None and (before.partition_spec["fields"], before.content_columns) == (
        table.partition_spec["fields"],
        table.content_columns,
    )
    if before is not None:
        old = partition_digests(before)
    differing = {name for name in old.keys() | new.keys() if not is_alike or old.get(name) != new.get(name)}
    files = tuple(file for file in table.data_files if (file.partition or "") in differing)
    is_whole = not is_alike or not table.partition_spec["fields"]
    return TableChange(table, before, is_whole, tuple(sorted(differing)), files)
