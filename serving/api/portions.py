"""Which files of a large table a question has to read, and in which order: by what the replica knows of their days and of the values in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from catalog.partitions import cut_by
from catalog.release_document import ReleasedFile, ReleasedTable
from serving.api.grammar import NAMING, Comparison, Node, Order
from serving.replica.layout import EPOCH
from serving.replica.replica import Replica

FIRST_FILES = 1
FIRST_LOCATED_FILES = 16
"""Where the replica knows in which files a value stands, each has but few rows with it."""
_EARLIEST, _LATEST = -(2**31), 2**31


def portions(replica: Replica, table: ReleasedTable, nodes: Sequence[Node], order: Order, after: Any) -> Iterator[list[ReleasedFile]]:
    """Yield the files in which rows that are asked for may stand; in an order by days some at a time, each time twice as many.

    No row of a portion comes, in this order, before one of the portion before it.

    Args:
        replica: of the release.
        table: of the release.
        nodes: conditions, all of which must hold.
        order: the first column of the order.
        after: the value of that column in the row after which rows are wanted; None without one.
    """
    files = _located(replica, table, nodes)
    size = FIRST_FILES if len(files) == len(table.data_files) else FIRST_LOCATED_FILES
    known = [(days, file) for file in files if (days := replica.days_of(file.path))]
    if order.column != cut_by(table) or len(known) < len(files):
        yield files
        return
    first, last = _asked_days(nodes, order, after)
    portion: list[ReleasedFile] = []
    for stretch in _stretches([one for one in known if one[0][0] <= last and one[0][1] >= first], is_descending=order.is_descending):
        portion += stretch
        if len(portion) >= size:
            yield portion
            portion, size = [], size * 2
    if portion:
        yield portion


def _located(replica: Replica, table: ReleasedTable, nodes: Sequence[Node]) -> list[ReleasedFile]:
    """Return the files in which the values that are asked for stand, by what the replica knows."""
    files = table.data_files
    for node in nodes:
        if isinstance(node, Comparison) and node.operator in NAMING:
            there = replica.files_with(table.name, node.column, node.value if node.operator == "in" else [node.value])
            files = [file for file in files if there is None or file.path in there]
    return files


def _asked_days(nodes: Sequence[Node], order: Order, after: Any) -> tuple[int, int]:
    """Return the first and the last day (since 1970) of which rows may be wanted."""
    first, last = _EARLIEST, _LATEST
    if after is not None:
        first, last = (first, _day(after)) if order.is_descending else (_day(after), last)
    for node in nodes:
        if isinstance(node, Comparison) and node.column == order.column:
            is_time = isinstance(node.value, datetime)
            if node.operator in ("eq", "gt", "gte"):
                first = max(first, _day(node.value) + (node.operator == "gt" and not is_time))
            if node.operator in ("eq", "lt", "lte"):
                last = min(last, _day(node.value) - (node.operator == "lt" and not is_time))
    return first, last


def _day(value: date) -> int:
    return ((value.date() if isinstance(value, datetime) else value) - EPOCH).days


def _stretches(files: list[tuple[tuple[int, int], ReleasedFile]], *, is_descending: bool) -> list[list[ReleasedFile]]:
    """Return files in an order by their days, those that share a day together."""
    found: list[list[ReleasedFile]] = []
    until = _EARLIEST
    for (first, last), file in sorted(files, key=lambda one: one[0]):
        if first > until:
            found.append([])
        found[-1].append(file)
        until = max(until, last)
    return found[::-1] if is_descending else found
