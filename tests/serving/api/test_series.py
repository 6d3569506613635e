"""Series: every period of a calendar window, every day of a rolling one, each with what is known of it."""

from __future__ import annotations

import calendar
import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marts_lake import ALPHA, DAY_METRIC, GAP, ROLLING_METRIC, WEEK_METRIC, oso_id
from pyarrow import parquet
from web_servers import AppClient

from serving.api.series import calendar_days, values_at

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
    assert amounts(steps) == {"2024-02-06": 1.5, "2024-02-07": 0, "2024-02-09": 2}
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


def test_series_come_as_tables_too(api: AppClient) -> None:
    """In Parquet each point is a row with its marks."""
    answer = api.get(f"/v1/series.parquet?metric={DAY_METRIC},{ROLLING_METRIC}&project=alpha")
    rows = parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    points = [point for one in series(api, f"metric={DAY_METRIC},{ROLLING_METRIC}&project=alpha") for point in one["points"]]
    assert [(str(row["sample_date"]), row["amount"], row["is_complete"], row["coverage"], row["is_degraded"]) for row in rows] == [
        (point["date"], point["amount"], point["is_complete"], point["coverage"], point["is_degraded"]) for point in points
    ]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 400, "metric is missing"),
        (f"metric={DAY_METRIC}", 400, "project (or collection, or artifact) is missing"),
        ("metric=github_comits_daily&project=alpha", 400, f"is {DAY_METRIC} or"),
        (f"metric={DAY_METRIC}&project=alhpa", 400, "is alpha meant?"),
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
