"""A reader that asks one question over all tables of a dataset, again and again, while publications are made."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from google.api_core.exceptions import NotFound

from bigquery.emulator import PROJECT, Emulator
from catalog.releases import Release
from lakehouse.publications.changes import public_tables

PAUSE_S = 0.25


class Reader(threading.Thread):
    """Attributes: `seen`, the answers, one after the other where they differ: the current release, and the rows of each table."""

    def __init__(self, server: Emulator, dataset: str, tables: Sequence[str]) -> None:
        super().__init__()
        self.seen: list[tuple[object, ...]] = []
        self.answers = 0
        self._client = server.client()
        self._ended = threading.Event()
        counts = ", ".join(f"(SELECT COUNT(*) FROM `{PROJECT}.{dataset}.{name}`)" for name in tables)
        self._sql = f"SELECT (SELECT STRING_AGG(release_id) FROM `{PROJECT}.{dataset}.releases` WHERE is_shown), {counts}"

    def run(self) -> None:
        """Ask until the end; before the first publication there is no table to ask."""
        while not self._ended.is_set():
            try:
                answer = tuple(next(iter(self._client.query(self._sql).result())).values())
            except NotFound:
                time.sleep(PAUSE_S)
                continue
            self.answers += 1
            if answer not in self.seen[-1:]:
                self.seen.append(answer)
            time.sleep(PAUSE_S)

    def end(self) -> None:
        """Stop asking."""
        self._ended.set()
        self.join()
        self._client.close()


@contextmanager
def reading(server: Emulator, dataset: str, tables: Sequence[str]) -> Iterator[Reader]:
    """Let a reader read while the block runs."""
    reader = Reader(server, dataset, tables)
    reader.start()
    try:
        yield reader
    finally:
        reader.end()


def whole(releases: Sequence[Release]) -> set[tuple[object, ...]]:
    """Return the answers of a reader that sees one of these releases as a whole."""
    return {(release.id, *(table.row_count for table in public_tables(release))) for release in releases}


def names(release: Release) -> list[str]:
    """Return the names of a release's public tables."""
    return [table.name for table in public_tables(release)]
