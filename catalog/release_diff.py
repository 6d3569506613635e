"""What differs between two releases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from catalog.canonical import canonical_json
from catalog.partitions import partition_digests
from catalog.release_document import Coverage, ReleasedTable
from catalog.releases import Release


@dataclass(frozen=True)
class TableDiff:
    """How a table that stands in both releases differs.

    Attributes:
        name: `stage.name`.
        rows_before, rows_after: rows in all.
        digest_before, digest_after: content digests; equal where only layout or schema changed.
        columns_added, columns_removed: names.
        columns_changed: names of those whose type, nullability or description changed.
        files_added, files_removed: data files.
        bytes_added, bytes_removed: bytes of those.
        partitions: those whose rows changed, sorted.
        declarations: which of description, licence, grain, content_columns changed.
    """

    name: str
    rows_before: int
    rows_after: int
    digest_before: str
    digest_after: str
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    columns_changed: tuple[str, ...]
    files_added: int
    files_removed: int
    bytes_added: int
    bytes_removed: int
    partitions: tuple[str, ...]
    declarations: tuple[str, ...]


@dataclass(frozen=True)
class ReleaseDiff:
    """What differs from one release (before) to another (after).

    `relaid` names tables with the same content in other files; `models` names models that were added, removed or changed;
    `coverage` pairs what was and what is, None where a source is new or gone.
    """

    before: str
    after: str
    as_of_before: date
    as_of_after: date
    added: tuple[ReleasedTable, ...]
    removed: tuple[ReleasedTable, ...]
    changed: tuple[TableDiff, ...]
    relaid: tuple[str, ...]
    models: tuple[str, ...]
    git_commits: tuple[str | None, str | None]
    coverage: tuple[tuple[Coverage | None, Coverage | None], ...]

    @property
    def is_empty(self) -> bool:
        """Whether both say the same of as-of date, tables and coverage."""
        return self.as_of_before == self.as_of_after and not (self.added or self.removed or self.changed or self.coverage)


def diff_releases(before: Release, after: Release) -> ReleaseDiff:
    """Compare two releases, from the earlier to the later or any other way; documents alone are read."""
    old = {table.full_name: table for table in before.tables}
    new = {table.full_name: table for table in after.tables}
    both = [(old[name], new[name]) for name in old if name in new]
    return ReleaseDiff(
        before=before.id,
        after=after.id,
        as_of_before=before.as_of_date,
        as_of_after=after.as_of_date,
        added=tuple(table for name, table in new.items() if name not in old),
        removed=tuple(table for name, table in old.items() if name not in new),
        changed=tuple(_diff_table(a, b) for a, b in both if table_content(a) != table_content(b)),
        relaid=tuple(b.full_name for a, b in both if table_content(a) == table_content(b) and a.data_files != b.data_files),
        models=_changed_keys(before.document.models.sources, after.document.models.sources),
        git_commits=(before.document.models.git_commit, after.document.models.git_commit),
        coverage=_diff_coverage(before.document.coverage, after.document.coverage),
    )


def _diff_table(before: ReleasedTable, after: ReleasedTable) -> TableDiff:
    old, new = _fields(before), _fields(after)
    old_files = {file.path: file.size_bytes for file in before.data_files}
    new_files = {file.path: file.size_bytes for file in after.data_files}
    added, removed = new_files.keys() - old_files.keys(), old_files.keys() - new_files.keys()
    return TableDiff(
        name=after.full_name,
        rows_before=before.row_count,
        rows_after=after.row_count,
        digest_before=before.content_digest,
        digest_after=after.content_digest,
        columns_added=tuple(field["name"] for number, field in new.items() if number not in old),
        columns_removed=tuple(field["name"] for number, field in old.items() if number not in new),
        columns_changed=tuple(field["name"] for number, field in new.items() if number in old and old[number] != field),
        files_added=len(added),
        files_removed=len(removed),
        bytes_added=sum(new_files[path] for path in added),
        bytes_removed=sum(old_files[path] for path in removed),
        partitions=_changed_keys(partition_digests(before), partition_digests(after)),
        declarations=tuple(
            name for name in ("description", "licence", "grain", "content_columns") if getattr(before, name) != getattr(after, name)
        ),
    )


def _fields(table: ReleasedTable) -> dict[int, dict[str, Any]]:
    return {field["id"]: field for field in table.schema_["fields"]}


def table_content(table: ReleasedTable) -> bytes:
    """Return what readers see of a table, however it is laid out: without snapshot, files, partitions and the schema's number."""
    face = table.model_dump(mode="json", by_alias=True, exclude={"snapshot_id", "partition_spec", "metadata_file", "files"})
    face["schema"] = {name: value for name, value in face["schema"].items() if name != "schema-id"}
    return canonical_json(face)


def _changed_keys(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key)))


def _diff_coverage(before: list[Coverage], after: list[Coverage]) -> tuple[tuple[Coverage | None, Coverage | None], ...]:
    old, new = {one.source: one for one in before}, {one.source: one for one in after}
    return tuple((old.get(source), new.get(source)) for source in _changed_keys(old, new))
