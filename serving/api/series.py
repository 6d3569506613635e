"""Series of metrics: calendar windows with a value for each period, rolling ones for each day or as the steps that are kept, with what is known of each period.

The marks of a period (is it complete, how much of it was covered, is it degraded) belong to metric and period, not to the entity. So what stands between two
amounts in JSON is the same for all entities: it is made once for a metric, and an answer is amounts set into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from serving.api.answers import Asked, Body
from serving.api.costs import COST_HEADER, cost_of
from serving.api.errors import RequestError, unknown
from serving.api.formats import write_rows
from serving.api.lists import envelope
from serving.replica.layout import EPOCH
from serving.replica.packed import Amounts, Days
from serving.replica.replica import Entity, Metric, Replica
from serving.resources import LEVELS, RESOURCES

ROLLING = "rolling_"
PARAMETERS = ("metric", *LEVELS, "from", "to", "steps")
_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
_EXACT = float(2**53)


def calendar_days(window: str, first: int, last: int) -> Days:
    """Return the sample dates of a window from the period that holds `first` to the one that holds `last`, as days since 1970.

    Of rolling windows and daily ones each day is a sample date; other windows begin on Mondays or on the first of a month.
    """
    if window == "weekly":
        monday = first - (first + 3) % 7  # 1970-01-01 was a Thursday
        return np.arange(monday, last + 1, 7, dtype=np.int32)
    if window in _MONTHS:
        step = _MONTHS[window]
        start, end = EPOCH + timedelta(days=first), EPOCH + timedelta(days=last)
        months = range(start.year * 12 + (start.month - 1) // step * step, end.year * 12 + end.month, step)
        return np.array([(date(month // 12, month % 12 + 1, 1) - EPOCH).days for month in months], np.int32)
    return np.arange(first, last + 1, dtype=np.int32)


def values_at(window: str, wanted: Days, days: Days, amounts: Amounts) -> Amounts:
    """Return the amount at each sample date: 0 where a calendar window has no row; of a rolling window that of the newest step."""
    found: NDArray[np.float64] = np.zeros(len(wanted))
    if not len(days) or not len(wanted):
        return found
    if window.startswith(ROLLING):
        places = np.searchsorted(days, wanted, side="right") - 1
        return np.where(places >= 0, amounts[np.maximum(places, 0)], 0.0)
    places = np.minimum(np.searchsorted(days, wanted), len(days) - 1)
    return np.where(days[places] == wanted, amounts[places], 0.0)


class Marks:
    """What is printed between the amounts of a metric's series, from a day on; grown as it is asked for."""

    def __init__(self, replica: Replica, metric: Metric, last: int) -> None:
        periods = replica.periods(metric.name)
        self._window, self._last = metric.window, last
        self.places = {int(day): place for place, day in enumerate(periods.days)}
        self.periods = periods
        self.first = int(periods.days[0]) if len(periods.days) else last
        self.shown = self._shown(self.first)

    def since(self, first: int) -> tuple[Days, list[bytes]]:
        """Return sample dates that begin at this day or before, and what stands before the amount of each."""
        days, _ = self.shown
        if not len(days) or first < int(days[0]):
            self.shown = self._shown(first)
        return self.shown

    def _shown(self, first: int) -> tuple[Days, list[bytes]]:
        days = calendar_days(self._window, first, self._last)
        pieces: list[bytes] = []
        tail = b""
        for day in days.tolist():
            pieces.append(tail + b'{"date":"%b","amount":' % str(EPOCH + timedelta(days=day)).encode())
            tail = b"," + orjson.dumps(self.told(day))[1:] + b",\n"
        return days, pieces

    def told(self, day: int) -> dict[str, Any]:
        """Return the marks of the period with this sample date; None where they aren't known."""
        place = self.places.get(day)
        if place is None:
            return {"is_complete": None, "coverage": None, "is_degraded": None}
        told = {
            "is_complete": self.periods.is_complete[place],
            "coverage": self.periods.coverage[place],
            "is_degraded": self.periods.is_degraded[place],
        }
        reason = self.periods.gap_reason[place]
        return told | {"gap_reason": reason} if reason else told

    def tail(self, day: int) -> bytes:
        """Return what follows the last amount."""
        return b"," + orjson.dumps(self.told(day))[1:]


def numbers(amounts: Amounts) -> list[bytes]:
    """Return amounts as JSON; whole ones without a point."""
    values: list[Any] = amounts.astype(np.int64).tolist() if _are_whole(amounts) else amounts.tolist()
    return orjson.dumps(values)[1:-1].split(b",") if values else []


def _are_whole(amounts: Amounts) -> bool:
    return bool(np.all(np.abs(amounts) < _EXACT)) and bool(np.all(amounts == np.floor(amounts)))


@dataclass(frozen=True)
class Wanted:
    """What is asked: which series, of which days (as days since 1970, the last included; None: from the first value, to the as-of date)."""

    entities: list[Entity]
    metrics: list[Metric]
    first: int | None
    last: int
    are_steps: bool


@dataclass(frozen=True)
class Points:
    """A series as it is answered."""

    entity: Entity
    metric: Metric
    days: Days
    amounts: Amounts
    is_step: bool


class SeriesAnswers:
    """Answers `/v1/series`."""

    def __init__(self) -> None:
        self._marks: Callable[[Replica, Metric], Marks] = lru_cache(512)(lambda replica, metric: Marks(replica, metric, _as_of(replica)))

    def respond(self, asked: Asked) -> Body:
        """Return the series that are asked for, metric by metric for each entity.

        Raises:
            RequestError: a name isn't known, a date is none, or it is too much.
        """
        found = list(self._points(asked, read_wanted(asked)))
        count = sum(len(points.days) for points in found)
        if asked.format.name != "json":
            return Body(write_rows(SCHEMA, self._batches(asked.replica, found), asked.format), rows=count)
        parts = []
        for points in found:
            parts.append(self._head(asked, points) + self._json(asked.replica, points) + b"]}")
        return Body(envelope(asked, b"[" + b",\n".join(parts) + b"]"), rows=count)

    def _points(self, asked: Asked, wanted: Wanted) -> Iterator[Points]:
        count = 0
        for entity in wanted.entities:
            for metric in wanted.metrics:
                points = _chosen(asked.replica, entity, metric, wanted)
                count += len(points.days)
                if 0 < asked.limits.points < count:
                    raise RequestError(
                        413,
                        f"that is more than {asked.limits.points:,} points; fewer series, or a shorter time (from, to), would do",
                        {COST_HEADER: str(cost_of(count))},
                    )
                yield points

    def _head(self, asked: Asked, points: Points) -> bytes:
        entity, metric = points.entity, points.metric
        told = {
            "metric_name": metric.name,
            "metric_id": metric.id,
            "display_name": metric.display_name,
            "window": metric.window,
            "unit": metric.unit,
            "definition": f"{asked.root}/metrics/{metric.name}",
            "level": entity.level,
            "entity_id": entity.id,
            "entity_name": entity.name,
            "is_steps": points.is_step,
        }
        return orjson.dumps(told)[:-1] + b',"points":['

    def _json(self, replica: Replica, points: Points) -> bytes:
        """Return the points, comma by comma."""
        if not len(points.days):
            return b""
        marks = self._marks(replica, points.metric)
        first = int(points.days[0])
        days, between = marks.since(first)
        amounts = numbers(points.amounts)
        if points.is_step:
            places: Any = np.searchsorted(days, points.days).tolist()
            heads = (b'{"date"' + between[place].partition(b'{"date"')[2] for place in places)
            tails = (marks.tail(day) for day in points.days.tolist())
            return b",\n".join(a + b + c for a, b, c in zip(heads, amounts, tails, strict=True))
        start = int(np.searchsorted(days, first))
        pieces: list[bytes] = [b""] * (2 * len(amounts))
        pieces[0::2] = between[start : start + len(amounts)]
        pieces[0] = b'{"date"' + pieces[0].partition(b'{"date"')[2]
        pieces[1::2] = amounts
        return b"".join(pieces) + marks.tail(int(points.days[-1]))

    def _batches(self, replica: Replica, found: list[Points]) -> Iterator[pa.RecordBatch]:
        for points in found:
            marks = self._marks(replica, points.metric)
            told = [marks.told(day) for day in points.days.tolist()]
            count = len(told)
            columns = [
                *(
                    pa.array([value] * count, pa.string())
                    for value in (points.metric.name, points.entity.level, points.entity.id, points.entity.name)
                ),
                pa.array(points.days, pa.int32()).cast(pa.date32()),
                pa.array(points.amounts, pa.float64()),
                pa.array([points.metric.unit] * count, pa.string()),
                pa.array([one["is_complete"] for one in told], pa.bool_()),
                pa.array([one["coverage"] for one in told], pa.float64()),
                pa.array([one["is_degraded"] for one in told], pa.bool_()),
                pa.array([one.get("gap_reason") for one in told], pa.string()),
            ]
            yield pa.record_batch(columns, SCHEMA)


SCHEMA = pa.schema(
    [
        ("metric_name", pa.string()),
        ("level", pa.string()),
        ("entity_id", pa.string()),
        ("entity_name", pa.string()),
        ("sample_date", pa.date32()),
        ("amount", pa.float64()),
        ("unit", pa.string()),
        ("is_complete", pa.bool_()),
        ("coverage", pa.float64()),
        ("is_degraded", pa.bool_()),
        ("gap_reason", pa.string()),
    ]
)


def _chosen(replica: Replica, entity: Entity, metric: Metric, wanted: Wanted) -> Points:
    """Return the points of one series that are asked for."""
    days, amounts = replica.series(entity, metric)
    is_step = wanted.are_steps and metric.window.startswith(ROLLING)
    if is_step:
        first = wanted.first if wanted.first is not None else (int(days[0]) if len(days) else 0)
        stays = (days >= first) & (days <= wanted.last)
        return Points(entity, metric, days[stays], amounts[stays], is_step=True)
    if wanted.first is None and not len(days):
        return Points(entity, metric, days, amounts, is_step=False)
    first = wanted.first if wanted.first is not None else int(days[0])
    periods = calendar_days(metric.window, first, wanted.last) if wanted.last >= first else days[:0]
    return Points(entity, metric, periods, values_at(metric.window, periods, days, amounts), is_step=False)


def _as_of(replica: Replica) -> int:
    return (replica.release.as_of_date - EPOCH).days


def read_wanted(asked: Asked) -> Wanted:
    """Return what a query string asks for.

    Raises:
        RequestError: a name isn't known, a date is none, or it is too much.
    """
    for name, _ in asked.parameters:
        if name not in PARAMETERS:
            raise unknown("parameter", name, (*PARAMETERS, "release"), parameter=name)
    replica, as_of = asked.replica, _as_of(asked.replica)
    metrics = [_metric(replica, name) for name in _listed(asked, "metric")]
    entities = [_entity(replica, level, name) for level in LEVELS for name in _listed(asked, level)]
    if not metrics or not entities:
        missing = "metric" if not metrics else "project (or collection, or artifact)"
        raise RequestError(
            400, f"{missing} is missing: /v1/series?metric=github_commits_monthly&project=uniswap", parameter=missing.split(" ")[0]
        )
    if 0 < asked.limits.series < len(metrics) * len(entities):
        told = f"{len(metrics)} metrics of {len(entities)} entities are more than {asked.limits.series} series; several calls would do"
        raise RequestError(413, told)
    first, last = _day(asked, "from"), _day(asked, "to")
    if first is not None and last is not None and first > last:
        raise RequestError(400, f"from={asked.value('from')} is later than to={asked.value('to')}", parameter="from")
    steps = asked.value("steps", "false")
    if steps not in ("true", "false"):
        raise RequestError(400, f"steps={steps[:20]} is to be true or false", parameter="steps")
    return Wanted(entities, metrics, first, min(last, as_of) if last is not None else as_of, steps == "true")


def _listed(asked: Asked, name: str) -> list[str]:
    """Return the values of a parameter that may be given several times, and as a list with commas."""
    found = [part for key, value in asked.parameters if key == name for part in value.split(",") if part]
    if 0 < asked.limits.series < len(found):
        raise RequestError(413, f"{name} may name {asked.limits.series}", parameter=name)
    return list(dict.fromkeys(found))


def _day(asked: Asked, name: str) -> int | None:
    text = asked.value(name)
    if not text:
        return None
    try:
        return (date.fromisoformat(text) - EPOCH).days
    except ValueError as error:
        raise RequestError(400, f"{name}={text[:30]} is no date such as 2024-01-31", parameter=name) from error


def _metric(replica: Replica, name: str) -> Metric:
    found = replica.metric(name)
    if found is None:
        raise unknown(
            "metric", name, [one for (one,) in replica.look_up("SELECT metric_name FROM metrics_v1 ORDER BY rowid")], parameter="metric"
        )
    if found.window == "over_all_time":
        raise RequestError(400, f"{name} is one value, no series: /v1/key-metrics/projects?metric_name=eq.{name}", parameter="metric")
    return found


def _entity(replica: Replica, level: str, name: str) -> Entity:
    found = replica.entity(level, name)
    if found is None:
        resource = next(one for one in RESOURCES if one.path == f"{level}s")
        known = []
        if resource.keys[0].endswith("_name") and resource.table in replica.tables:
            known = [one for (one,) in replica.look_up(f"SELECT {resource.keys[0]} FROM {resource.table} ORDER BY rowid LIMIT 20000")]
        raise unknown(level, name, known, parameter=level)
    return found
