"""A metric with all that it rests on, and one value with where it comes from."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from end_to_end.lakes import Lake
from end_to_end.worlds import hour_file
from web_servers import AppClient

from catalog.explain import explain
from catalog.releases import read_release


@pytest.fixture(scope="module")
def stars(models: AppClient) -> dict[str, Any]:
    """Return what is told of a metric with a calendar window."""
    data: dict[str, Any] = models.get("/v1/metrics/github_stars_monthly").json()["data"]
    return data


@pytest.fixture(scope="module")
def value(model_lake: Lake) -> tuple[str, Any, float]:
    """Return project, sample date and amount of the highest number of stars of a month."""
    (row,) = model_lake.rows(
        "SELECT p.project_name, t.sample_date, t.amount FROM marts.timeseries_metrics_by_project_v1 AS t"
        " JOIN marts.projects_v1 AS p USING (project_id)"
        " WHERE metric_name = 'github_stars_monthly' ORDER BY amount DESC, p.project_name LIMIT 1"
    )
    return row  # type: ignore[return-value]


def test_a_metric_is_its_row_and_more(models: AppClient, stars: dict[str, Any]) -> None:
    """The row's fields stand at the top, as in the list; the definition has unit, window, types of events, bots and SQL."""
    row = models.get("/v1/metrics?metric_name=eq.github_stars_monthly").json()["data"][0]
    assert {name: stars[name] for name in row} == row
    definition = stars["definition"]
    assert (definition["window"], definition["unit"], definition["event_types"]) == ("monthly", "stars", ["STARRED"])
    assert definition["sql"] == row["definition_sql"]
    assert all(name in definition["sql"] for name in definition["parameters"])
    assert models.get(f"/v1/metrics/{stars['metric_id']}").json()["data"] == stars


def test_lineage_leads_from_the_published_tables_to_raw(stars: dict[str, Any]) -> None:
    """From each published table edges lead down to raw tables; each model's text stands once, and is what its digest says."""
    lineage = stars["lineage"]
    assert stars["published_in"] == [f"marts.timeseries_metrics_by_{level}_v1" for level in ("artifact", "project", "collection")]
    read = {(edge["model_name"], edge["input_name"]) for edge in lineage["edges"]}
    assert ("marts.timeseries_metrics_by_project_v1", "intermediate.int_calendar_metrics_by_project") in read
    assert ("staging.stg_gharchive__events", "raw.gharchive__events") in read
    assert {"raw.gharchive__events", "raw.git__commits"} <= set(lineage["raw_tables"])
    names = [model["model_name"] for model in lineage["models"]]
    assert len(names) == len(set(names)) > 20
    assert {edge["model_name"] for edge in lineage["edges"]} <= set(names)
    for model in lineage["models"]:
        assert hashlib.sha256(model["source_sql"].encode()).hexdigest() == model["source_sha256"], model["model_name"]


def test_lineage_depends_on_where_a_window_is_published(models: AppClient) -> None:
    """All-time values come from the key metrics alone, rolling ones from the series too."""
    told = {
        name: models.get(f"/v1/metrics/github_stars_{name}").json()["data"]["published_in"] for name in ("over_all_time", "rolling_30_days")
    }
    assert all(name.startswith("marts.key_metrics_by_") for name in told["over_all_time"])
    assert len(told["over_all_time"]) == 3
    assert len(told["rolling_30_days"]) == 6


def test_the_links_of_all_metrics_lead_to_their_values(models: AppClient) -> None:
    """What has a series links to it, what has one value or a newest one to the key metrics; each link is answered with values of the metric."""
    told = [models.get(f"/v1/metrics/{row['metric_name']}").json()["data"] for row in models.get("/v1/metrics?limit=1000").json()["data"]]
    project = models.get("/v1/projects?limit=1").json()["data"][0]["project_name"]
    for one in told:
        assert (one["series"] is None) == (one["window_name"] == "over_all_time"), one["metric_name"]
        assert bool(one["key_metrics"]) == (one["window_name"] == "over_all_time" or one["window_name"].startswith("rolling_"))
        for link in filter(None, [one["series"] and f"{one['series']}&project={project}", *one["key_metrics"]]):
            answer = models.get(link)
            assert answer.status_code == 200, (link, answer.text)
            assert {row["metric_name"] for row in answer.json()["data"]} <= {one["metric_name"]}, link
    assert {one["window_name"] for one in told} >= {"over_all_time", "daily", "weekly", "monthly", "rolling_30_days"}
    assert len(models.get("/v1/metrics/github_contributors_over_all_time").json()["data"]["key_metrics"]) == 3


def test_a_metric_tells_how_far_it_can_be_trusted(model_lake: Lake, stars: dict[str, Any]) -> None:
    """Audits are those of its models; coverage counts the hours of its source; gaps are those that concern its events."""
    models = {model["model_name"] for model in stars["lineage"]["models"]}
    assert {audit["model"] for audit in stars["audits"]} <= models
    assert any(audit["model"].startswith("intermediate.int_calendar_metrics") for audit in stars["audits"])
    hours = dict(model_lake.rows("SELECT state, count(*) FROM marts.event_coverage_v1 WHERE event_source = 'GITHUB' GROUP BY ALL"))  # type: ignore[arg-type]
    assert stars["coverage"]["states"] == hours
    assert stars["coverage"]["period_start"].endswith("Z")
    assert [gap["event_type"] for gap in stars["gaps"]] == ["*", "*"]
    assert not any(gap["is_within_release"] for gap in stars["gaps"])
    assert stars["periods"]["period_count"] > 0


def test_metrics_that_are_not_there(models: AppClient) -> None:
    """An unknown metric is 404 with near names, an unknown parameter 400."""
    answer = models.get("/v1/metrics/github_star_monthly")
    assert (answer.status_code, answer.json()["near"][0]) == (404, "github_stars_monthly")
    assert models.get("/v1/metrics/github_stars_monthly?limit=1").status_code == 400


def test_a_value_is_explained_as_the_command_does(models: AppClient, model_lake: Lake, value: tuple[str, Any, float]) -> None:
    """Value, SQL, period and events are those of `osslake explain`; times are ISO in UTC."""
    project, day, amount = value
    answer = models.get(f"/v1/explain?metric=github_stars_monthly&entity={project}&date={day}&shown=50")
    told = answer.json()["data"]
    expected = explain(model_lake.settings, read_release(model_lake.settings), "github_stars_monthly", project, day, 50)
    assert (told["value"], told["recomputed"], told["event_count"]) == (amount, amount, expected.event_count)
    assert [event["event_source_id"] for event in told["events"]] == [event["event_source_id"] for event in expected.events]
    assert told["first_day"] == str(expected.first_day)
    assert [event["time"] for event in told["events"]] == [f"{event['time']:%Y-%m-%dT%H:%M:%SZ}" for event in expected.events]
    assert "BETWEEN" in told["definition_sql"]


def test_each_event_names_its_line(models: AppClient, model_lake: Lake, value: tuple[str, Any, float]) -> None:
    """The raw file and line of each event hold its record; no more are shown than asked for."""
    project, day, _ = value
    told = models.get(f"/v1/explain?metric=github_stars_monthly&entity={project}&date={day}&shown=2").json()["data"]
    world = model_lake.settings.sources.gharchive[0].address.removesuffix("/gharchive")
    assert len(told["events"]) == 2
    for event in told["events"]:
        hour = event["raw_file"].removesuffix(".json.gz")
        line = gzip.decompress(hour_file(type(model_lake.folder)(world), hour).read_bytes()).split(b"\n")[event["raw_line"] - 1]
        assert json.loads(line).get("id") in (event["event_source_id"], None)


def test_artifacts_and_collections_are_explained_too(models: AppClient) -> None:
    """Every level can be asked for, by name or id; the newest day is the default."""
    artifact = models.get("/v1/artifacts?artifact_kind=eq.repository&limit=1").json()["data"]
    collection = models.get("/v1/collections?limit=1").json()["data"][0]["collection_name"]
    names = [collection, *(one["artifact_id"] for one in artifact)]
    levels = [models.get(f"/v1/explain?metric=github_commits_monthly&entity={name}").json()["data"]["level"] for name in names]
    assert levels == ["collection", "artifact"][: len(names)]


def test_what_cannot_be_explained(models: AppClient, client: AppClient, value: tuple[str, Any, float]) -> None:
    """Unknown names are 404 with near ones, wrong or missing parameters 400, and so is a day beyond the as-of date."""
    project, day, _ = value
    good = {"metric": "github_stars_monthly", "entity": project, "date": str(day)}
    later = str(read_as_of(models) + timedelta(days=1))
    for changed, status in (
        ({"metric": "github_star_monthly"}, 404),
        ({"entity": f"{project}x"}, 404),
        ({"entity": ""}, 400),
        ({"date": "today"}, 400),
        ({"date": later}, 400),
        ({"date": "0001-01-01"}, 400),
        ({"shown": "51"}, 400),
        ({"show": "5"}, 400),
    ):
        answer = models.get("/v1/explain", params=good | changed)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), changed
    assert models.get("/v1/explain", params=good | {"entity": f"{project}x"}).json()["near"][0] == project
    assert models.get("/v1/explain", params=good | {"show": "5"}).json()["near"] == ["shown"]
    assert client.get("/v1/explain?metric=a&entity=b").status_code == 404, "this lake has no metrics"


def read_as_of(models: AppClient) -> Any:
    """Return the day up to which the metrics speak."""
    from datetime import date

    return date.fromisoformat(models.get("/v1/metrics?limit=1").json()["as_of_date"])
