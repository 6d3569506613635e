"""What the OpenAPI document says of releases, data sets, explanations, descriptions for machines, and the service itself."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.explain import missing_tables
from serving.api.openapi import Document, Operation, a_value, an_object, parameter
from serving.replica.replica import Replica

_JSON_LD = "application/ld+json"
_TAG = "releases and data sets"


def catalogue_operations(replica: Replica) -> Iterable[Operation]:
    """Yield the operations of serving/api/catalogue.py and serving/operations.py."""
    yield from _releases(replica)
    yield from _datasets(replica)
    if not missing_tables(replica.release):
        yield _explain(replica)
    for path, summary in (
        ("limits", "What one client may ask, and what an answer may take"),
        ("status", "How fresh the release is, and what is answered from"),
    ):
        yield Operation(path, summary, {}, tag="service", media_type="application/json", is_pinned=False)


def _releases(replica: Replica) -> Iterable[Operation]:
    number = str(replica.release.sequence)
    head = an_object("id sequence created_at as_of_date is_current restores table_count row_count")
    name = parameter("name", "id, its beginning, sequence number, or `latest`", _text(), in_path=True)
    yield Operation("releases", "Kept releases, the newest first", {"type": "array", "items": head}, tag=_TAG, is_pinned=False)
    yield Operation("releases/{name}", "What a release says of its tables", head, (name,), {"name": number}, tag=_TAG, is_pinned=False)
    after = parameter("after", "the other release", _text(), in_path=True)
    yield Operation(
        "releases/{name}/changes/{after}",
        "What differs from one release to another",
        {"type": "object"},
        (name, after),
        {"name": number, "after": number},
        tag=_TAG,
        is_pinned=False,
    )


def _datasets(replica: Replica) -> Iterable[Operation]:
    tables = sorted(replica.tables.values(), key=lambda table: table.row_count)
    example = {"name": tables[0].full_name if tables else "marts.projects_v1"}
    name = parameter("name", "`stage.table`", _text(), in_path=True)
    stage = parameter("stage", "raw, intermediate or marts", {"type": "string", "enum": ["raw", "intermediate", "marts"]})
    yield Operation(
        "datasets",
        "The tables of all stages, with columns and licences",
        {"type": "array", "items": {"type": "object"}},
        (stage,),
        tag=_TAG,
    )
    yield Operation(
        "datasets/{name}", "A table, and its Parquet files by link with their SHA-256", {"type": "object"}, (name,), example, tag=_TAG
    )
    yield Operation(
        "datasets/{name}/rows",
        "A whole table, as a stream: NDJSON ends with an end record",
        {},
        (name,),
        example,
        ("ndjson", "csv", "arrow"),
        tag=_TAG,
        media_type="application/x-ndjson",
    )
    yield Operation("datasets/{name}/croissant", "A table, described in Croissant 1.0", {}, (name,), example, tag=_TAG, media_type=_JSON_LD)
    yield Operation("croissant", "The published tables, described in Croissant 1.0", {}, tag=_TAG, media_type=_JSON_LD)
    yield Operation("dcat", "The published tables, described in DCAT-AP", {}, tag=_TAG, media_type=_JSON_LD)


def _explain(replica: Replica) -> Operation:
    metric = a_value(replica, "metrics_v1", "metric_name", "WHERE window_name = 'weekly'")
    return Operation(
        "explain",
        "What stands behind one number: definition, SQL, events, and the raw file and line of each",
        an_object("metric_name entity level value definition_sql events"),
        (
            parameter("metric", "its name", is_required=True),
            parameter("entity", "slug of a project or a collection, `owner/name` of a repository, or an id", is_required=True),
            parameter(
                "date",
                "any day of a calendar window, the last day of a rolling one; the as-of date without it",
                {"type": "string", "format": "date"},
            ),
            parameter("shown", "events that are listed", {"type": "integer", "minimum": 0, "maximum": 50, "default": 10}),
        ),
        {"metric": metric, "entity": a_value(replica, "projects_v1", "project_name"), "date": str(replica.release.as_of_date)},
        tag="series",
    )


def _text() -> Document:
    return {"type": "string", "minLength": 1}
