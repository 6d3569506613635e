"""`osslake ingest ...`: one command a source."""

from __future__ import annotations

from typing import Annotated

import typer

from lakehouse.cli.arguments import given
from lakehouse.cli.output import Output, OutputOption, print_json, progress, show_load
from lakehouse.lock import lake_lock

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Load a source into the raw tables; what is loaded already is left alone."
)


def _show(summary: object, output: Output) -> None:
    print_json(summary) if output is Output.json else show_load(summary)  # type: ignore[arg-type]


@app.command(epilog="Example: osslake ingest oss-directory ../oss-directory --history")
def oss_directory(
    context: typer.Context,
    addresses: Annotated[
        list[str], typer.Argument(metavar="FOLDER|GIT_URL|BUNDLE...", help="Directories; a later one's slug wins.", callback=given)
    ],
    history: Annotated[bool, typer.Option("--history", help="The whole git history, as slowly changing membership.")] = False,
    output: OutputOption = Output.text,
) -> None:
    """Load projects, collections and what they list."""
    from ingest.loader import Loader
    from lakehouse.ingest import ingest_directories

    settings = context.obj.settings
    with progress() as (on_load, step), lake_lock(settings, "ingest oss-directory", step):
        summary = ingest_directories(settings, Loader(settings), [(address, history) for address in addresses], on_load)
    _show(summary, output)


@app.command(epilog="Example: osslake ingest gharchive https://data.gharchive.org --from 2015-01-01T00 --to 2015-01-01T02")
def gharchive(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="FOLDER|URL", help="Where the hour files are: any fsspec address.", callback=given)],
    start: Annotated[str, typer.Option("--from", help="First hour, such as 2015-01-01T00.")],
    end: Annotated[str, typer.Option("--to", help="Hour after the last one.")],
    recheck: Annotated[bool, typer.Option("--recheck", help="Ask for hours again that are old and known.")] = False,
    output: OutputOption = Output.text,
) -> None:
    """Load hours of GH Archive: each hour once, anew if its file changed."""
    from catalog.errors import SettingsError
    from ingest.gharchive.hours import hour_range
    from ingest.loader import Loader
    from lakehouse.ingest import ingest_gharchive

    try:
        hour_range(start, end)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
    settings = context.obj.settings
    with progress() as (on_load, step), lake_lock(settings, "ingest gharchive", step):
        summary = ingest_gharchive(settings, Loader(settings), address, start, end, recheck=recheck, progress=on_load)
    _show(summary, output)


@app.command(epilog="Example: osslake ingest git ~/clones/osslake --repository https://github.com/owner/osslake")
def git(
    context: typer.Context,
    addresses: Annotated[list[str], typer.Argument(metavar="PATH|URL...", help="Clones, bare repositories or git URLs.", callback=given)],
    repository: Annotated[
        str, typer.Option("--repository", help="The repository's address, where remote.origin.url does not tell it.")
    ] = "",
    output: OutputOption = Output.text,
) -> None:
    """Load the commits of repositories, from the last head that was seen."""
    from catalog.settings import GitSource
    from ingest.loader import Loader
    from lakehouse.ingest import ingest_git

    settings = context.obj.settings
    if repository and len(addresses) > 1:
        raise typer.BadParameter("--repository goes with one address")
    sources = [GitSource(address=address, repository=repository) for address in addresses]
    with progress() as (on_load, step), lake_lock(settings, "ingest git", step):
        summary = ingest_git(settings, Loader(settings), sources, on_load)
    _show(summary, output)
