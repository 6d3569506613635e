"""Where one number comes from: its definition filled in, the number computed anew, and the events behind it with their raw file and line."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

import orjson

from catalog.errors import QueryError
from catalog.explain import EVENTS_SHOWN, Explanation, explain_over, missing_tables
from serving.api.answers import Asked, Body
from serving.api.documents import JSON_OPTIONS, take_only
from serving.api.errors import RequestError, unknown
from serving.api.lists import envelope
from serving.engine import ALL_STAGES, Engine
from serving.replica.layout import EPOCH
from serving.replica.replica import Entity, Metric, Replica

EXPLAIN_TIMEOUT_S = 20.0
MAX_ARTIFACTS = 5_000
PARAMETERS = ("metric", "entity", "date", "shown")
_LEVELS = ("project", "collection", "artifact")
_KNOWN = 20_000


def explanation_answer(engine: Engine, asked: Asked) -> Body:
    """Return what stands behind the value of `metric` for `entity` at `date` (default: the as-of date), with `shown` of its events.

    Raises:
        RequestError: 400, a parameter is missing or wrong; 404, there is no such metric or entity (near names are told), or the release
            doesn't hold what is needed; 413, the entity stands for too many artifacts.
        QueryError: it took too long.
    """
    take_only(asked, *PARAMETERS)
    replica, release = asked.replica, asked.replica.release
    missing = missing_tables(release)
    if missing:
        raise RequestError(404, f"nothing can be explained here: this release doesn't hold {', '.join(missing)}")
    metric, entity = _metric(asked, replica), _entity(asked, replica)
    _refuse_large(replica, entity)
    day, shown = _day(asked, replica), asked.number("shown", 10, 0, EVENTS_SHOWN)
    try:
        told = engine.call(
            release, EXPLAIN_TIMEOUT_S, lambda cursor: explain_over(cursor, release, metric.name, entity.id, day, shown), ALL_STAGES
        )
    except QueryError as error:
        if "timeout_s" in error.values or not error.values:
            raise
        raise RequestError(404, str(error)) from error
    return Body(envelope(asked, orjson.dumps(_told(asked, told, entity), option=JSON_OPTIONS)), is_query=True)


def _told(asked: Asked, told: Explanation, entity: Entity) -> dict[str, object]:
    found = asdict(told)
    del found["release_id"]
    return found | {"entity": entity.name, "entity_id": entity.id, "definition": f"{asked.root}/metrics/{told.metric_name}"}


def _metric(asked: Asked, replica: Replica) -> Metric:
    name = _needed(asked, "metric")
    found = replica.metric(name)
    if found is None:
        known = [one for (one,) in replica.look_up("SELECT metric_name FROM metrics_v1 ORDER BY rowid")]
        raise unknown("metric", name, known, status=404, parameter="metric")
    return found


def _entity(asked: Asked, replica: Replica) -> Entity:
    """Return what a name means: a project before a collection before an artifact, as `osslake explain` takes it."""
    name = _needed(asked, "entity")
    for level in _LEVELS:
        found = replica.entity(level, name)
        if found is not None:
            return found
    known = [one for (one,) in replica.look_up("SELECT project_name FROM projects_v1 ORDER BY rowid LIMIT ?", (_KNOWN,))]
    raise unknown("project, collection or artifact", name, known, status=404, parameter="entity")


def _refuse_large(replica: Replica, entity: Entity) -> None:
    """Refuse what stands for so many artifacts that their ids alone would be an answer of megabytes."""
    query = {
        "artifact": "SELECT 1",
        "project": "SELECT count(*) FROM artifacts_by_project_v1 WHERE project_id = ?",
        "collection": "SELECT count(*) FROM projects_by_collection_v1 JOIN artifacts_by_project_v1 USING (project_id) WHERE collection_id = ?",
    }[entity.level]
    count = replica.look_up(query, (entity.id,) if "?" in query else ())[0][0]
    if count > MAX_ARTIFACTS:
        raise RequestError(
            413, f"{entity.name} stands for {count:,} artifacts, which is more than {MAX_ARTIFACTS:,}; one of its projects can be explained"
        )


def _needed(asked: Asked, name: str) -> str:
    value = asked.value(name)
    if not value:
        raise RequestError(
            400,
            f"{name} is missing: /v1/explain?metric=github_stars_monthly&entity=uniswap&date={asked.replica.release.as_of_date}",
            parameter=name,
        )
    return value


def _day(asked: Asked, replica: Replica) -> date:
    text, last = asked.value("date"), replica.release.as_of_date
    if not text:
        return last
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise RequestError(400, f"date={text[:30]} is no date such as 2024-01-31", parameter="date") from error
    if not EPOCH <= day <= last:
        raise RequestError(400, f"date={day} is not between {EPOCH} and {last}, the last day that this release speaks of", parameter="date")
    return day
