"""`osslake world | transform | run | status`: what an operator does with a whole lake."""

from __future__ import annotations

import logging
import warnings
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalog.errors import SettingsError
from catalog.settings import SETTINGS_FILE
from lakehouse.cli.arguments import given
from lakehouse.cli.output import Output, OutputOption, print_json, progress, say, show_load, size
from lakehouse.cli.publish import exit_for, outcomes_record, show_outcomes
from lakehouse.lock import lake_lock

if TYPE_CHECKING:
    from catalog.settings import Settings
    from lakehouse.releases import ReleaseOutcome
    from lakehouse.run import RunSummary


class Engine(StrEnum):
    """Engines that models run on."""

    duckdb = "duckdb"
    trino = "trino"


EngineOption = Annotated[Engine | None, typer.Option("--engine", help="Where the models run; default: the setting transform.engine.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog="Example: osslake world demo/world --events 20000 --days 60 --seed 1 --projects 40")(world)
    app.command(epilog="Example: osslake transform")(transform)
    app.command(epilog="Example: osslake --lake demo run")(run)
    app.command(epilog="Example: osslake status --output json")(status)


def as_of_day(text: str | None) -> date | None:
    """Parse `--as-of`."""
    return _day("--as-of", text) if text else None


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} {text!r} is not a date such as 2015-01-31") from error


def on_engine(settings: Settings, engine: Engine | None) -> Settings:
    """Return the settings with the engine that `--engine` names."""
    return settings.model_copy(update={"transform": settings.transform.model_copy(update={"engine": engine.value})}) if engine else settings


def world(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A new or empty folder.", callback=given)],
    events: Annotated[int, typer.Option("--events", help="Records in the hour files, 100 to 50,000,000.")] = 20_000,
    days: Annotated[int, typer.Option("--days", help="Days that they are spread over.")] = 60,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 1,
    projects: Annotated[int, typer.Option("--projects", help="Projects in the directory, 12 at least.")] = 40,
    start: Annotated[str, typer.Option("--start", help="First day.")] = "2024-01-01",
    truth: Annotated[
        bool, typer.Option("--truth", help="Also write the exact metric values (truth.parquet), up to 200,000 events.")
    ] = False,
    output: OutputOption = Output.text,
) -> None:
    """Write a generated world: hour files, a directory, git repositories, in the sources' own formats."""
    from ingest.world import WorldSettings, write_world

    first_day = _day("--start", start)
    try:
        summary = write_world(
            Path(folder), WorldSettings(events=events, days=days, seed=seed, projects=projects, start=first_day, truth=truth)
        )
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if output is Output.json:
        print_json(summary)
        return
    say(f"world in {folder}: {summary.record_count:,} records in {summary.hour_file_count:,} hour files ({size(summary.file_bytes)}), ")
    say(f"{len(summary.missing_hours)} hours missing, {summary.project_count} projects, {summary.clone_count} git repositories")
    say(f"hours: --from {summary.from_hour} --to {summary.to_hour}")


def transform(
    context: typer.Context,
    engine: EngineOption = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Last day that metrics speak of; default: of the last hour asked for.")
    ] = None,
    output: OutputOption = Output.text,
) -> None:
    """Bring the models' tables up to date with the raw tables."""
    from catalog.catalogs import open_catalog
    from lakehouse import transform as models
    from lakehouse.run import check_is_loaded

    settings, last_day = on_engine(context.obj.settings, engine), as_of_day(as_of)
    check_is_loaded(settings)
    with progress() as (_, step), lake_lock(settings, "transform", step):
        step("transform")
        summary = models.transform(settings, open_catalog(settings), last_day)
    if output is Output.json:
        print_json(
            {
                name: getattr(summary, name)
                for name in ("is_needed", "is_full", "as_of", "restated_days", "duration_s", "raw_snapshots", "audits")
            }
        )
        return
    _show_transform(summary)


def _show_transform(done: Any) -> None:
    if not done.is_needed:
        say(f"transform: nothing changed, as of {done.as_of}; {done.duration_s:.1f} s")
        return
    kind = "built from nothing" if done.is_full else f"restated what {done.restated_days:,} changed days touch"
    say(f"transform: {kind}, as of {done.as_of}, {len(done.audits)} audits passed; {done.duration_s:.1f} s")


def _show_tables(tables: Any) -> None:
    if not tables.tables:
        say("tables: nothing changed")
        return
    parts = sum(len(months) for months in tables.tables.values())
    say(f"tables: {len(tables.tables)} changed, {parts} partitions written, {tables.rows:,} rows, {size(tables.bytes)}")


def run(
    context: typer.Context,
    engine: EngineOption = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Last day that metrics speak of.")] = None,
    output: OutputOption = Output.text,
) -> None:
    """Do everything that the settings name: ingest what is new, transform, audit, release, publish."""
    from lakehouse.run import check_has_input, run_all

    settings, last_day = on_engine(context.obj.settings, engine), as_of_day(as_of)
    check_has_input(settings)
    with progress() as (on_load, step), lake_lock(settings, "run", step):
        summary = run_all(settings, as_of=last_day, progress=on_load, step=step)
    if output is Output.json:
        print_json(run_record(summary))
    else:
        _show_run(summary)
    exit_for(summary.publications)


def _show_run(summary: RunSummary) -> None:
    for load in summary.loads:
        show_load(load)
    show_release_made(summary)
    show_outcomes(summary.publications)
    say(f"done in {summary.duration_s:.1f} s")


def run_record(summary: RunSummary) -> dict[str, Any]:
    """Return a run's summary for programs."""
    done, outcome = summary.transformed, summary.release
    return {
        "loads": [load | {"rejected": dict(load["rejected"])} for load in (vars(one) for one in summary.loads)],
        "transform": {"is_needed": done.is_needed, "is_full": done.is_full, "as_of": done.as_of, "duration_s": done.duration_s}
        if done
        else None,
        "tables": summary.tables,
        "release": _outcome_record(outcome) if outcome else None,
        "publications": outcomes_record(summary.publications),
        "duration_s": summary.duration_s,
    }


def _outcome_record(outcome: ReleaseOutcome) -> dict[str, Any]:
    held_back = outcome.held_back.id if outcome.held_back else None
    return {"id": outcome.release.id, "sequence": outcome.release.sequence, "is_new": outcome.is_new, "held_back": held_back}


def show_release_made(summary: RunSummary) -> None:
    """Print what transform, publication and release did."""
    if summary.transformed:
        _show_transform(summary.transformed)
    if summary.tables:
        _show_tables(summary.tables)
    if summary.release:
        release = summary.release.release
        rows = sum(table.row_count for table in release.tables)
        news = "new" if summary.release.is_new else "unchanged"
        say(f"release {release.id} ({news}): as of {release.as_of_date}, {len(release.tables)} tables, {rows:,} rows")
        if bad := summary.release.held_back:
            say(
                f"  nothing released: what is loaded gives {bad.id[:16]} again, which was rolled back from; new input or changed models are released"
                f" by `osslake run` as ever, this one by `osslake release rollback {bad.sequence}`"
            )


def status(context: typer.Context, output: OutputOption = Output.text) -> None:
    """Tell what is loaded, what is missing, and which release is current."""
    from lakehouse.status import lake_status

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    found = lake_status(context.obj.settings)
    if output is Output.json:
        print_json(found)
        return
    say(f"lake {found.folder}")
    for source in found.sources:
        say(f"  {source['source']}: {source['text']}")
    if not found.sources:
        say(f"  nothing loaded yet; `osslake run` loads what {found.folder}/{SETTINGS_FILE} names, `osslake ingest` one source by hand")
    if found.release:
        release = found.release
        age = datetime.now(tz=release["created_at"].tzinfo) - release["created_at"]
        say(
            f"  release {release['id']}, as of {release['as_of_date']}, made {age.total_seconds() / 3600:.1f} hours ago, {release['kept']} kept"
        )
        say(f"  {'loads since then are not released yet' if found.is_behind else 'up to date with what is loaded'}")
        for target in found.targets:
            say(f"  {target['target']}: {target['text']}")
    else:
        say("  no release yet; `osslake release create` makes one")
