"""Loading of parts, two at a time: while the server makes the indexes of one, the rows of another are encoded here.

Rows are sent in the order of their key, which files have but in parts: to sort them here costs a third of what the server takes for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from psycopg import sql

from catalog.bucket import lake_connection
from catalog.duck import quoted
from catalog.settings import PostgresTarget, Settings
from lakehouse.publications.postgres.contents import parts_schema
from lakehouse.publications.postgres.layout import Part, TableLayout
from lakehouse.publications.postgres.loading import load_part
from lakehouse.publications.postgres.server import connected
from lakehouse.publications.rows import row_batches

SORT_MEMORY = "1GB"
"""Of each connection of DuckDB; what goes beyond is sorted in files."""
AT_ONCE = 2
"""Connections that load; the server sorts for each of them with memory of its own (maintenance_work_mem)."""
Wanted = tuple[TableLayout, Part]
Loaded = tuple[TableLayout, Part, int]


def load_parts(settings: Settings, wanted: Sequence[Wanted]) -> Iterator[Loaded]:
    """Load parts, the largest first, and yield each with the bytes that were sent for it, as it is there.

    Where one can't be loaded no more is begun, and what is being loaded is waited for; then the first error is raised.

    Raises:
        PublishError, TargetUnavailableError, StorageError: a part can't be loaded.
    """
    waiting = deque(sorted(wanted, key=lambda one: -one[1].partition.row_count))
    come: SimpleQueue[Loaded | None] = SimpleQueue()

    def work() -> None:
        try:
            for loaded in _load_waiting(settings, waiting):
                come.put(loaded)
        finally:
            waiting.clear()  # all is loaded, or something failed
            come.put(None)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="postgres") as pool:
        working = [pool.submit(work) for _ in wanted[:AT_ONCE]]
        try:
            for _ in working:
                yield from iter(come.get, None)
        finally:
            waiting.clear()
        for one in working:
            one.result()


def analyse_tables(target: PostgresTarget, names: Iterable[str]) -> None:
    """Let the server look at tables and their parts, by which it plans queries.

    Raises:
        PublishError, TargetUnavailableError: it does not.
    """

    def analyse(name: str) -> None:
        with connected(target) as connection:
            connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(target.schema_name, name)))

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="postgres") as pool:
        for _ in pool.map(analyse, names):
            pass


def _load_waiting(settings: Settings, waiting: deque[Wanted]) -> Iterator[Loaded]:
    """Load one part after the other, as long as any wait."""
    target = settings.publish.postgres
    with connected(target) as connection, lake_connection(settings) as duck, TemporaryDirectory(prefix="osslake-publish-") as spilled:
        duck.execute(f"SET temp_directory = '{quoted(spilled)}'; SET memory_limit = '{SORT_MEMORY}'")
        while True:
            try:
                layout, part = waiting.popleft()
            except IndexError:  # none waits any more
                return
            batches = row_batches(settings, duck, layout.released, part.partition.files, order_by=layout.key)
            yield layout, part, load_part(connection, parts_schema(target), layout, part, batches)
