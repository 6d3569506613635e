"""DuckDB over the files of a release, for tables that no replica keeps: within limits of memory and time, and with nothing else within its reach."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa

from catalog.bucket import bucket_key
from catalog.duck import DuckConnection, DuckError, is_unanswered
from catalog.errors import AGAIN, QueryError
from catalog.query import open_release, table_scan
from catalog.release_document import STAGES, ReleasedFile, ReleasedTable
from catalog.releases import Release
from catalog.settings import Settings
from serving.queries import ended_in_time, failed_query, too_slow
from serving.store import Store
from serving.threads import Aside

OPEN_RELEASES = 3
"""A release whose other stages are asked for too counts twice."""
MARTS = ("marts",)
ALL_STAGES = STAGES
BATCH_ROWS = 20_000
EXPORT_WAIT_S = 2.0
GRACE_S = 2.0
FILES = "the release's files"
T = TypeVar("T")


class Engine:
    """Runs our own queries over the tables of releases; safe to use from several threads."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self._store = store or Store(settings)
        settings = self._store.settings
        limits = settings.transform.model_copy(
            update={"threads": settings.serve.query_threads, "memory_limit": settings.serve.query_memory}
        )
        self._settings = settings.model_copy(update={"transform": limits})
        self._open: OrderedDict[tuple[str, tuple[str, ...]], DuckConnection] = OrderedDict()
        self._opening = threading.Lock()
        self._running = threading.BoundedSemaphore(settings.serve.queries_at_once)
        self._exporting = threading.BoundedSemaphore(settings.serve.queries_at_once)

    def scan(self, release: Release, table: ReleasedTable, files: Sequence[ReleasedFile]) -> str:
        """Return a query of the rows of some files of a table of the release."""
        return table_scan([self._store.location(bucket_key(release.document.dataset, file.path)) for file in files], table)

    @contextmanager
    def stream(
        self, release: Release, sql: str, stages: Sequence[str], timeout_s: float
    ) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
        """Lend the rows of a query, which are computed as they are asked for: their schema, and the batches.

        What is read so is counted apart: a slow reader of many rows keeps no short query waiting.

        Raises:
            QueryError: as many are being read as may be, or it took too long, or too much memory.
            StorageError: a file of the release can't be read.
        """
        batches = self._batches(release, sql, stages, timeout_s)
        with _place(self._exporting, EXPORT_WAIT_S), Aside("rows", last=batches.close) as aside:

            def take(what: Callable[[], T]) -> T:
                with self._given_up(release, stages, timeout_s):
                    return aside.result(what, timeout_s + GRACE_S, GRACE_S, self._is_hopeless)

            first = take(lambda: next(batches))
            yield first.schema, _until_none(lambda: take(lambda: next(batches, None)))

    def _batches(self, release: Release, sql: str, stages: Sequence[str], timeout_s: float) -> Generator[pa.RecordBatch, None, None]:
        """Yield an empty batch, which tells the schema, and then those of a query."""
        with self._cursor(release, stages, timeout_s) as cursor:
            reader = cursor.execute(sql).to_arrow_reader(BATCH_ROWS)
            yield pa.RecordBatch.from_pylist([], reader.schema)
            yield from _read_batches(reader)

    def call(self, release: Release, timeout_s: float, use: Callable[[DuckConnection], T], stages: Sequence[str] = MARTS) -> T:
        """Return what a function makes of a cursor whose queries are ended at their time.

        Raises:
            QueryError: it took too long, or too much memory.
            StorageError: a file of the release can't be read.
        """

        def made() -> T:
            with self._cursor(release, stages, timeout_s) as cursor:
                return use(cursor)

        with (
            _place(self._running, timeout_s),
            Aside("query") as aside,
            self._given_up(release, stages, timeout_s),
        ):
            return aside.result(made, timeout_s + GRACE_S, GRACE_S, self._is_hopeless)

    @contextmanager
    def _given_up(self, release: Release, stages: Sequence[str], timeout_s: float) -> Iterator[None]:
        """Leave a query that isn't waited for any more (TimeoutError in the block) to itself, with the connection that it is on.

        DuckDB can't be interrupted while it waits for a store, and where that is silent it tries one file after the other, for minutes.
        """
        try:
            yield
        except TimeoutError as error:
            with self._opening_in(GRACE_S):
                self._open.pop((release.id, tuple(stages)), None)
            if self._store.folder is None:
                self._store.lose(self._store.error or f"the release's files could not be read in {timeout_s + GRACE_S:g} s; {AGAIN}")
                self._store.reach()
            raise too_slow(timeout_s) from error

    def _is_hopeless(self) -> bool:
        return not self._store.answers()

    @contextmanager
    def _opening_in(self, wait_s: float) -> Iterator[None]:
        """Hold the connections if nobody else does for so long."""
        is_held = self._opening.acquire(timeout=wait_s)
        try:
            yield
        finally:
            if is_held:
                self._opening.release()

    @contextmanager
    def _cursor(self, release: Release, stages: Sequence[str], timeout_s: float) -> Iterator[DuckConnection]:
        try:
            with self._read():
                cursor = self._opened(release, tuple(stages)).cursor()
        except DuckError as error:
            raise failed_query(error, FILES) from error
        try:
            with ended_in_time(cursor, timeout_s, FILES), self._read():
                yield cursor
        finally:
            cursor.close()

    @contextmanager
    def _read(self) -> Iterator[None]:
        """Let DuckDB ask the store in the block; one that is away isn't asked, and one that doesn't answer DuckDB is away."""
        self._store.reach()
        try:
            yield
        except (DuckError, QueryError) as error:
            cause = error.__cause__ if isinstance(error, QueryError) else error
            if self._store.folder is None and is_unanswered(cause):
                self._store.lose(f"the release's files can't be read: {' '.join(str(error).split())[:200]}; {AGAIN}")
                self._store.reach()
            raise

    def _opened(self, release: Release, stages: tuple[str, ...]) -> DuckConnection:
        key = (release.id, stages)
        with self._opening:
            if key not in self._open:
                self._store.reach()  # who had the lock before may have found that it is away
                self._open[key] = open_release(self._settings, release, stages)
                if len(self._open) > OPEN_RELEASES:
                    self._open.popitem(last=False)
            self._open.move_to_end(key)
            return self._open[key]


@contextmanager
def _place(running: threading.Semaphore, wait_s: float) -> Iterator[None]:
    """Take one of the places of queries that run at once.

    Raises:
        QueryError: none was free for so long.
    """
    if not running.acquire(timeout=wait_s):
        raise QueryError(f"the server was busy for {wait_s:g} s; try again")
    try:
        yield
    finally:
        running.release()


def _until_none(batch: Callable[[], pa.RecordBatch | None]) -> Iterator[pa.RecordBatch]:
    while (found := batch()) is not None:
        yield found


def _read_batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Yield the batches; DuckDB's errors in the middle of them come as those of Arrow or the system."""
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (OSError, pa.ArrowException) as error:
            raise DuckError(str(error)) from error
        yield batch
