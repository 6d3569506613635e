"""From a number to where it comes from: what explains a value gives the value again, and each event leads to its line."""

from __future__ import annotations

import gzip
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.errors import QueryError
from catalog.explain import explain, explain_over
from catalog.query import open_release
from end_to_end.lakes import Lake
from end_to_end.worlds import hour_file
from lakehouse.cli.app import app

SAMPLES = """
SELECT metric_name, artifact_id, sample_date, amount
FROM (SELECT *, row_number() OVER (PARTITION BY metric_name ORDER BY amount DESC, md5(artifact_id || sample_date)) AS position
      FROM marts.timeseries_metrics_by_artifact_v1 WHERE amount > 0)
WHERE position <= 1 ORDER BY metric_name
"""


def test_every_metric_is_recomputed(small_lake: Lake) -> None:
    """For each metric the published value of an artifact is what its definition gives over the events by day."""
    release, samples = small_lake.release(), small_lake.rows(SAMPLES)
    assert len(samples) > 100
    found = {}
    with open_release(small_lake.settings, release) as connection:
        for metric, artifact, day, amount in samples:
            told = explain_over(connection, release, str(metric), str(artifact), day, 1)  # type: ignore[arg-type]
            if (told.value, told.recomputed) != (amount, amount):
                found[metric] = (artifact, day, amount, told.value, told.recomputed)
    assert found == {}


def test_each_event_leads_to_its_line(small_lake: Lake, small_world: Path) -> None:
    """Each event of a project's stars names the hour file and the line in it that holds its record."""
    release = small_lake.release()
    rows = small_lake.rows(
        "SELECT project_id, sample_date FROM marts.timeseries_metrics_by_project_v1"
        " WHERE metric_name = 'github_stars_monthly' ORDER BY amount DESC LIMIT 1"
    )
    told = explain(small_lake.settings, release, "github_stars_monthly", str(rows[0][0]), rows[0][1], 30)  # type: ignore[arg-type]
    assert told.event_count == told.value > 3
    for event in told.events:
        name = str(event["raw_file"]).removesuffix(".json.gz")
        line = gzip.decompress(hour_file(small_world, name).read_bytes()).split(b"\n")[event["raw_line"] - 1]
        assert json.loads(line).get("id") in (event["event_source_id"], None)


def test_the_text_has_the_whole_sql_and_who_did_what_where(small_lake: Lake) -> None:
    """Nothing of the SQL is cut, and each event stands with its repository, actor, amount, raw file and line, as the raw row has them."""
    release = small_lake.release()
    rows = small_lake.rows(
        "SELECT project_id, sample_date FROM marts.timeseries_metrics_by_project_v1"
        " WHERE metric_name = 'github_issues_opened_monthly' ORDER BY amount DESC LIMIT 1"
    )
    project, day = str(rows[0][0]), str(rows[0][1])
    told = explain(small_lake.settings, release, "github_issues_opened_monthly", project, date.fromisoformat(day), 5)
    command = ["--lake", str(small_lake.folder), "explain", "github_issues_opened_monthly", project, day, "--events", "5"]
    said = CliRunner().invoke(app, command, catch_exceptions=False).stdout.splitlines()
    assert {f"    {line}" for line in told.definition_sql.splitlines()} <= set(said)
    for event, line in zip(told.events, said[-5:], strict=True):
        ((repository, login),) = small_lake.rows(
            "SELECT any_value(t.canonical_artifact_id), any_value(r.actor_login) FROM raw.gharchive__events AS r JOIN marts.artifact_aliases_v1 AS t"
            " ON concat_ws('/', t.artifact_namespace, t.artifact_name) = lower(r.repository_name)"
            f" WHERE _source_file = '{event['raw_file']}' AND _source_line = {event['raw_line']}"
        )
        assert (event["to_artifact_id"], event["actor"]) == (repository, str(login).lower())
        words = line.split()
        assert (words[2], words[3], words[-1]) == ("ISSUE_OPENED", event["repository"], f"{event['raw_file']}:{event['raw_line']}")
        assert event["actor"] in words


def test_a_day_beyond_the_release_is_refused(small_lake: Lake) -> None:
    """Of days after the as-of date no number is made up."""
    release = small_lake.release()
    with pytest.raises(QueryError, match=r"is later than .*, the last day that the metrics of this release speak of"):
        explain(small_lake.settings, release, "github_stars_daily", "x", release.as_of_date + timedelta(days=1))
