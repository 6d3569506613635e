"""Whole tables as a stream of rows: as much as is read is computed, and what breaks off can be told from what has ended.

NDJSON ends with `{"end":true,"rows":N}`. CSV and Arrow come in chunks; where an error arises in the middle, the connection is broken off, so that
the client's own library says that the answer isn't whole. NDJSON and CSV are packed as they come, as the client allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pyarrow as pa
from fastapi import Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from catalog.duck import identifier
from catalog.errors import OsslakeError, StorageError
from catalog.releases import Release, ReleasedTable
from catalog.results import result_chunks
from serving.api.answers import RELEASE_HEADER, VARY, Answers, Asked
from serving.api.costs import COST_HEADER, cost_of
from serving.api.datasets import ROW_FORMATS, named_table
from serving.api.documents import take_only
from serving.api.formats import FORMATS, JSON, chosen_encoding, packed_pieces
from serving.conditional import IMMUTABLE, REVALIDATE, is_known
from serving.engine import ALL_STAGES, MARTS, Engine
from serving.logs import log

PACKED_FORMATS = ("ndjson", "csv")
"""Formats that are sent packed where the client allows it: text."""
STREAMED_ROWS = 10
"""Rows of a stream that cost as much as one of a page."""
EXPORT_TIMEOUT_S = 3600.0
"""For a whole table."""
PATIENCE_S = 60.0
"""For a client to take a piece."""


class Export(StreamingResponse):
    """A stream that lets go of what it holds as soon as it has ended, or the client has gone, or takes nothing any more.

    All its pieces are made in one thread of its own: each thread that makes large pieces keeps memory for more of them.
    """

    def __init__(
        self, pieces: Generator[bytes, None, None], headers: dict[str, str], media_type: str, patience_s: float = PATIENCE_S
    ) -> None:
        self._pieces, self._patience_s = pieces, patience_s
        self._thread = ThreadPoolExecutor(1, "export")
        # what stands before the rows, and some rows: an error so far is still answered as one
        first = self._thread.submit(lambda: next(pieces) + next(pieces, b""))
        super().__init__(_made_in(self._thread, pieces, first.result()), 200, headers, media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces; break off where the client takes none for too long."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._patience_s):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        finally:
            self._thread.submit(self._pieces.close)  # after the piece that it may be making
            self._thread.shutdown(wait=False)


async def _made_in(thread: ThreadPoolExecutor, pieces: Iterator[bytes], piece: bytes | None) -> AsyncIterator[bytes]:
    """Yield a piece and those after it, which a thread makes."""
    while piece is not None:
        if piece:
            yield piece
        piece = await asyncio.get_running_loop().run_in_executor(thread, next, pieces, None)


class Exports:
    """Answers `/v1/datasets/<name>/rows`."""

    def __init__(self, answers: Answers, engine: Engine) -> None:
        self._answers, self._engine = answers, engine

    def respond(self, request: Request, name: str, suffix: str = "") -> Response:
        """Answer with the rows of a table.

        Raises:
            RequestError: there is no such table, format or parameter.
            QueryError: as many tables are being read as may be.
            StorageError: a file of the release can't be read.
        """
        asked = self._answers.question(request, f"datasets/{name}/rows", suffix, ROW_FORMATS)
        asked = replace(asked, format=FORMATS["ndjson"]) if asked.format is JSON else asked
        take_only(asked)
        table = named_table(asked.replica.release, name)
        encoding = chosen_encoding(request.headers.get("accept-encoding", "")) if asked.format.name in PACKED_FORMATS else ""
        headers = self._headers(asked, table, encoding)
        if is_known(request, headers["ETag"].removeprefix("W/")):
            headers.pop("Content-Encoding", "")
            return Response(status_code=304, headers=headers)
        if request.method == "HEAD":
            response = Response(headers=headers, media_type=asked.format.media_type)
            del response.headers["content-length"]  # nobody knows it before all rows are written
            return response
        pieces = self._pieces(asked.replica.release, table, asked.format.name)
        return Export(packed_pieces(pieces, encoding) if encoding else pieces, headers, asked.format.media_type)

    def _headers(self, asked: Asked, table: ReleasedTable, encoding: str) -> dict[str, str]:
        headers = {
            "ETag": f"W/{self._answers.etag(asked, encoding)}",
            "Cache-Control": IMMUTABLE if asked.is_pinned else REVALIDATE,
            "Vary": VARY,
            "Content-Disposition": f'attachment; filename="{table.full_name}.{asked.format.name}"',
            RELEASE_HEADER: asked.replica.release.id,
            COST_HEADER: str(cost_of(table.row_count // STREAMED_ROWS, is_query=True)),
        }
        return headers | ({"Content-Encoding": encoding} if encoding else {})

    def _pieces(self, release: Release, table: ReleasedTable, output_format: Any) -> Generator[bytes, None, None]:
        stages = MARTS if table.stage == "marts" else ALL_STAGES
        sql = f"SELECT * FROM {identifier(table.stage)}.{identifier(table.name)}"
        try:
            with self._engine.stream(release, sql, stages, EXPORT_TIMEOUT_S) as (schema, batches):
                yield from result_chunks(output_format, schema, _all_rows(batches, table))
        except OsslakeError as error:
            log("export.failed", release_id=release.id, table=table.full_name, format=output_format, error=str(error))
            raise


def _all_rows(batches: Iterator[pa.RecordBatch], table: ReleasedTable) -> Iterator[pa.RecordBatch]:
    """Yield all rows of a table, and fail at the end where they aren't as many as its release says."""
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        yield batch
    if rows != table.row_count:
        raise StorageError(f"{table.full_name} has {rows:,} rows here, its release says {table.row_count:,}", table=table.full_name)
