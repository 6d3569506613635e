"""What commands print: results on standard output, progress and messages on standard error."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import structlog
import typer
from rich.console import Console

if TYPE_CHECKING:
    from ingest.loader import LoadSummary


class Output(StrEnum):
    """How a command renders its result."""

    text = "text"
    json = "json"


OutputOption = Annotated[Output, typer.Option("--output", help="text for people, json for programs.")]
_errors = Console(stderr=True, highlight=False)
_LOG_PROCESSORS: list[structlog.typing.Processor] = [structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.processors.JSONRenderer()]


def say(line: str = "") -> None:
    """Print a line of the result."""
    sys.stdout.write(line + "\n")


def print_json(value: Any) -> None:
    """Print a result as one JSON document."""
    text = orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
    sys.stdout.write(text.decode() + "\n")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, Path | date | datetime):
        return str(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} can't be shown as JSON")


@contextmanager
def progress() -> Iterator[tuple[Callable[[LoadSummary], None], Callable[[str], None]]]:
    """Show progress on standard error: a status line on a terminal, JSON lines elsewhere. Yields what loads report to, and what steps do."""
    if _errors.is_terminal:
        with _errors.status("starting") as status:
            yield (lambda summary: status.update(_load_line(summary))), (lambda step: status.update(step))
        return
    log = structlog.wrap_logger(structlog.WriteLogger(sys.stderr), _LOG_PROCESSORS, structlog.BoundLogger)

    def on_load(summary: LoadSummary) -> None:
        log.info("load", source=summary.source, files=summary.files, rows=summary.loaded, rejected=summary.rejected.total())

    yield on_load, lambda step: log.info("step", step=step)


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Show steps: a status line on a terminal, lines elsewhere. Yields what is told of each."""
    if _errors.is_terminal:
        with _errors.status("starting") as status:
            yield status.update
        return
    yield lambda step: _errors.print(step, soft_wrap=True)


def _load_line(summary: LoadSummary) -> str:
    return f"{summary.source}: {summary.files:,} files, {summary.loaded:,} rows, {summary.rows_per_s:,.0f} rows/s"


def show_load(summary: LoadSummary) -> None:
    """Print what a load did: in = loaded + rejected."""
    say(
        f"{summary.source}: {summary.files:,} files ({size(summary.bytes)}), {summary.records:,} records in = "
        f"{summary.loaded:,} loaded + {summary.rejected.total():,} rejected; {summary.unchanged:,} unchanged; "
        f"{summary.duration_s:.1f} s, {summary.rows_per_s:,.0f} rows/s"
    )
    for reason, count in summary.rejected.most_common():
        say(f"  rejected, {reason}: {count:,}")
    for note in summary.notes:
        say(f"  {note}")


def size(count: int) -> str:
    """Return bytes for people: `1.5 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")
