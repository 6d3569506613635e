"""Series of metrics: calendar windows with a value for each period, rolling ones for each day or as the steps that are kept, with what is known of each period.

The marks of a period (is it complete, how much of it was covered, is it degraded) belong to metric and period, not to the entity. So what stands between two
amounts in JSON is the same for all entities: it is made once for a metric, and an answer is amounts set into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from serving.api.answers import Asked, Body
from serving.api.costs import COST_HEADER, cost_of
from serving.api.documents import take_only
from serving.api.errors import RequestError, unknown
from serving.api.formats import write_rows
from serving.api.lists import envelope
from serving.api.resolve import artifact_meant
from serving.recent import Recent
from serving.replica.layout import EPOCH
from serving.replica.packed import Amounts, Days
from serving.replica.replica import Entity, Metric, Replica, once_for_each
from serving.resources import LEVELS, RESOURCES

ROLLING = "rolling_"
PARAMETERS = ("metric", *LEVELS, "from", "to", "steps")
_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
_EXACT = float(2**53)
_USUAL_DAYS, _QUICK_POINTS = 2_000, 20_000


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


_NOT_KNOWN = {"is_complete": None, "coverage": None, "is_degraded": None}
"""Marks of a day of which `metric_periods_v1` says nothing."""
_KEPT_PERIODS = 500_000
"""Of the marks of one replica that are kept: some 50 MB."""


class Marks:
    """What is printed before and after the amounts of a metric's series, for the periods that are known; for other days it is made as it is asked for."""

    def __init__(self, replica: Replica, metric: Metric) -> None:
        self._periods = replica.periods(metric.name)
        self._heads = [_head(day) for day in self._periods.days.tolist()]
        tails: dict[bytes, bytes] = {}
        self._tails = [tails.setdefault(text, text) for text in (_tail(self.told(place)) for place in range(len(self._heads)))]

    def __len__(self) -> int:
        return len(self._heads)

    def told(self, place: int) -> dict[str, Any]:
        """Return the marks of a period, by its place among those that are known; of none for -1."""
        if place < 0:
            return _NOT_KNOWN
        periods = self._periods
        told = {"is_complete": periods.is_complete[place], "coverage": periods.coverage[place], "is_degraded": periods.is_degraded[place]}
        reason = periods.gap_reason[place]
        return told | {"gap_reason": reason} if reason else told

    def places(self, days: Days) -> list[int]:
        """Return the places of the periods with these sample dates; -1 for those that aren't known."""
        known = self._periods.days
        if not len(known):
            return [-1] * len(days)
        near = np.minimum(np.searchsorted(known, days), len(known) - 1)
        places: list[int] = np.where(known[near] == days, near, -1).tolist()
        return places

    def around(self, days: Days) -> tuple[list[bytes], list[bytes]]:
        """Return what stands before and after the amounts of these sample dates."""
        start = int(np.searchsorted(self._periods.days, days[0]))
        end = start + len(days)
        if np.array_equal(self._periods.days[start:end], days):
            return self._heads[start:end], self._tails[start:end]
        places = self.places(days)
        heads = [self._heads[place] if place >= 0 else _head(day) for place, day in zip(places, days.tolist(), strict=True)]
        return heads, [self._tails[place] if place >= 0 else _UNKNOWN_TAIL for place in places]


class KeptMarks:
    """The marks of one replica, those that were asked for last; safe to use from several threads."""

    def __init__(self, most_periods: int = _KEPT_PERIODS) -> None:
        self._marks: Recent[Marks] = Recent(most_periods, len)

    @property
    def periods(self) -> int:
        """How many periods are kept."""
        return self._marks.size

    def of(self, replica: Replica, metric: Metric) -> Marks:
        """Return the marks of a metric."""
        found = self._marks.get(metric.name)
        if found is None:
            found = Marks(replica, metric)
            self._marks.put(metric.name, found)
        return found


def _head(day: int) -> bytes:
    return b'{"date":"%b","amount":' % str(EPOCH + timedelta(days=day)).encode()


def _tail(told: dict[str, Any]) -> bytes:
    return b"," + orjson.dumps(told)[1:] + b",\n"


_UNKNOWN_TAIL = _tail(_NOT_KNOWN)


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
        self._kept = once_for_each(lambda _: KeptMarks())

    def respond(self, asked: Asked) -> Body:
        """Return the series that are asked for, metric by metric for each entity.

        Raises:
            RequestError: a name isn't known, a date is none, or it is too much.
        """
        found = list(self._points(asked, read_wanted(asked)))
        count = sum(len(points.days) for points in found)
        if asked.format.name != "json":
            return Body(write_rows(SCHEMA, self._batches(asked, found), asked.format), rows=count)
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
            "definition": _definition(asked, metric),
            "level": entity.level,
            "entity_id": entity.id,
            "entity_name": entity.name,
            "is_steps": points.is_step,
        }
        return orjson.dumps(told)[:-1] + b',"points":['

    def _marks(self, replica: Replica, metric: Metric) -> Marks:
        return self._kept(replica).of(replica, metric)

    def _json(self, replica: Replica, points: Points) -> bytes:
        """Return the points, comma by comma."""
        if not len(points.days):
            return b""
        amounts = numbers(points.amounts)
        pieces: list[bytes] = [b""] * (3 * len(amounts))
        pieces[0::3], pieces[2::3] = self._marks(replica, points.metric).around(points.days)
        pieces[1::3] = amounts
        return b"".join(pieces).removesuffix(b",\n")

    def _batches(self, asked: Asked, found: list[Points]) -> Iterator[pa.RecordBatch]:
        for points in found:
            entity, metric, count = points.entity, points.metric, len(points.days)
            marks = self._marks(asked.replica, metric)
            told = [marks.told(place) for place in marks.places(points.days)]
            columns: dict[str, Any] = {
                "metric_name": [metric.name] * count,
                "level": [entity.level] * count,
                "entity_id": [entity.id] * count,
                "entity_name": [entity.name] * count,
                "sample_date": pa.array(points.days, pa.int32()).cast(pa.date32()),
                "amount": points.amounts,
                "unit": [metric.unit] * count,
                "is_complete": [one["is_complete"] for one in told],
                "coverage": [one["coverage"] for one in told],
                "is_degraded": [one["is_degraded"] for one in told],
                "gap_reason": [one.get("gap_reason") for one in told],
                "metric_id": [metric.id] * count,
                "window_name": [metric.window] * count,
                "is_step": [points.is_step] * count,
                "definition": [_definition(asked, metric)] * count,
                "as_of_date": [asked.replica.release.as_of_date] * count,
            }
            yield pa.record_batch([pa.array(columns[field.name], field.type) for field in SCHEMA], SCHEMA)


def is_quick(asked: Asked) -> bool:
    """Tell whether the series that are asked for have few points, judged by the query string alone."""
    names = 1 + sum(value.count(",") for _, value in asked.parameters) + len(asked.parameters)
    try:
        first = date.fromisoformat(asked.value("from") or "1970-01-01")
    except ValueError:
        return True  # which is told at once
    days = (asked.replica.release.as_of_date - first).days if asked.value("from") else _USUAL_DAYS
    return asked.format.name == "json" and names * days <= _QUICK_POINTS


def _definition(asked: Asked, metric: Metric) -> str:
    return f"{asked.root}/metrics/{metric.name}"


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
        ("metric_id", pa.string()),
        ("window_name", pa.string()),
        ("is_step", pa.bool_()),
        ("definition", pa.string()),
        ("as_of_date", pa.date32()),
    ]
)


def _chosen(replica: Replica, entity: Entity, metric: Metric, wanted: Wanted) -> Points:
    """Return the points of one series that are asked for."""
    days, amounts = replica.series(entity, metric)
    is_step = wanted.are_steps and metric.window.startswith(ROLLING)
    if is_step:
        # The step before the first day is the one that holds on it.
        start = 0 if wanted.first is None else max(int(np.searchsorted(days, wanted.first, side="right")) - 1, 0)
        end = int(np.searchsorted(days, wanted.last, side="right"))
        return Points(entity, metric, days[start:end], amounts[start:end], is_step=True)
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
    take_only(asked, *PARAMETERS)
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
    found = replica.entity(level, name) or (artifact_meant(replica, name) if level == "artifact" else None)
    if found is None:
        raise unknown(level, name, replica.names(next(one for one in RESOURCES if one.path == f"{level}s")), parameter=level)
    return found
