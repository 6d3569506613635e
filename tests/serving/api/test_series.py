"""Series: every period of a calendar window, every day of a rolling one, each with what is known of it."""

from __future__ import annotations

import calendar
import gc
import io
import weakref
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marts_lake import ALPHA, DAY_METRIC, ENGINE, GAP, PACKAGE, ROLLING_METRIC, WEEK_METRIC, MartsLake, oso_id
from pyarrow import parquet
from web_servers import AppClient

from catalog.releases import list_releases
from catalog.settings import LimitSettings
from serving.api.answers import Asked
from serving.api.catalogue_openapi import catalogue_operations
from serving.api.formats import FORMATS
from serving.api.openapi import openapi_document
from serving.api.series import KeptMarks, SeriesAnswers, calendar_days, is_quick, values_at
from serving.health import coverage
from serving.replica.files import replica_file
from serving.replica.replica import Replica, once_for_each

EPOCH = date(1970, 1, 1)


def series(api: AppClient, query: str) -> list[dict[str, Any]]:
    """Return the series that a query string asks for."""
    answer = api.get(f"/v1/series?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def amounts(one: dict[str, Any]) -> dict[str, float]:
    """Return the amounts of a series by date."""
    return {point["date"]: point["amount"] for point in one["points"]}


def test_days_without_a_row_are_0(api: AppClient) -> None:
    """A calendar window has a value for each period, from the first value to the as-of date."""
    (daily,) = series(api, f"metric={DAY_METRIC}&project=alpha")
    days = [str(date(2024, 1, 30) + timedelta(days=count)) for count in range(13)]
    assert amounts(daily) == dict.fromkeys(days, 0) | {"2024-01-30": 3, "2024-01-31": 1.5, "2024-02-09": 2, "2024-02-11": 7}
    (weekly,) = series(api, f"metric={WEEK_METRIC}&project=alpha")
    assert amounts(weekly) == {"2024-01-29": 4.5, "2024-02-05": 9}


def test_steps_are_expanded_to_days(api: AppClient) -> None:
    """A rolling window has the value of the newest step on each day; `steps=true` gives the steps themselves."""
    (rolling,) = series(api, f"metric={ROLLING_METRIC}&project=alpha&from=2024-01-29&to=2024-02-10")
    days = [f"2024-02-{day:02}" for day in range(1, 11)]
    values = [4.5] * 5 + [1.5, 0, 0, 2, 2]
    assert amounts(rolling) == {"2024-01-29": 0, "2024-01-30": 3, "2024-01-31": 4.5} | dict(zip(days, values, strict=True))
    (steps,) = series(api, f"metric={ROLLING_METRIC}&project=alpha&from=2024-02-02&to=2024-02-10&steps=true")
    assert amounts(steps) == {"2024-02-01": 4.5, "2024-02-06": 1.5, "2024-02-07": 0, "2024-02-09": 2}  # that of 02-01 holds on 02-02
    assert (rolling["is_steps"], steps["is_steps"]) == (False, True)


def test_each_point_tells_what_is_known_of_its_period(api: AppClient) -> None:
    """Completeness, coverage, degradation and its reason stand at each point; they are null where nothing is known of the period."""
    (daily,) = series(api, f"metric={DAY_METRIC}&project=alpha&from=2023-12-31&to=2024-02-01")
    marks = {point["date"]: point for point in daily["points"]}
    assert marks["2023-12-31"] == {"date": "2023-12-31", "amount": 0, "is_complete": None, "coverage": None, "is_degraded": None}
    assert marks["2024-01-30"] == {
        "date": "2024-01-30",
        "amount": 3,
        "is_complete": True,
        "coverage": 0.5,
        "is_degraded": True,
        "gap_reason": GAP,
    }
    assert marks["2024-02-01"] == {"date": "2024-02-01", "amount": 0, "is_complete": True, "coverage": 1.0, "is_degraded": False}
    (weekly,) = series(api, f"metric={WEEK_METRIC}&project=alpha&release=1")
    assert [point["is_complete"] for point in weekly["points"]] == [True, False]


def test_a_series_says_what_it_is(api: AppClient) -> None:
    """Metric, unit, window, entity and the address of the definition stand beside the points."""
    (daily,) = series(api, f"metric={DAY_METRIC}&project={ALPHA}&to=2024-01-30")
    del daily["points"], daily["metric_id"]
    assert daily == {
        "metric_name": DAY_METRIC,
        "display_name": "Commits (daily)",
        "window": "daily",
        "unit": "commits",
        "definition": f"/v1/metrics/{DAY_METRIC}",
        "level": "project",
        "entity_id": ALPHA,
        "entity_name": "alpha",
        "is_steps": False,
    }


def test_several_series_come_in_one_answer(api: AppClient) -> None:
    """Metrics and entities may be given several times or with commas; every pair has its series, empty where there is no value."""
    found = series(api, f"metric={DAY_METRIC},{WEEK_METRIC}&metric={ROLLING_METRIC}&project=alpha&project=beta,gamma&collection=both")
    pairs = [(one["entity_name"], one["window"], len(one["points"])) for one in found]
    windows = ("daily", "weekly", "rolling_7_days")
    expected = {("alpha", "daily"): 13, ("alpha", "weekly"): 2, ("alpha", "rolling_7_days"): 13, ("beta", "daily"): 13}
    assert pairs == [(name, window, expected.get((name, window), 0)) for name in ("alpha", "beta", "gamma", "both") for window in windows]


def test_an_older_release_ends_earlier(api: AppClient) -> None:
    """A series of a release ends at that release's as-of date."""
    (older,) = series(api, f"metric={DAY_METRIC}&project=alpha&release=1&from=2024-02-08")
    assert amounts(older) == {"2024-02-08": 0, "2024-02-09": 2, "2024-02-10": 0}


def test_an_entity_is_found_by_each_of_its_names(api: AppClient) -> None:
    """Name, id and OSO's id lead to one series."""
    found = [series(api, f"metric={DAY_METRIC}&project={key}") for key in ("alpha", ALPHA, oso_id("alpha").replace("+", "%2B"))]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("text", "artifact"),
    [
        (ENGINE, ENGINE),
        ("alpha/motor", ENGINE),
        ("https://github.com/Alpha/Engine.git", ENGINE),
        ("pkg:npm/%40alpha/core@1.2.3", PACKAGE),
        ("@alpha/core", PACKAGE),
    ],
)
def test_an_artifact_is_found_by_what_leads_to_it(api: AppClient, text: str, artifact: str) -> None:
    """What `/v1/resolve` takes, a series takes too."""
    (found,) = series(api, f"metric={DAY_METRIC}&artifact={quote(text, safe='')}")
    assert found["entity_id"] == artifact


def test_series_come_as_tables_too(api: AppClient) -> None:
    """In Parquet each point is a row with its marks."""
    answer = api.get(f"/v1/series.parquet?metric={DAY_METRIC},{ROLLING_METRIC}&project=alpha")
    rows = parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    points = [point for one in series(api, f"metric={DAY_METRIC},{ROLLING_METRIC}&project=alpha") for point in one["points"]]
    assert [(str(row["sample_date"]), row["amount"], row["is_complete"], row["coverage"], row["is_degraded"]) for row in rows] == [
        (point["date"], point["amount"], point["is_complete"], point["coverage"], point["is_degraded"]) for point in points
    ]


def test_rows_tell_what_they_are(api: AppClient) -> None:
    """A row alone tells its metric's id, window, unit and definition, the as-of date, and whether it is a step."""
    query = f"metric={ROLLING_METRIC}&project=alpha&release=2"
    for steps in ("true", "false"):
        rows = parquet.read_table(io.BytesIO(api.get(f"/v1/series.parquet?{query}&steps={steps}").content)).to_pylist()
        (told,) = series(api, f"{query}&steps={steps}")
        for row in rows:
            assert (row["metric_id"], row["window_name"], row["unit"]) == (told["metric_id"], told["window"], told["unit"])
            assert (row["definition"], str(row["as_of_date"]), row["is_step"]) == (told["definition"], "2024-02-11", steps == "true")
            assert api.get(row["definition"]).status_code == 200


def test_days_that_nothing_is_known_of_are_answered(api: AppClient) -> None:
    """Long before the first period there are amounts of 0, of which nothing is known; as far as it is known after it, the marks stand."""
    (old,) = series(api, f"metric={DAY_METRIC}&project=alpha&from=0001-01-01&to=0001-01-02")
    nothing = {"amount": 0, "is_complete": None, "coverage": None, "is_degraded": None}
    assert old["points"] == [{"date": "0001-01-01"} | nothing, {"date": "0001-01-02"} | nothing]
    (both,) = series(api, f"metric={DAY_METRIC}&project=alpha&from=2023-11-01")
    (known,) = series(api, f"metric={DAY_METRIC}&project=alpha")
    assert both["points"][-len(known["points"]) :] == known["points"]


def test_marks_that_are_kept_are_those_of_known_periods(marts_lake: MartsLake) -> None:
    """However long ago is asked for, no more is kept than the release has periods; and of these no more than the bound, those asked for last."""
    replica = _replica(marts_lake)
    metrics = [replica.metric(name) for name in (DAY_METRIC, ROLLING_METRIC, WEEK_METRIC)]
    days = np.arange(-700_000, -690_000, dtype=np.int32)
    kept, bounded = KeptMarks(), KeptMarks(most_periods=1)
    for metric in (one for one in metrics if one is not None):
        heads, tails = kept.of(replica, metric).around(days)
        assert (len(heads), len(tails)) == (len(days), len(days))
        bounded.of(replica, metric)
        assert bounded.periods == len(bounded.of(replica, metric)) > 0
    assert kept.periods == sum(len(replica.periods(metric.name).days) for metric in metrics if metric is not None)


def test_a_replica_that_is_no_longer_used_is_let_go(marts_lake: MartsLake) -> None:
    """What was made for a replica (series, coverage, the OpenAPI document) does not hold it, and its file, open."""
    answers, replica = SeriesAnswers(), _replica(marts_lake)
    query = (("metric", DAY_METRIC), ("project", "alpha"))
    answers.respond(Asked("series", query, replica, False, "/v1", FORMATS["json"], LimitSettings()))
    coverage(replica)
    described = once_for_each(lambda one: openapi_document(one, (catalogue_operations,)))
    assert described(replica) is described(replica)
    seen = weakref.ref(replica)
    del replica
    gc.collect()
    assert seen() is None


@pytest.mark.parametrize(
    ("query", "kind", "is_at_once"),
    [
        ((("metric", DAY_METRIC), ("project", "alpha")), "json", True),
        ((("metric", ",".join("abcdef")), ("project", "alpha"), ("from", "2023-02-11")), "json", True),
        ((("metric", DAY_METRIC), ("project", "alpha"), ("from", "1480-01-01")), "json", False),
        ((("metric", ",".join("abcdef")), ("project", "alpha,beta,gamma,delta")), "json", False),
        ((("metric", DAY_METRIC), ("project", "alpha")), "parquet", False),
    ],
)
def test_what_takes_long_keeps_nobody_waiting(
    marts_lake: MartsLake, query: tuple[tuple[str, str], ...], kind: str, is_at_once: bool
) -> None:
    """Many points, and other formats than JSON, are made in a thread."""
    assert is_quick(Asked("series", query, _replica(marts_lake), False, "/v1", FORMATS[kind], LimitSettings())) == is_at_once


def _replica(lake: MartsLake) -> Replica:
    newest = list_releases(lake.settings)[0]
    return Replica(replica_file(lake.settings.replicas, newest.id), newest)


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 400, "metric is missing"),
        (f"metric={DAY_METRIC}", 400, "project (or collection, or artifact) is missing"),
        ("metric=github_comits_daily&project=alpha", 400, f"is {DAY_METRIC} or"),
        (f"metric={DAY_METRIC}&project=alhpa", 400, "is alpha meant?"),
        (f"metric={DAY_METRIC}&artifact=sparrow", 400, "artifact=sparrow means several: NPM sparrow ("),
        (f"metric={DAY_METRIC}&project=alpha&since=2024-01-01", 400, "there is no parameter 'since'"),
        (f"metric={DAY_METRIC}&project=alpha&from=yesterday", 400, "no date such as 2024-01-31"),
        (f"metric={DAY_METRIC}&project=alpha&from=2024-02-01&to=2024-01-01", 400, "later than"),
        (f"metric={DAY_METRIC}&project=alpha&steps=1", 400, "true or false"),
        (f"metric={DAY_METRIC}&project={','.join(map(str, range(101)))}", 413, "may name 100"),
        (f"metric={DAY_METRIC}&project=alpha&from=0001-01-01", 413, "more than 200,000 points"),
    ],
)
def test_what_is_wrong_is_told(api: AppClient, query: str, status: int, said: str) -> None:
    """A question that can't be answered says what would be right."""
    answer = api.get(f"/v1/series?{query}")
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


def slow_periods(window: str, first: date, last: date) -> Iterator[date]:
    """Yield the first days of the periods that hold a day of a range, day by day."""
    seen = set()
    for count in range((last - first).days + 1):
        day = first + timedelta(days=count)
        begin = {
            "weekly": day - timedelta(days=day.weekday()),
            "monthly": day.replace(day=1),
            "quarterly": day.replace(month=[1, 1, 1, 4, 4, 4, 7, 7, 7, 10, 10, 10][day.month - 1], day=1),
            "yearly": day.replace(month=1, day=1),
        }.get(window, day)
        if begin not in seen:
            seen.add(begin)
            yield begin


@given(
    st.sampled_from(["daily", "weekly", "monthly", "quarterly", "yearly", "rolling_30_days"]),
    st.dates(date(1969, 1, 1), date(2040, 1, 1)),
    st.integers(0, 800),
)
def test_periods_are_those_of_the_calendar(window: str, first: date, length: int) -> None:
    """The sample dates of a range are the first days of the periods that its days lie in."""
    last = first + timedelta(days=length)
    found = [EPOCH + timedelta(days=int(day)) for day in calendar_days(window, (first - EPOCH).days, (last - EPOCH).days)]
    assert found == list(slow_periods(window, first, last))
    assert calendar.monthrange(2024, 2)[1] == 29


@given(st.dictionaries(st.integers(0, 60), st.floats(0, 1e6), max_size=20), st.booleans())
def test_values_are_looked_up_by_day(rows: dict[int, float], is_rolling: bool) -> None:
    """A calendar value is that of the row of its date, else 0; a rolling one that of the newest row not after the date, else 0."""
    days = np.array(sorted(rows), np.int32)
    found = values_at(
        "rolling_7_days" if is_rolling else "daily", np.arange(-5, 70, dtype=np.int32), days, np.array([rows[day] for day in sorted(rows)])
    )
    for day, value in zip(range(-5, 70), found, strict=True):
        before = [one for one in rows if one <= day]
        expected = rows[max(before)] if is_rolling and before else 0.0 if is_rolling else rows.get(day, 0.0)
        assert value == expected
