"""`osslake stack ...`: object store, REST catalog, Trino, PostgreSQL and the API as processes of this machine."""

from __future__ import annotations

import subprocess
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.errors import StackError
from lakehouse.cli.output import Output, OutputOption, print_json, say, steps

if TYPE_CHECKING:
    from lakehouse.stack import ServerState, Site

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Run the servers that a larger lake works on (docs/stack.md).")


class Form(StrEnum):
    """Forms of the settings."""

    toml = "toml"
    env = "env"


@app.command(epilog="Example: osslake stack up --workers 1")
def up(
    context: typer.Context,
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, help="Trino's workers; 0: the coordinator works itself; default: stack.workers.")
    ] = None,
    output: OutputOption = Output.text,
) -> None:
    """Start the servers that don't run, and wait until all answer; nothing is written into the lake."""
    from lakehouse.stack.stack import start_stack

    site = _site(context)
    with steps() as step:
        states = start_stack(site, site.stack.workers if workers is None else workers, step)
    if output is Output.json:
        print_json(states)
        return
    _show(states)
    _show_use(site)


@app.command(epilog="Example: osslake stack status")
def status(context: typer.Context, output: OutputOption = Output.text) -> None:
    """Tell how each server is; exit code 1 unless all are ready."""
    from lakehouse.stack.stack import stack_states

    states = stack_states(_site(context))
    print_json(states) if output is Output.json else _show(states)
    if any(one.state != "ready" for one in states):
        raise typer.Exit(1)


@app.command(epilog="Example: osslake stack logs trino --lines 50")
def logs(
    context: typer.Context,
    server: Annotated[str | None, typer.Argument(metavar="[SERVER]", help="Name of a server as `status` shows it; default: all.")] = None,
    lines: Annotated[int, typer.Option("--lines", help="How many lines of each.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Show the ends of the servers' logs."""
    site = _site(context)
    files = sorted((site.folder / "logs").glob("*.log"))
    chosen = [file for file in files if server in (None, file.stem)]
    if not chosen:
        known = ", ".join(file.stem for file in files) or "none yet"
        raise StackError(f"there is no log of {server or 'any server'} in {site.folder / 'logs'}; there are: {known}")
    subprocess.run(["tail", "-n", str(lines), *(["-F"] if follow else []), "--", *chosen], check=False)


@app.command(epilog="Example: osslake stack down")
def down(context: typer.Context) -> None:
    """Stop all servers; what they stored stays."""
    from lakehouse.stack.stack import stop_stack

    site = _site(context)
    with steps() as step:
        stopped = stop_stack(site, step)
    say(f"stopped: {', '.join(stopped) or 'nothing ran'}; state stays in {site.folder}")


@app.command(epilog="Example: osslake stack settings >> lake/osslake.toml")
def settings(
    context: typer.Context,
    form: Annotated[Form, typer.Option("--format", help="toml for osslake.toml, env for a shell's eval.")] = Form.toml,
) -> None:
    """Print the settings that lead a lake to the stack, credentials included."""
    from lakehouse.stack.connection import as_environment, as_toml

    site = _site(context)
    say(as_toml(site) if form is Form.toml else as_environment(site))


def _site(context: typer.Context) -> Site:
    try:
        from lakehouse.stack import open_site
    except ImportError as error:
        raise StackError(f"{error.name} is missing; install the extra: pip install 'osslake[stack]'") from error
    return open_site(context.obj.path, context.obj.settings)


def _show(states: list[ServerState]) -> None:
    for one in states:
        process = f"process {one.pid}, {one.memory_mb:,} MB" if one.pid else ""
        trouble = f"  see {one.log}" if one.state in ("dead", "starting", "preparing") else ""
        say(f"{one.name:<16} {one.state:<9} {one.address:<18} {process}{trouble}".rstrip())


def _show_use(site: Site) -> None:
    from lakehouse.stack.connection import addresses

    say()
    for name, address in addresses(site).items():
        say(f"{name}: {address}")
    say(f"state and logs: {site.folder}")
    say()
    say("use it for a lake:      osslake stack settings >> LAKE/osslake.toml; osslake --lake LAKE run")
    say('use it in this shell:   eval "$(osslake stack settings --format env)"')
    say("look, stop:             osslake stack status | logs | down")
    sys.stdout.flush()
