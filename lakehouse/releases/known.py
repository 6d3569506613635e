"""What recent releases already say: a file never changes under its name, so its hash and its digest hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.digests import FileDigest
from catalog.release_document import ReleasedFile, ReleasedTable
from catalog.releases import Release

DigestBasis = tuple[tuple[int, str], ...]
"""What a digest depends on beside the rows: (field id, type) of the content columns."""
_MEASURED = {"row_count", "content_digest", "metadata_file", "files"}


@dataclass(frozen=True)
class Known:
    """Tables by name and snapshot id, files by path, and the digests of files that were just written."""

    tables: Mapping[tuple[str, str], Sequence[ReleasedTable]]
    files: Mapping[str, tuple[ReleasedFile, DigestBasis]]
    written: Mapping[str, FileDigest] = field(default_factory=dict)

    def table(self, declared: ReleasedTable) -> ReleasedTable | None:
        """Return a recent description of the same snapshot, if all that is declared of the table is as it was."""
        for table in self.tables.get((declared.full_name, declared.snapshot_id), ()):
            if table.model_dump(exclude=_MEASURED) == declared.model_dump(exclude=_MEASURED):
                return table
        return None

    def same_content(self, measured: ReleasedTable) -> ReleasedTable | None:
        """Return the newest description of the same Iceberg table, if its rows were the same: its files are listed on."""
        newest = next((tables[0] for (name, _), tables in self.tables.items() if name == measured.full_name), None)
        different = {"snapshot_id", "metadata_file", "files"}
        is_same = newest is not None and newest.model_dump(exclude=different) == measured.model_dump(exclude=different)
        return newest if newest is not None and is_same and _folder(newest) == _folder(measured) else None

    def digest(self, path: str, basis: DigestBasis) -> FileDigest | None:
        """Return the digest of a file's rows, if it is known under these columns."""
        if path in self.written:
            return self.written[path]
        file, known_basis = self.files.get(path, (None, ()))
        if file is None or known_basis != basis or file.row_count is None or file.content_digest is None:
            return None
        return FileDigest(file.row_count, int(file.content_digest, 16))


def _folder(table: ReleasedTable) -> str:
    return table.metadata_file.rpartition("/")[0]


def known_from(releases: Iterable[Release], written: Mapping[str, FileDigest] | None = None) -> Known:
    """Gather what releases say of tables and files; what the first of them says wins."""
    tables: dict[tuple[str, str], list[ReleasedTable]] = {}
    files: dict[str, tuple[ReleasedFile, DigestBasis]] = {}
    for release in releases:
        for table in release.tables:
            tables.setdefault((table.full_name, table.snapshot_id), []).append(table)
            basis = digest_basis(table)
            for file in table.files:
                files.setdefault(file.path, (file, basis))
    return Known(tables, files, written or {})


def digest_basis(table: ReleasedTable) -> DigestBasis:
    """Return the columns that a table's digest covers, by field id."""
    columns = table.schema_["fields"]
    return tuple(sorted((column["id"], _type_name(column["type"])) for column in columns if column["name"] in table.content_columns))


def _type_name(kind: str | dict[str, Any]) -> str:
    return kind if isinstance(kind, str) else f"{kind['type']}<{kind.get('element')}>"
