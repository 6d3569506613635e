"""All that Dagster is told of a lake."""

from __future__ import annotations

from dagster import AssetsDefinition, Definitions, in_process_executor

from catalog.settings import Settings
from lakehouse.model_datasets import published_datasets
from lakehouse.model_graph import model_nodes
from lakehouse.orchestration.jobs import lake_jobs
from lakehouse.orchestration.models import models_asset
from lakehouse.orchestration.releases import release_assets
from lakehouse.orchestration.sources import days_of, source_assets
from lakehouse.transform import opened_models


def lake_definitions(settings: Settings) -> Definitions:
    """Return a lake's assets, checks, jobs and schedules.

    The steps of a run follow one another in one process: each holds the lake while it works.

    Raises:
        SettingsError: an hour of the sources can't be read as one.
        TransformError: a model can't be parsed.
    """
    with opened_models(settings) as context:
        nodes = model_nodes(context)
        released = [dataset.full_name for dataset in published_datasets(context)]
    assets: list[AssetsDefinition] = [*source_assets(settings), models_asset(settings, nodes), *release_assets(settings, released)]
    jobs, schedules = lake_jobs(settings, days_of(settings))
    return Definitions(assets=assets, jobs=jobs, schedules=schedules, executor=in_process_executor)
