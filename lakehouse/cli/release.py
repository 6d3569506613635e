"""`osslake release ...`: create, list, show, compare, verify and roll back releases."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lakehouse.cli.output import Output, OutputOption, print_json, progress, say, size
from lakehouse.cli.pipeline import as_of_day, run_record, show_release_made
from lakehouse.lock import lake_lock

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make signed releases, and look at them.")
ReleaseArgument = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="Id, its beginning, or a sequence number; default: the current one.")
]


@app.command(epilog="Example: osslake release create --as-of 2015-01-31")
def create(
    context: typer.Context,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Last day that metrics speak of; default: of the last hour asked for.")
    ] = None,
    output: OutputOption = Output.text,
) -> None:
    """Release what is loaded, transforming first where that is needed; without news the release stays the same."""
    from lakehouse.run import check_is_loaded, release_now

    settings, last_day = context.obj.settings, as_of_day(as_of)
    check_is_loaded(settings)
    with progress() as (_, step), lake_lock(settings, "release create", step):
        summary = release_now(settings, last_day, step)
    print_json(run_record(summary)) if output is Output.json else show_release_made(summary)


@app.command("list", epilog="Example: osslake release list")
def list_(context: typer.Context, output: OutputOption = Output.text) -> None:
    """List the kept releases, the newest first, and mark the current one."""
    from catalog.releases import list_releases, read_latest

    settings = context.obj.settings
    latest = read_latest(settings)
    rows: list[dict[str, Any]] = [
        {
            "id": one.id,
            "sequence": one.sequence,
            "created_at": one.created_at,
            "as_of_date": one.as_of_date,
            "restores": one.document.restores,
            "is_current": latest is not None and one.id == latest.id,
        }
        | {"tables": len(one.tables), "rows": sum(table.row_count for table in one.tables)}
        for one in list_releases(settings)
    ]
    if output is Output.json:
        print_json(rows)
        return
    for row in rows:
        restored = f", restores {row['restores'][:16]}" if row["restores"] else ""
        current = ", current" if row["is_current"] else ""
        say(f"{row['id']}  as of {row['as_of_date']}, made {row['created_at']:%Y-%m-%d %H:%M} UTC, {row['rows']:,} rows{restored}{current}")


@app.command(epilog="Example: osslake release show 1")
def show(context: typer.Context, identifier: ReleaseArgument = None, output: OutputOption = Output.text) -> None:
    """Show a release: its tables, rows, bytes and digests."""
    from catalog.releases import read_release

    release = read_release(context.obj.settings, identifier)
    if output is Output.json:
        print_json(release.document.model_dump(mode="json", by_alias=True) | {"id": release.id})
        return
    document = release.document
    say(f"release {release.id}")
    say(f"  as of {document.as_of_date}, made {document.created_at:%Y-%m-%d %H:%M:%S} UTC, signed with key {document.key_id}")
    say(f"  before it: {document.previous or 'nothing'}{f'; restores {document.restores}' if document.restores else ''}")
    for coverage in document.coverage:
        states = ", ".join(f"{count:,} hours {state}" for state, count in sorted(coverage.states.items()))
        say(f"  {coverage.source}: {states}; {coverage.records:,} records, {coverage.rejected:,} rejected")
    say(f"  {len(document.audits)} audits passed")
    for table in document.tables:
        say(f"  {table.full_name:<55} {table.row_count:>12,} rows {size(table.size_bytes):>10}  {table.content_digest}")


@app.command(epilog="Example: osslake release diff 1 2")
def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="A", help="Id, its beginning, or a sequence number.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    output: OutputOption = Output.text,
) -> None:
    """Compare two releases: tables, rows, partitions, files, coverage, models."""
    from catalog.release_diff import diff_releases
    from catalog.releases import read_release

    settings = context.obj.settings
    found = diff_releases(read_release(settings, before), read_release(settings, after))
    if output is Output.json:
        print_json(found)
        return
    if found.is_empty:
        say("no difference")
        return
    say(f"{found.before} -> {found.after}: as of {found.as_of_before} -> {found.as_of_after}")
    for sign, tables in (("+", found.added), ("-", found.removed)):
        for table in tables:
            say(f"{sign} {table.full_name}, {table.row_count:,} rows")
    for change in found.changed:
        parts = f", partitions {', '.join(change.partitions)}" if any(change.partitions) else ""
        say(
            f"~ {change.name}: {change.rows_before:,} -> {change.rows_after:,} rows{parts}; "
            f"{change.files_added} files added ({size(change.bytes_added)}), {change.files_removed} gone"
        )
        for word, columns in (("added", change.columns_added), ("removed", change.columns_removed), ("changed", change.columns_changed)):
            if columns:
                say(f"    columns {word}: {', '.join(columns)}")
    if found.models:
        say(f"models that differ: {', '.join(found.models)}")


@app.command(epilog="Example: osslake release verify")
def verify(context: typer.Context, identifier: ReleaseArgument = None, output: OutputOption = Output.text) -> None:
    """Check signatures, the chain of releases, every file's SHA-256 and every content digest."""
    from lakehouse.releases import verify_release

    found = verify_release(context.obj.settings, identifier)
    if output is Output.json:
        print_json(
            {
                "id": found.release.id,
                "chain": found.chain_length,
                "files": found.file_count,
                "bytes": found.size_bytes,
                "rows": found.row_count,
            }
        )
        return
    say(f"release {found.release.id} holds: {found.chain_length} signed documents in the chain, {found.file_count:,} files")
    say(f"({size(found.size_bytes)}) with their SHA-256, {found.row_count:,} rows with their content digests")


@app.command(epilog="Example: osslake release rollback 1")
def rollback(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The release whose tables become current again.")],
    output: OutputOption = Output.text,
) -> None:
    """Make a new signed release with an older one's tables; it stays the current one until inputs or models change."""
    from lakehouse.releases import rollback_release

    settings = context.obj.settings
    with lake_lock(settings, "release rollback"):
        outcome = rollback_release(settings, identifier)
    if output is Output.json:
        print_json({"id": outcome.release.id, "restores": outcome.release.document.restores, "is_new": outcome.is_new})
        return
    say(f"release {outcome.release.id} restores {outcome.release.document.restores}")
