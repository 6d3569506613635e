"""Which tables of a release the REST API shows, under which path, and how a row of one is named.

A table that isn't here is read by its files alone: `/v1/datasets`, and the Iceberg REST catalog.
"""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("artifact", "project", "collection")


@dataclass(frozen=True)
class Resource:
    """A table as a list.

    Attributes:
        path: below `/v1/`.
        table: of the marts.
        keys: columns whose values name one row: `/v1/<path>/<value>`; the first one is how people call it.
        indexes: further columns that are often asked for.
        is_large: whether it is read from the release's files, or from the rows beside the serving replica, not from the replica's own tables.
        rows_by: of a large one, columns by whose values the replica has the rows too, for those who ask for a few of them (rows.py).
        located: of a large one, columns of text of whose values the replica knows in which files they stand.
    """

    path: str
    table: str
    keys: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    is_large: bool = False
    rows_by: tuple[str, ...] = ()
    located: tuple[str, ...] = ()


RESOURCES = (
    Resource("collections", "collections_v1", ("collection_name", "collection_id", "oso_id")),
    Resource("projects", "projects_v1", ("project_name", "project_id", "oso_id")),
    Resource("artifacts", "artifacts_v1", ("artifact_id", "oso_id"), ("artifact_name", "artifact_namespace", "canonical_artifact_id")),
    Resource("metrics", "metrics_v1", ("metric_name", "metric_id")),
    Resource("artifacts-by-project", "artifacts_by_project_v1", indexes=("project_name", "project_id", "artifact_id")),
    Resource(
        "projects-by-collection", "projects_by_collection_v1", indexes=("collection_name", "collection_id", "project_id", "project_name")
    ),
    Resource("project-memberships", "project_memberships_v1", indexes=("project_id", "artifact_id")),
    Resource("artifact-aliases", "artifact_aliases_v1", indexes=("artifact_id", "artifact_name", "canonical_artifact_id")),
    Resource("key-metrics/artifacts", "key_metrics_by_artifact_v1", indexes=("artifact_id", "metric_name")),
    Resource("key-metrics/projects", "key_metrics_by_project_v1", indexes=("project_id", "metric_name")),
    Resource("key-metrics/collections", "key_metrics_by_collection_v1", indexes=("collection_id", "metric_name")),
    Resource("metric-periods", "metric_periods_v1", indexes=("metric_name",)),
    Resource("coverage", "event_coverage_v1", indexes=("period_start",)),
    Resource("gaps", "source_gaps_v1"),
    Resource("lineage", "model_lineage_v1", indexes=("model_name", "input_name")),
    Resource("events", "events_v1", is_large=True, located=("to_artifact_id", "from_artifact_id")),
    Resource("events/daily", "events_daily_v1", is_large=True, rows_by=("to_artifact_id", "from_artifact_id")),
)
SERIES_TABLES = {f"timeseries_metrics_by_{level}_v1": level for level in LEVELS}
"""Tables that are kept packed: a row for each metric and entity."""


def kept_resources() -> list[Resource]:
    """Return those whose rows the serving replica keeps."""
    return [resource for resource in RESOURCES if not resource.is_large]
