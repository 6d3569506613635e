"""The application, its options, and what it does with errors."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from catalog.errors import OsslakeError
from catalog.settings import DEFAULT_LAKE, Settings, load_settings
from lakehouse.cli import ingest, maintain, pipeline, publish, read, release, stack
from lakehouse.cli.arguments import given

INTERRUPTED = 130
"""Exit code after Ctrl-C, which Typer gives by itself, without a word."""

app = typer.Typer(
    name="osslake",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: osslake --lake demo run",
)
app.add_typer(ingest.app, name="ingest")
app.add_typer(release.app, name="release")
app.add_typer(publish.app, name="publish")
app.add_typer(stack.app, name="stack")
pipeline.register(app)
maintain.register(app)
read.register(app)


@app.callback()
def osslake(
    context: typer.Context,
    lake: Annotated[str, typer.Option(envvar="OSSLAKE_LAKE", help="The lake's folder, or a settings file (.toml).", callback=given)] = str(
        DEFAULT_LAKE
    ),
) -> None:
    """An open lakehouse of open-source impact data: collect, compute, sign, publish, query."""
    context.obj = _Lake(Path(lake))


class _Lake:
    """The lake that a command works on; its settings are read when they are first asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def settings(self) -> Settings:
        return load_settings(self.path)


def main() -> None:
    """Run the command line: exit code 0, 1 for an error of ours (one line), 2 for wrong usage, 130 after Ctrl-C."""
    try:
        try:
            app()
        except SystemExit as ended:
            if ended.code == INTERRUPTED:
                raise KeyboardInterrupt from ended
            raise
        except RuntimeError as error:
            if isinstance(error.__cause__, KeyboardInterrupt):  # DuckDB's word for Ctrl-C in the middle of a query
                raise KeyboardInterrupt from error
            raise
    except OsslakeError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or 'the system'}: {error.strerror or error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; run the same command again, nothing is lost\n")
        _leave(INTERRUPTED)


def _leave(code: int) -> NoReturn:
    """End the process now: a thread that waits for a source would keep it for as long as the source takes to answer."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)
