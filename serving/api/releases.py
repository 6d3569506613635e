"""The releases themselves: which are kept, what each says of its tables, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from fastapi import Request, Response

from catalog.errors import ReleaseError
from catalog.release_diff import ReleaseDiff, diff_releases
from catalog.releases import Coverage, Release, ReleasedTable, choose_id, kept_ids
from serving.api.answers import LATEST
from serving.api.documents import document_response, enveloped, near_release, take_none
from serving.releases import ServedReleases

_HEADS = 10_000


class ReleaseAnswers:
    """Answers what is asked of releases; which ones there are is looked up each time, what one says is kept in memory."""

    def __init__(self, releases: ServedReleases) -> None:
        self._releases = releases
        self._head = lru_cache(_HEADS)(self._read_head)

    def all(self, request: Request) -> Response:
        """Answer with the kept releases, the newest first.

        Raises:
            ReleaseError: nothing was released yet.
            RequestError: a parameter is given.
        """
        self._begin(request)
        newest = self._releases.newest()
        listed = [self._head(one) | {"is_current": one == newest.id} for one in self._chain(newest)]
        return document_response(request, enveloped(newest, listed), newest)

    def one(self, request: Request, name: str) -> Response:
        """Answer with what a release says, but for its files.

        Raises:
            RequestError: it isn't kept, or a parameter is given.
        """
        self._begin(request)
        release = self._named(name)
        newest = self._releases.newest()
        data = self._head(release.id) | {"is_current": release.id == newest.id} | _told(release)
        return document_response(request, enveloped(release, data), release)

    def changes(self, request: Request, before: str, after: str) -> Response:
        """Answer with what differs from one release to another.

        Raises:
            RequestError: one isn't kept, or a parameter is given.
        """
        self._begin(request)
        old, new = self._named(before), self._named(after)
        return document_response(request, enveloped(new, _changes(diff_releases(old, new), old, new)), new)

    def _begin(self, request: Request) -> None:
        """Refuse parameters, and a path below a release that isn't kept."""
        take_none(request)
        pinned = request.path_params.get("release_id")
        if pinned:
            self._named(pinned)

    def _chain(self, newest: Release) -> Iterator[str]:
        """Yield the ids of the releases that are kept, from the newest back."""
        kept = {*kept_ids(self._releases.store), newest.id}
        identifier: str | None = newest.id
        while identifier in kept:
            yield str(identifier)
            identifier = self._head(str(identifier))["previous"]

    def _named(self, name: str) -> Release:
        newest = self._releases.newest()
        if name in (LATEST, newest.id):
            return newest
        chain = list(self._chain(newest))
        try:
            release = self._releases.kept(choose_id(chain, name))
        except ReleaseError:
            release = None
        if release is None or release.id not in chain:
            raise near_release(name, [self._head(one)["sequence"] for one in chain])
        return release

    def _read_head(self, identifier: str) -> dict[str, Any]:
        release = self._releases.kept(identifier)
        if release is None:
            raise ReleaseError(f"release {identifier} is not kept here", id=identifier)
        document = release.document
        return {
            "id": release.id,
            "sequence": release.sequence,
            "created_at": release.created_at,
            "as_of_date": release.as_of_date,
            "previous": document.previous,
            "restores": document.restores,
            "table_count": len(release.tables),
            "row_count": sum(table.row_count for table in release.tables),
            "size_bytes": sum(table.size_bytes for table in release.tables),
            "url": f"/v1/releases/{release.id}",
        }


def _told(release: Release) -> dict[str, Any]:
    """Return what a release says of itself beside its head."""
    document = release.document
    changes = f"/v1/releases/{document.previous}/changes/{release.id}" if document.previous else None
    return {
        "dataset": document.dataset,
        "key_id": document.key_id,
        "author_key_id": document.author_key_id,
        "git_commit": document.models.git_commit,
        "document": f"/releases/{release.id}.json",
        "signature": f"/releases/{release.id}.sig.json",
        "changes": changes,
        "tables": [table_head(table, release) for table in release.tables],
        "coverage": [one.model_dump(mode="json") for one in document.coverage],
        "audits": [one.model_dump(mode="json") for one in document.audits],
    }


def table_head(table: ReleasedTable, release: Release) -> dict[str, Any]:
    """Return what is told of a table in lists of tables."""
    return {
        "name": table.full_name,
        "row_count": table.row_count,
        "size_bytes": table.size_bytes,
        "file_count": len(table.data_files),
        "content_digest": table.content_digest,
        "url": f"/releases/{release.id}/v1/datasets/{table.full_name}",
    }


def _changes(diff: ReleaseDiff, before: Release, after: Release) -> dict[str, Any]:
    return {
        "before": diff.before,
        "after": diff.after,
        "as_of_before": diff.as_of_before,
        "as_of_after": diff.as_of_after,
        "is_empty": diff.is_empty,
        "added": [table_head(table, after) for table in diff.added],
        "removed": [table_head(table, before) for table in diff.removed],
        "changed": [asdict(table) for table in diff.changed],
        "relaid": diff.relaid,
        "models": diff.models,
        "git_commits": {"before": diff.git_commits[0], "after": diff.git_commits[1]},
        "coverage": [_coverage_change(old, new) for old, new in diff.coverage],
    }


def _coverage_change(before: Coverage | None, after: Coverage | None) -> dict[str, Any]:
    there = after or before
    return {
        "source": there.source if there else "",
        "before": before.model_dump(mode="json") if before else None,
        "after": after.model_dump(mode="json") if after else None,
    }
