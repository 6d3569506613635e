"""Changes to a written line: what makes a sound record an odd or a malformed one."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from ingest.world.texts import PLANTED_ADDRESSES

Record = dict[str, Any]
Edit = Callable[[bytes], list[bytes]]
"""From one line to the lines that stand in the file instead."""


def unchanged(line: bytes) -> list[bytes]:
    """Return the line itself."""
    return [line]


def twice(line: bytes) -> list[bytes]:
    """Add an exact duplicate in the same hour."""
    return [line, line]


def on_branch(ref: str) -> Edit:
    """Make it a push to this ref."""
    return lambda line: [re.sub(rb'"ref":"[^"]*"', b'"ref":"' + ref.encode() + b'"', line, count=1)]


on_main = on_branch("refs/heads/main")


def changed(change: Callable[[Record], object]) -> Edit:
    """Return the record after a change to its parsed form."""

    def edit(line: bytes) -> list[bytes]:
        record: Record = json.loads(line)
        change(record)
        return [json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()]

    return edit


def also(change: Callable[[Record], object]) -> Edit:
    """Return the record, and once more after a change to its parsed form."""
    return lambda line: [line, *changed(change)(line)]


def cut_in_two(line: bytes) -> list[bytes]:
    """Half a line: no JSON."""
    return [line[: len(line) // 2]]


def break_utf8(line: bytes) -> list[bytes]:
    """Put in a byte that never occurs in UTF-8, inside of a text."""
    return [line.replace(b'"public":true', b'"note":"caf\xe9 \xff","public":true')]


def wrap_in_array(line: bytes) -> list[bytes]:
    """JSON, but no object."""
    return [b"[" + line + b"]"]


def put(path: str, value: object) -> Edit:
    """Put a value at a dotted path."""
    *folders, last = path.split(".")

    def change(record: Record) -> None:
        for name in folders:
            record = record[name]
        record[last] = value

    return changed(change)


def drop(name: str) -> Edit:
    """Leave out one of the record's top-level fields."""
    return changed(lambda record: record.pop(name))


def raw_number(path: bytes, number: int) -> Edit:
    """Another number where the first `path` (such as b'"repo":{"id":') is followed by one."""
    return lambda line: [re.sub(re.escape(path) + rb"\d+", path + str(number).encode(), line, count=1)]


def previous_day(day: str) -> str:
    """Return the day before a day, both as YYYY-MM-DD."""
    return str(date.fromisoformat(day) - timedelta(days=1))


def long_text() -> str:
    """About 215,000 characters, every planted address among them."""
    lines = [f"{at:05d} a log that somebody pasted, and {'=' * 20}" for at in range(3_500)]
    return "\n".join([*lines, *PLANTED_ADDRESSES])
