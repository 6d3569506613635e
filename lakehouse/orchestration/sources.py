"""Sources as assets: the raw tables. GH Archive's are cut by days; directories and clones have a newest state only."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Config,
    DailyPartitionsDefinition,
    MaterializeResult,
    TableColumn,
    TableSchema,
    TimeWindow,
    multi_asset,
)
from pydantic import Field

from catalog.raw_tables import RAW_TABLES
from catalog.settings import HoursSource, Settings
from ingest.gharchive.hours import parse_hour
from ingest.loader import Loader, LoadSummary
from lakehouse.ingest import expand_git_sources, ingest_directories, ingest_gharchive, ingest_git
from lakehouse.orchestration.steps import asset_key, freshness_policy, lake_held, retry_policy

HOUR_TEXT = "%Y-%m-%dT%H"
_DAY = timedelta(days=1)


class HoursConfig(Config):
    """What may be chosen for a run over GH Archive's days."""

    recheck: bool = Field(False, description="Ask for hours again that are old and known, as `--recheck` does.")


def days_of(settings: Settings) -> DailyPartitionsDefinition | None:
    """Return the UTC days of the hours that the settings name, today's among them; None without hours."""
    spans = [_span(source) for source in settings.sources.gharchive]
    if not spans:
        return None
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    after = last.replace(hour=0) + (_DAY if last.hour else timedelta())
    return DailyPartitionsDefinition(first.replace(hour=0), end_date=after, end_offset=1)


def source_assets(settings: Settings) -> list[AssetsDefinition]:
    """Return the raw tables of each source that the settings name."""
    sources, assets = settings.sources, []
    if sources.oss_directory:
        assets.append(_oss_directory(settings))
    if days := days_of(settings):
        assets.append(_gharchive(settings, days))
    if sources.git:
        assets.append(_git(settings))
    return assets


def _gharchive(settings: Settings, days: DailyPartitionsDefinition) -> AssetsDefinition:
    tables = _specs(settings, "gharchive")

    @multi_asset(
        name="gharchive",
        specs=tables,
        partitions_def=days,
        backfill_policy=BackfillPolicy.single_run(),
        retry_policy=retry_policy(settings),
        description="GH Archive's hours of the chosen days: each once, anew if its file changed.",
    )
    def gharchive(context: AssetExecutionContext, config: HoursConfig) -> Iterator[MaterializeResult[Any]]:
        with lake_held(settings, context.op_execution_context, "ingest gharchive"):
            loader = Loader(settings)
            loads = [
                ingest_gharchive(settings, loader, settings.resolve(source.address), start, end, recheck=config.recheck)
                for source in settings.sources.gharchive
                for start, end in hours_within(source, context.partition_time_window)
            ]
        yield from _results(tables, loads)

    return gharchive


def _oss_directory(settings: Settings) -> AssetsDefinition:
    tables = _specs(settings, "oss_directory")

    @multi_asset(name="oss_directory", specs=tables, retry_policy=retry_policy(settings), description="OSS directories as they are now.")
    def oss_directory(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
        with lake_held(settings, context.op_execution_context, "ingest oss-directory"):
            listed = [(settings.resolve(source.address), source.history) for source in settings.sources.oss_directory]
            load = ingest_directories(settings, Loader(settings), listed)
        yield from _results(tables, [load])

    return oss_directory


def _git(settings: Settings) -> AssetsDefinition:
    tables = _specs(settings, "git")

    @multi_asset(
        name="git", specs=tables, retry_policy=retry_policy(settings), description="Commits of clones, from the last head that was seen."
    )
    def git(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
        with lake_held(settings, context.op_execution_context, "ingest git"):
            load = ingest_git(settings, Loader(settings), expand_git_sources(settings))
        yield from _results(tables, [load])

    return git


def hours_within(source: HoursSource, window: TimeWindow) -> list[tuple[str, str]]:
    """Return from and to of a source's hours in a stretch of time: one pair, or none."""
    first, last = _span(source)
    start, end = max(first, window.start), min(last, window.end)
    return [(f"{start:{HOUR_TEXT}}", f"{end:{HOUR_TEXT}}")] if start < end else []


def _span(source: HoursSource) -> tuple[datetime, datetime]:
    return parse_hour(source.start, "setting sources.gharchive.from"), parse_hour(source.end, "setting sources.gharchive.to")


def _specs(settings: Settings, source: str) -> list[AssetSpec]:
    return [
        AssetSpec(
            asset_key(dataset.full_name),
            description=dataset.description,
            group_name="raw",
            kinds={"dlt", "iceberg"},
            freshness_policy=freshness_policy(settings),
            metadata={
                "dagster/column_schema": TableSchema([TableColumn(one.name, one.type, one.comment) for one in dataset.columns]),
                "licence": dataset.licence,
            },
        )
        for dataset in RAW_TABLES
        if dataset.name.startswith(f"{source}__")
    ]


def _results(tables: list[AssetSpec], loads: list[LoadSummary]) -> Iterator[MaterializeResult[Any]]:
    """Tell what was loaded, for each table of the source: in = loaded + rejected."""
    metadata = {
        "files": sum(load.files for load in loads),
        "bytes": sum(load.bytes for load in loads),
        "records": sum(load.records for load in loads),
        "loaded": sum(load.loaded for load in loads),
        "rejected": sum(load.rejected.total() for load in loads),
        "unchanged": sum(load.unchanged for load in loads),
    }
    notes = [note for load in loads for note in load.notes]
    for table in tables:
        yield MaterializeResult(table.key, metadata=metadata | ({"notes": "\n".join(notes)} if notes else {}))
