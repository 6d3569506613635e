"""`osslake maintain`: a lake's files, manifests and snapshots made fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.cli.output import Output, OutputOption, print_json, progress, say, size
from lakehouse.cli.pipeline import EngineOption, on_engine
from lakehouse.lock import lake_lock

if TYPE_CHECKING:
    from lakehouse.maintenance import MaintainSummary, TableUpkeep
    from lakehouse.maintenance.maintain import Figures

_COUNTED = ("snapshots", "manifests", "data_files", "files")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: osslake maintain --dry-run")(maintain)


def maintain(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and change nothing.")] = False,
    engine: EngineOption = None,
    output: OutputOption = Output.text,
) -> None:
    """Compact small files, merge manifests, expire snapshots, delete files that nothing names; releases stay whole."""
    from lakehouse.maintenance import maintain_lake

    settings = on_engine(context.obj.settings, engine)
    with progress() as (_, step), lake_lock(settings, "maintain", step):
        summary = maintain_lake(settings, dry_run=dry_run, step=step)
    print_json(summary) if output is Output.json else _show(summary)


def _show(summary: MaintainSummary) -> None:
    width = max((len(one.name) for one in summary.tables), default=0)
    for one in summary.tables:
        say(f"{one.name:<{width}}  {_line(one)}")
    for name in summary.dropped:
        say(f"{name}: {'would be dropped' if summary.is_dry_run else 'dropped'}, no model and no release needs it")
    before, after = (_added_up([getattr(one, when) for one in summary.tables]) for when in ("before", "after"))
    title = "would be" if summary.is_dry_run else "in all"
    say(f"{title}: {len(summary.tables)} tables, {_changes(before, after)}; {summary.duration_s:.1f} s")


def _added_up(figures: list[Figures]) -> dict[str, int]:
    return {name: sum(getattr(one, name) for one in figures) for name in (*_COUNTED, "bytes")}


def _line(one: TableUpkeep) -> str:
    note = f" ({one.note})" if one.note else ""
    return f"{_changes(_added_up([one.before]), _added_up([one.after]))}{note}"


def _changes(before: dict[str, int], after: dict[str, int]) -> str:
    counts = ", ".join(f"{name.replace('_', ' ')} {_change(before[name], after[name])}" for name in _COUNTED)
    return f"{counts}, {size(before['bytes'])} to {size(after['bytes'])}"


def _change(before: int, after: int) -> str:
    return f"{before:,}" if before == after else f"{before:,} to {after:,}"
