"""What counts as news: content, not times, snapshot ids or the like; and which content was rolled back from."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.canonical import canonical_json
from catalog.release_diff import table_content
from catalog.release_document import ReleaseDocument, ReleasedTable
from catalog.releases import Release

Content = tuple[bytes, ...]


def is_same_news(one: ReleaseDocument, other: ReleaseDocument) -> bool:
    """Tell whether two documents say the same: as-of date, coverage, and each table's declared face and content digest."""
    return (
        one.as_of_date == other.as_of_date
        and one.coverage == other.coverage
        and _tables_content(one.tables) == _tables_content(other.tables)
    )


def _tables_content(tables: Iterable[ReleasedTable]) -> Content:
    return tuple(table_content(table) for table in tables)


def origin(document: ReleaseDocument) -> Content:
    """Return a document's content with what it was made from: the models, and those inputs that aren't among its tables."""
    listed = {table.full_name for table in document.tables}
    inputs = {name: snapshot for name, snapshot in document.inputs.items() if name not in listed}
    made_from = canonical_json({"models": document.models.sources, "inputs": inputs})
    return (made_from, *_tables_content(document.tables))


def rolled_back_from(chain: Iterable[Release], content: Content) -> Release | None:
    """Return the release whose content this is if it was rolled back from and not restored since.

    Args:
        chain: all kept releases, the newest first.
        content: from `origin`.
    """
    by_id: dict[str, Release] = {}
    refused: Release | None = None
    for release in reversed(list(chain)):
        by_id[release.id] = release
        if release.document.restores is None:
            continue
        if origin(release.document) == content:
            refused = None
            continue
        restored = by_id.get(release.document.restores)
        since = restored.sequence if restored else 0
        between = [one for one in by_id.values() if since < one.sequence < release.sequence and origin(one.document) == content]
        refused = between[-1] if between else refused
    return refused
