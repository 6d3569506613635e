"""`osslake maintain`: a lake's files, manifests and snapshots made fewer."""

from __future__ import annotations

from collections import Counter
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
    verbose: Annotated[bool, typer.Option("--verbose", help="A line for each table too.")] = False,
    engine: EngineOption = None,
    output: OutputOption = Output.text,
) -> None:
    """Compact small files, merge manifests, expire snapshots, delete files that nothing names; releases stay whole."""
    from lakehouse.maintenance import maintain_lake

    settings = on_engine(context.obj.settings, engine)
    with progress() as (_, step), lake_lock(settings, "maintain", step):
        summary = maintain_lake(settings, dry_run=dry_run, step=step)
    print_json(summary) if output is Output.json else _show(summary, is_verbose=verbose)


def _show(summary: MaintainSummary, *, is_verbose: bool) -> None:
    if is_verbose:
        width = max((len(one.name) for one in summary.tables), default=0)
        for one in summary.tables:
            say(f"{one.name:<{width}}  {_line(one)}")
        for name in summary.dropped:
            say(f"{name}: {'would be dropped' if summary.is_dry_run else 'dropped'}, no model and no release needs it")
        say()
    work = _work(summary)
    if work:
        say(f"{'would be' if summary.is_dry_run else 'done':<22}{'tables':>8}{'number':>10}{'bytes':>12}")
    for what, tables, number, size_bytes in work:
        say(f"{what:<22}{tables:>8,}{number:>10,}{size(size_bytes) if size_bytes else '':>12}")
    before, after = (_added_up([getattr(one, when) for one in summary.tables]) for when in ("before", "after"))
    title = ("would be in all" if summary.is_dry_run else "in all") if work else "nothing to do"
    say(f"{title}: {len(summary.tables)} tables, {_changes(before, after)}; {summary.duration_s:.1f} s")
    for note, count in Counter(one.note for one in summary.tables if one.note).items():
        say(f"left in {count} tables: {note}")


def _work(summary: MaintainSummary) -> list[tuple[str, int, int, int]]:
    """Return each kind of work that there is: what, in how many tables, how many things, their bytes where they are known."""
    tables = summary.tables
    kinds = (
        ("data files compacted", [one.compacted_files for one in tables], 0),
        ("manifests fewer", [max(one.before.manifests - one.after.manifests, 0) for one in tables], 0),
        ("snapshots expired", [one.expired_snapshots for one in tables], 0),
        ("orphans deleted", [one.orphans for one in tables], sum(one.orphan_bytes for one in tables)),
        ("tables dropped", [1] * len(summary.dropped), 0),
    )
    return [(what, sum(map(bool, counts)), sum(counts), size_bytes) for what, counts, size_bytes in kinds if any(counts)]


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
