"""`osslake sql | explain | serve`: reading releases."""

from __future__ import annotations

import importlib
import sys
from datetime import UTC, date
from enum import StrEnum
from pathlib import Path
from textwrap import indent
from typing import Annotated, Any

import typer

from catalog.errors import QueryError
from lakehouse.cli.output import Output, OutputOption, print_json, say


class Format(StrEnum):
    """Forms of a query's rows."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


class Stage(StrEnum):
    """Stages that can be read."""

    raw = "raw"
    staging = "staging"
    intermediate = "intermediate"
    marts = "marts"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog='Example: osslake sql "select project_name, artifact_count from projects_v1 limit 5"')(sql)
    app.command(epilog="Example: osslake explain github_commits_monthly uniswap 2015-01-01")(explain)
    app.command(epilog="Example: osslake serve --port 8000")(serve)


def sql(
    context: typer.Context,
    query: Annotated[
        str, typer.Argument(metavar="SQL", help="One statement that reads; tables stand under their stage: marts.projects_v1.")
    ],
    release: Annotated[
        str | None, typer.Option("--release", help="Id, its beginning, or a sequence number; default: the current one.")
    ] = None,
    stage: Annotated[Stage | None, typer.Option("--stage", help="Only this stage, its tables under plain names too.")] = None,
    form: Annotated[Format, typer.Option("--format", help="json prints an array of objects and nothing else.")] = Format.table,
    out: Annotated[Path | None, typer.Option("--out", help="Write to a file instead of standard output.")] = None,
) -> None:
    """Query a release with DuckDB's SQL: raw tables, staging, intermediate tables and marts."""
    from catalog.query import STAGES, open_release, run_query
    from catalog.releases import read_release

    if form is Format.parquet and out is None and sys.stdout.isatty():
        raise QueryError("--format parquet wants --out FILE, or standard output led elsewhere")
    settings = context.obj.settings
    chosen = read_release(settings, release)
    stages: tuple[str, ...] = (stage.value,) if stage else STAGES
    staging = None
    if stage is Stage.staging or (stage is None and "staging." in query.lower()):
        from lakehouse.staging_views import staging_views

        staging = staging_views(settings, chosen)
    elif stage is None:
        stages = tuple(one for one in STAGES if one != "staging")
    connection = open_release(settings, chosen, stages, staging.queries if staging else None)
    try:
        rows = run_query(connection, query, form.value, out or sys.stdout.buffer)
    except QueryError as error:
        cause = staging.cause(error) if staging else None
        if cause:
            raise cause from error
        raise
    if out:
        sys.stderr.write(f"{rows:,} rows in {out}\n")


def explain(
    context: typer.Context,
    metric: Annotated[str, typer.Argument(metavar="METRIC", help="Name of a metric, such as github_commits_monthly.")],
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="Slug of a project or collection, owner/name of a repository, or an id.")],
    day: Annotated[str, typer.Argument(metavar="DATE", help="A day of the window, such as 2015-01-01.")],
    release: Annotated[str | None, typer.Option("--release", help="Id, its beginning, or a sequence number.")] = None,
    events: Annotated[int, typer.Option("--events", min=0, max=1_000_000, help="How many events to show.")] = 50,
    output: OutputOption = Output.text,
) -> None:
    """Lead from one number to its definition, SQL, events, and the raw file and line of each."""
    from catalog.explain import explain as explain_value
    from catalog.releases import read_release

    try:
        chosen = date.fromisoformat(day)
    except ValueError as error:
        raise typer.BadParameter(f"{day!r} is not a date such as 2015-01-01") from error
    settings = context.obj.settings
    found = explain_value(settings, read_release(settings, release), metric, entity, chosen, events)
    if output is Output.json:
        print_json(found)
        return
    _show(found)


def _show(found: Any) -> None:
    say(f"{found.metric_name} of {found.level} {found.entity}, {found.first_day} to {found.last_day}: {found.value:g} {found.unit}")
    say(f"  {found.display_name}: {found.description}")
    say(f"  release {found.release_id}; recomputed from events_daily_v1: {found.recomputed:g}")
    if found.period:
        coverage = "unknown" if found.period["coverage"] is None else f"{found.period['coverage']:.1%}"
        complete = "complete" if found.period["is_period_complete"] else "not over yet"
        degraded = f", degraded: {found.period['gap_reason']}" if found.period["is_degraded"] else ""
        say(f"  period {complete}, coverage {coverage}{degraded}")
    say("  SQL, as `osslake sql` takes it:")
    say(indent(found.definition_sql, "    "))
    say(f"  {found.event_count:,} events of {found.artifacts:,} artifacts, the newest {len(found.events)}")
    say("  (times are UTC; hour files of old records are named by their own clock):")
    lines = [_event_line(event) for event in found.events]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        say("    " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _event_line(event: dict[str, Any]) -> list[str]:
    """Return time, type, repository, actor, amount, id, and where the record lies."""
    actor = event["actor"] or (event["from_artifact_id"] or "unknown")[:16]
    where = f"{event['raw_file']}:{event['raw_line']}" if event["raw_file"] else "no raw row"
    time = f"{event['time'].astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return [
        time,
        event["event_type"],
        event["repository"],
        f"{actor} ({event['actor_kind']})",
        f"{event['amount']:g}",
        event["event_source_id"],
        where,
    ]


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen at.")] = 8000,
    public_url: Annotated[str, typer.Option("--public-url", help="Address that clients are told, behind a proxy.")] = "",
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes that answer; default: serve.workers.")] = None,
) -> None:
    """Serve the releases over HTTP: the REST API, an Iceberg REST catalog, read-only, with the data files beside it, and a page that says how to read them."""
    settings = context.obj.settings
    sys.stderr.write(
        f"serving {settings.folder} at http://{host}:{port}/ (a page for people, Iceberg REST catalog, data files); Ctrl-C ends it\n"
    )
    importlib.import_module("serving.server").run(
        settings, host, port, workers=workers or settings.serve.workers, public_url=public_url, tell=_tell
    )


def _tell(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()
