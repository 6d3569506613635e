"""A metric as a whole: its definition, the models that make it, their audits, and how far its source can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from serving.api.answers import Asked, Body
from serving.api.documents import JSON_OPTIONS, take_only
from serving.api.lineage import lineage_of, models_of
from serving.api.lists import envelope, no_row
from serving.api.series import ROLLING
from serving.replica.layout import loaded_value
from serving.replica.replica import Replica
from serving.resources import LEVELS, RESOURCES

ALL_TIME = "over_all_time"
ANY_TYPE = "*"
PARAMETERS = {
    ":artifact_ids": "ids of the artifacts that make up the entity",
    ":first_day": "first day of the period",
    ":last_day": "last day of the period, no later than the as-of date",
    ":window_days": "days of the period",
}
_METRICS = next(one for one in RESOURCES if one.path == "metrics")


def metric_answer(asked: Asked, name: str) -> Body:
    """Return a metric's row, and beside its columns what it rests on.

    Raises:
        RequestError: 404, there is no such metric; near names are told.
    """
    take_only(asked)
    found = asked.replica.row(_METRICS, name)
    if found is None:
        raise no_row(asked, _METRICS, name)
    row = orjson.loads(found[1])
    return Body(envelope(asked, orjson.dumps(row | _behind(asked, row), option=JSON_OPTIONS)))


def _behind(asked: Asked, row: dict[str, Any]) -> dict[str, Any]:
    replica = asked.replica
    window = row["window_name"]
    tables = published_in(replica, window)
    lineage = lineage_of(models_of(replica), tables)
    models = {one["model_name"] for one in lineage["models"]}
    types = row["event_types"].split("|")
    return {
        "definition": _definition(row, types),
        "series": None if window == ALL_TIME else f"{asked.root}/series?metric={row['metric_name']}",
        "key_metrics": _key_metrics(asked, row["metric_name"], tables),
        "published_in": tables,
        "lineage": lineage,
        "audits": [one.model_dump(mode="json") for one in replica.release.document.audits if one.model in models],
        "periods": _periods(replica, row["metric_name"]),
        "coverage": _coverage(replica, row["event_source"]),
        "gaps": _gaps(replica, row["event_source"], types),
    }


def published_in(replica: Replica, window: str) -> list[str]:
    """Return the marts that hold values of a window's metrics."""
    kinds = ["key_metrics"] if window == ALL_TIME else ["timeseries_metrics"]
    if window.startswith(ROLLING):
        kinds.append("key_metrics")
    names = [f"{kind}_by_{level}_v1" for kind in kinds for level in LEVELS]
    return [f"marts.{name}" for name in names if name in replica.tables]


def _key_metrics(asked: Asked, metric: str, tables: Sequence[str]) -> list[str]:
    """Return paths of the values that a metric has as of the release: one each of artifacts, projects and collections."""
    found = (one for one in RESOURCES if one.path.startswith("key-metrics/") and f"marts.{one.table}" in tables)
    return [f"{asked.root}/{one.path}?metric_name=eq.{metric}" for one in found]


def _definition(row: dict[str, Any], types: Sequence[str]) -> dict[str, Any]:
    sql = row["definition_sql"]
    return {
        "description": row["description"],
        "unit": row["unit"],
        "window": row["window_name"],
        "event_types": types,
        "includes_bots": row["includes_bots"],
        "sql": sql,
        "parameters": {name: told for name, told in PARAMETERS.items() if name in sql},
    }


def _periods(replica: Replica, metric: str) -> dict[str, Any] | None:
    """Return how many of the metric's periods are whole, covered and degraded; None where nothing is known of them."""
    periods = replica.periods(metric)
    if not len(periods.days):
        return None
    known = [one for one in periods.coverage if one is not None]
    return {
        "first_sample_date": loaded_value(int(periods.days[0]), "date"),
        "last_sample_date": loaded_value(int(periods.days[-1]), "date"),
        "period_count": len(periods.days),
        "complete_count": sum(periods.is_complete),
        "degraded_count": sum(periods.is_degraded),
        "lowest_coverage": min(known, default=None),
    }


def _coverage(replica: Replica, source: str) -> dict[str, Any] | None:
    """Return what was loaded of a source: hours by state, records, and the hours that it reaches from and to."""
    if "event_coverage_v1" not in replica.tables:
        return None
    rows = replica.look_up(
        "SELECT state, count(*), sum(record_count), sum(rejected_count), min(period_start), max(period_start + period_seconds * 1000000)"
        " FROM event_coverage_v1 WHERE event_source = ? GROUP BY state ORDER BY state",
        (source,),
    )
    if not rows:
        return None
    return {
        "event_source": source,
        "period_start": loaded_value(min(row[4] for row in rows), "timestamptz"),
        "period_end": loaded_value(max(row[5] for row in rows), "timestamptz"),
        "states": {row[0]: row[1] for row in rows},
        "records": sum(row[2] or 0 for row in rows),
        "rejected": sum(row[3] or 0 for row in rows),
    }


def _gaps(replica: Replica, source: str, types: Sequence[str]) -> list[dict[str, Any]]:
    """Return the known gaps of a source that concern these types of events, and whether each begins within the release."""
    if "source_gaps_v1" not in replica.tables:
        return []
    rows = replica.look_up(
        "SELECT event_type, gap_start, gap_end, reason, url FROM source_gaps_v1 WHERE event_source = ? ORDER BY gap_start, event_type",
        (source,),
    )
    told = []
    for kind, start, end, reason, url in rows:
        if kind == ANY_TYPE or kind in types:
            first, last = loaded_value(start, "timestamptz"), loaded_value(end, "timestamptz")
            is_within = first.date() <= replica.release.as_of_date
            told.append(
                {"event_type": kind, "gap_start": first, "gap_end": last, "is_within_release": is_within, "reason": reason, "url": url}
            )
    return told
