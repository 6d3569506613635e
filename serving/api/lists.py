"""Lists of rows, and single rows: of tables of the replica, of rows beside it, and of the release's files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import orjson
import pyarrow as pa

from catalog.release_document import ReleasedTable
from catalog.results import json_rows
from serving.api.answers import Asked, Body
from serving.api.cursors import Cursors, Position, question_digest
from serving.api.documents import take_only
from serving.api.errors import RequestError, unknown
from serving.api.formats import write_rows
from serving.api.selections import Page, Selection, read_from_files, read_from_replica, read_from_rows, read_selection
from serving.engine import Engine
from serving.replica.replica import Replica
from serving.resources import Resource

FEW = 10
"""Values whose rows are found about as quickly as those of one."""


class Lists:
    """Answers what is asked of tables."""

    def __init__(self, cursors: Cursors, engine: Engine) -> None:
        self.cursors, self.engine = cursors, engine

    def page(self, asked: Asked, resource: Resource) -> Body:
        """Return a page of a table.

        Raises:
            RequestError: the query string asks for what isn't there.
            QueryError: it took too long.
        """
        wanted, after = read_selection(asked, resource, _table(asked, resource)), self._after(asked)
        replica, timeout_s = asked.replica, asked.limits.longest_query_s
        if not resource.is_large:
            return self._body(asked, read_from_replica(replica, wanted, after, timeout_s), is_query=False)
        column, is_quick = _rows_column(replica, resource, wanted)
        if column:
            page = read_from_rows(replica, wanted, column, after, timeout_s, is_quick=is_quick)
        else:
            page = read_from_files(self.engine, replica, wanted, after, timeout_s)
        return self._body(asked, page, is_query=not is_quick)

    def is_query(self, asked: Asked, resource: Resource) -> bool:
        """Tell whether a page of a table takes a query that may take long.

        Raises:
            RequestError: the query string asks for what isn't there.
        """
        return resource.is_large and not _rows_column(asked.replica, resource, read_selection(asked, resource, _table(asked, resource)))[1]

    def row(self, asked: Asked, resource: Resource, value: str) -> Body:
        """Return the row that a key names.

        Raises:
            RequestError: 404, there is none; near names are told.
        """
        take_only(asked)
        _table(asked, resource)
        found = asked.replica.row(resource, value)
        if found is None:
            raise no_row(asked, resource, value)
        return Body(envelope(asked, found[1]))

    def _after(self, asked: Asked) -> list[Any] | None:
        """Return what tells the last row of the page before, as the cursor has it; None without a cursor."""
        text = asked.value("cursor")
        if not text:
            return None
        position = self.cursors.read(text, self._question(asked))
        if position.release_id != asked.replica.release.id:
            raise RequestError(
                410,
                f"this cursor belongs to release {position.release_id}; ask with release={position.release_id}, or begin anew",
                parameter="cursor",
            )
        return position.values

    def _question(self, asked: Asked) -> str:
        return question_digest(asked.path, asked.without("limit", "cursor"))

    def _body(self, asked: Asked, page: Page, *, is_query: bool) -> Body:
        next_page = ""
        if page.last is not None:
            release_id = asked.replica.release.id
            cursor = self.cursors.write(Position(release_id, self._question(asked), page.last))
            pinned = [] if asked.is_pinned else [("release", release_id)]
            next_page = f"{asked.root}/{asked.full_path}?{urlencode([*asked.without('cursor'), *pinned, ('cursor', cursor)])}"
        if asked.format.name == "json":
            rows: Iterable[bytes] = page.json if page.columns is None else json_rows(page.columns.schema.names, [page.columns])
            content = envelope(asked, b"[" + b",\n".join(rows) + b"]", next_page, is_list=True)
            return Body(content, next_page, page.count, is_query)
        columns = page.columns if page.columns is not None else pa.record_batch([], pa.schema([]))
        return Body(write_rows(columns.schema, [columns], asked.format), next_page, page.count, is_query)


def envelope(asked: Asked, data: bytes, next_page: str = "", *, is_list: bool = False) -> bytes:
    """Return an answer in JSON: the release that it comes from, its as-of date, the data, and where the next page is."""
    release = asked.replica.release
    head = f'{{"release_id":"{release.id}","as_of_date":"{release.as_of_date}","data":'.encode()
    tail = b',"next":' + orjson.dumps(next_page or None) + b"}\n" if is_list else b"}\n"
    return head + data + tail


def _rows_column(replica: Replica, resource: Resource, wanted: Selection) -> tuple[str, bool]:
    """Return the column by which the rows beside a replica hold what is asked for together, "" where there is none; and whether it is in few places."""
    counts = {column: wanted.named_values(column) for column in resource.rows_by if replica.rows.has(resource.table, column)}
    fewest = min(((count, column) for column, count in counts.items() if count is not None), default=None)
    return ("", False) if fewest is None else (fewest[1], fewest[0] <= FEW)


def _table(asked: Asked, resource: Resource) -> ReleasedTable:
    """Return the table of a resource; 404 where the release has none."""
    if resource.table not in asked.replica.tables:
        raise RequestError(404, f"release {asked.replica.release.sequence} has no table {resource.table}")
    return asked.replica.tables[resource.table]


def no_row(asked: Asked, resource: Resource, value: str) -> RequestError:
    """Return the 404 for a key that names no row, with the keys that are near it."""
    return unknown(resource.path.removesuffix("s"), value, asked.replica.names(resource), status=404)
