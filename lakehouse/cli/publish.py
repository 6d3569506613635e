"""`osslake publish ...`: the release to all targets that the settings name, or to one of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel, ValidationError

from catalog.errors import SettingsError
from catalog.settings_checks import check_static
from lakehouse.cli.output import Output, OutputOption, print_json, progress, say, size
from lakehouse.lock import lake_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from catalog.settings import Settings
    from lakehouse.publications import Outcome

app = typer.Typer(
    rich_markup_mode=None,
    help="Publish the current release: to all targets that the settings name, or to one.",
    epilog="Example: osslake publish",
)


@app.callback(invoke_without_command=True)
def publish(context: typer.Context, output: OutputOption = Output.text) -> None:
    """Publish the current release: to all targets that the settings name, or to one."""
    if context.invoked_subcommand is None:
        _publish(context.obj.settings, None, output)
    elif output is not Output.text:
        raise typer.BadParameter(f"--output stands after the target: osslake publish {context.invoked_subcommand} --output {output}")


@app.command(epilog="Example: osslake publish iceberg")
def iceberg(context: typer.Context, output: OutputOption = Output.text) -> None:
    """Bring the lake's own Iceberg tables up to date with the models."""
    _publish(context.obj.settings, "iceberg", output)


@app.command(epilog="Example: osslake publish static /srv/lake --url https://lake.example.org")
def static(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="[DIR]", help="A folder or any fsspec address; default: the setting.")] = "",
    url: Annotated[str, typer.Option("--url", help="The address under which the files will be seen.")] = "",
    output: OutputOption = Output.text,
) -> None:
    """Lay the kept releases down as static files for any web server."""
    settings = context.obj.settings
    place = address if "://" in address or not address else str(Path(address).absolute())
    chosen = _with(settings, static=place or settings.publish.static, static_url=url or settings.publish.static_url)
    if not (chosen.publish.static and chosen.publish.static_url):
        raise typer.BadParameter(
            "static wants a folder and --url, such as: osslake publish static /srv/lake --url https://lake.example.org"
        )
    check_static(chosen)
    _publish(chosen, "static", output)


@app.command(epilog="Example: osslake publish bigquery --project my-project --dataset osslake --location EU")
def bigquery(
    context: typer.Context,
    project: Annotated[str, typer.Option("--project", help="Google Cloud project; default: the setting.")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Dataset, made if there is none; default: the setting.")] = "",
    location: Annotated[str, typer.Option("--location", help="Where the dataset is made, such as EU.")] = "",
    endpoint: Annotated[str, typer.Option("--endpoint", metavar="URL", help="Of BigQuery's API, such as an emulator's.")] = "",
    public: Annotated[bool, typer.Option("--public", help="Let everybody with a Google account read the dataset.")] = False,
    external: Annotated[bool, typer.Option("--external", help="Show the lake's own Iceberg files, which lie in Cloud Storage.")] = False,
    output: OutputOption = Output.text,
) -> None:
    """Show the marts as tables of a BigQuery dataset, loaded where they differ, all moved to the release in one transaction."""
    settings = context.obj.settings
    place = {"project": project, "dataset": dataset, "location": location, "endpoint": endpoint}
    chosen = with_target(settings, settings.publish.bigquery, "bigquery", **place, public=public, external=external)
    if not (chosen.publish.bigquery.project and chosen.publish.bigquery.dataset):
        raise typer.BadParameter(
            "bigquery wants --project and --dataset, such as: osslake publish bigquery --project my-project --dataset osslake"
        )
    _publish(chosen, "bigquery", output)


@app.command(epilog="Example: osslake publish postgres --dsn postgresql://osslake@db.example.org/lake --schema marts")
def postgres(
    context: typer.Context,
    dsn: Annotated[
        str, typer.Option("--dsn", help="The database; the password is better left to the setting or to ~/.pgpass. Default: the setting.")
    ] = "",
    schema: Annotated[str, typer.Option("--schema", help="Of the tables; default: the setting.")] = "",
    output: OutputOption = Output.text,
) -> None:
    """Bring the marts to a PostgreSQL database, with keys, indexes and comments."""
    settings = context.obj.settings
    chosen = with_target(settings, settings.publish.postgres, "postgres", dsn=dsn, schema_name=schema)
    if not chosen.publish.postgres.dsn.get_secret_value():
        raise typer.BadParameter("postgres wants --dsn or the setting publish.postgres.dsn, such as: --dsn postgresql://user@host/database")
    _publish(chosen, "postgres", output)


def with_target(settings: Settings, part: BaseModel, name: str, **chosen: str | bool) -> Settings:
    """Return the settings with what a command says of a target, checked as the file's are; what it leaves empty stays.

    Raises:
        SettingsError: a value can't be used.
    """
    told = {key: value for key, value in chosen.items() if value}
    try:
        return _with(settings, **{name: type(part).model_validate(part.model_dump() | told)})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise SettingsError(f"setting 'publish.{name}.{first['loc'][0]}': {first['msg']}", option=first["loc"][0]) from error


def _with(settings: Settings, **chosen: Any) -> Settings:
    """Return the settings with what a command names of the branch `publish`."""
    return settings.model_copy(update={"publish": settings.publish.model_copy(update=chosen)})


def _publish(settings: Settings, name: str | None, output: Output) -> None:
    from catalog.releases import read_release
    from lakehouse.publications import named_publications, open_publication, publish_each

    targets = [open_publication(settings, name)] if name else named_publications(settings)
    with progress() as (_, step), lake_lock(settings, f"publish {name}" if name else "publish", step):
        outcomes = publish_each(settings, targets, read_release(settings), step)
    if output is Output.json:
        print_json(outcomes_record(outcomes))
    else:
        show_outcomes(outcomes)
    exit_for(outcomes)


def outcomes_record(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what publications did for programs, by name: the summary, or the error and its code."""
    return {one.name: one.summary or {"error": str(one.error), "code": one.error.code if one.error else ""} for one in outcomes}


def show_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print what the publications that succeeded did."""
    for outcome in outcomes:
        done = outcome.summary
        if done is None:
            continue
        parts = sum(len(partitions) for partitions in done.tables.values())
        said = [f"{len(done.tables)} tables ({parts} partitions, {done.rows:,} rows)"] if done.tables else []
        said += [f"{done.files:,} files ({size(done.bytes)})"] if done.files else []
        said += [
            f"{name.replace('_', ' ')}: {value:,}" if not isinstance(value, str) else f"{name}: {value}"
            for name, value in done.figures.items()
        ]
        is_changed = done.is_new or done.tables or done.files
        news = (", ".join(said) or "no rows differ") if is_changed else "nothing changed"
        say(f"{outcome.name}: release {done.release_id[:16]}; {news}; {done.duration_s:.1f} s")


def exit_for(outcomes: Sequence[Outcome]) -> None:
    """Say which publications failed, a line each, and end with exit code 1 if any did."""
    failed = [one for one in outcomes if one.error]
    for one in failed:
        sys.stderr.write(f"error: publish {one.name}: {one.error}\n")
    if failed:
        raise typer.Exit(1)
