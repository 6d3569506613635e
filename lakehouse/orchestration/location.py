"""What Dagster loads (`dagster dev`, workspace.yaml): the lake that OSSLAKE_LAKE names."""

from __future__ import annotations

from dagster import Definitions, definitions

from catalog.settings import environment_lake, load_settings
from lakehouse.orchestration.lake import lake_definitions


@definitions
def lake() -> Definitions:
    """Return the definitions of the lake."""
    return lake_definitions(load_settings(environment_lake()))
