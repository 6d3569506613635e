"""Rows of the directory's raw tables, collected column-wise so that a long history stays small in memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from catalog.datasets import Dataset
from catalog.raw_tables import DIRECTORY_COLLECTIONS, DIRECTORY_ENTRIES, DIRECTORY_PROJECTS, REJECTED
from ingest.git.tables import load_schema
from ingest.oss_directory.documents import Document, Rejected
from ingest.oss_directory.histories import Version
from ingest.oss_directory.listings import Listing
from ingest.oss_directory.nodes import hashed

BATCH_ROWS = 5_000
MICROS = 1_000_000


class _Rows:
    """Rows of one table."""

    def __init__(self, dataset: Dataset) -> None:
        self._schema = load_schema(dataset)
        self._rows: list[dict[str, Any]] = []
        self._batches: list[pa.RecordBatch] = []

    def add(self, **row: Any) -> None:
        self._rows.append(row)
        if len(self._rows) >= BATCH_ROWS:
            self._flush()

    def table(self) -> pa.Table:
        self._flush()
        return pa.Table.from_batches(self._batches, schema=self._schema)

    def _flush(self) -> None:
        self._batches.append(pa.RecordBatch.from_pylist(self._rows, schema=self._schema))
        self._rows = []


class DirectoryRows:
    """All rows of one directory.

    Attributes:
        files: versions of files that were read.
        bytes: their size.
        rejected_reasons: one per row of `raw.rejected`.
    """

    def __init__(self, directory: str, position: int) -> None:
        self.directory, self.files, self.bytes = directory, 0, 0
        self.rejected_reasons: list[str] = []
        self._own = {"directory": directory, "directory_position": position}
        self._projects, self._collections = _Rows(DIRECTORY_PROJECTS), _Rows(DIRECTORY_COLLECTIONS)
        self._entries, self._rejected = _Rows(DIRECTORY_ENTRIES), _Rows(REJECTED)
        self._seen: set[tuple[str, str, str | None, str]] = set()

    def count(self, content: bytes) -> None:
        """Note that a version was read."""
        self.files += 1
        self.bytes += len(content)

    def add_version(self, version: Version, document: Document) -> None:
        """Add the row of a version, if it has what every row needs, and what did not fit in it."""
        for rejected in document.rejected:
            self._reject(version, rejected)
        if document.display_name is None:
            return
        row = {
            "version": document.version,
            "display_name": document.display_name,
            "description": document.description,
            "valid_from": _micros(version.valid_from),
            "valid_to": _micros(version.valid_to),
            "directory_commit": version.commit,
            "record": document.record,
            "_source_file": version.path,
            "_source_line": 1,
        }
        if version.key.kind == "projects":
            self._projects.add(**self._own, project_name=version.key.slug, **row)
        else:
            names = document.project_names
            self._collections.add(**self._own, collection_name=version.key.slug, project_names=names, **row)

    def add_listings(self, listings: Iterable[Listing]) -> None:
        """Add the rows of one project's entries."""
        for listing in listings:
            entry, artifact, version = listing.entry, listing.entry.artifact, listing.version
            self._entries.add(
                **self._own,
                project_name=version.key.slug,
                field=entry.field,
                listed_as=entry.listed_as,
                artifact_source=artifact.source,
                artifact_kind=artifact.kind,
                artifact_namespace=artifact.namespace,
                artifact_name=artifact.name,
                artifact_key=artifact.key,
                artifact_url=artifact.url,
                tags=list(listing.tags),
                valid_from=_micros(version.valid_from),
                valid_to=_micros(listing.valid_to),
                directory_commit=version.commit,
                _source_file=version.path,
                _source_line=entry.line,
            )

    def reject_shadowed(self, version: Version, content: bytes) -> None:
        """Reject a file whose slug another file has."""
        text = hashed(content.decode("utf-8", "backslashreplace"))
        message = f"{version.shadowed_by} has the same name and is read instead"
        self._reject(version, Rejected("duplicate_name", "name", message, text, 1))

    def tables(self) -> dict[str, pa.Table]:
        """Return the tables by name, the one by which the directory's load is known last."""
        return {
            "oss_directory__entries": self._entries.table(),
            "oss_directory__collections": self._collections.table(),
            "rejected": self._rejected.table(),
            "oss_directory__projects": self._projects.table(),
        }

    def _reject(self, version: Version, rejected: Rejected) -> None:
        """Add a part that did not fit, once however many versions of the file have it."""
        what = (version.path, rejected.reason, rejected.field, rejected.record)
        if what in self._seen:
            return
        self._seen.add(what)
        self.rejected_reasons.append(rejected.reason)
        since = f" (first in commit {version.commit})" if version.valid_from is not None else ""
        self._rejected.add(
            source="oss_directory",
            reason=rejected.reason,
            field=rejected.field,
            message=rejected.message + since,
            record=rejected.record,
            _source_file=version.path,
            _source_line=rejected.line,
        )


def _micros(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * MICROS
