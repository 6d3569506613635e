"""`osslake maintain`: a lake's files, manifests and snapshots made fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.cli.output import Output, OutputOption, print_json, progress, say, size
from lakehouse.lock import lake_lock

if TYPE_CHECKING:
    from lakehouse.maintenance import MaintainSummary, TableUpkeep


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: osslake maintain --dry-run")(maintain)


def maintain(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and change nothing.")] = False,
    output: OutputOption = Output.text,
) -> None:
    """Compact small files, merge manifests, expire snapshots, delete files that nothing names; releases stay whole."""
    from lakehouse.maintenance import maintain_lake

    settings = context.obj.settings
    with lake_lock(settings, "maintain"), progress() as (_, step):
        summary = maintain_lake(settings, dry_run=dry_run, step=step)
    print_json(summary) if output is Output.json else _show(summary)


def _show(summary: MaintainSummary) -> None:
    width = max((len(one.name) for one in summary.tables), default=0)
    for one in summary.tables:
        say(f"{one.name:<{width}}  {_line(one)}")
    for name in summary.dropped:
        say(f"{name}: {'would be dropped' if summary.is_dry_run else 'dropped'}, no model and no release needs it")
    befores, afters = [one.before for one in summary.tables], [one.after for one in summary.tables]
    totals = ", ".join(
        f"{name.replace('_', ' ')} {_change(sum(getattr(one, name) for one in befores), sum(getattr(one, name) for one in afters))}"
        for name in _COUNTED
    )
    volume = f"{size(sum(one.bytes for one in befores))} to {size(sum(one.bytes for one in afters))}"
    say(f"{'would be' if summary.is_dry_run else 'in all'}: {len(summary.tables)} tables, {totals}, {volume}; {summary.duration_s:.1f} s")


_COUNTED = ("snapshots", "manifests", "data_files", "files")


def _line(one: TableUpkeep) -> str:
    counts = ", ".join(f"{name.replace('_', ' ')} {_change(getattr(one.before, name), getattr(one.after, name))}" for name in _COUNTED)
    note = f" ({one.note})" if one.note else ""
    return f"{counts}, {size(one.before.bytes)} to {size(one.after.bytes)}{note}"


def _change(before: int, after: int) -> str:
    return f"{before:,}" if before == after else f"{before:,} to {after:,}"
