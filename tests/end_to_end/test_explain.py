"""From a number to where it comes from: what explains a value gives the value again, and each event leads to its line."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest

from catalog.errors import QueryError
from end_to_end.lakes import Lake
from end_to_end.worlds import hour_file
from lakehouse.explain import explain

SAMPLES = """
SELECT metric_name, artifact_id, sample_date, amount
FROM (SELECT *, row_number() OVER (PARTITION BY metric_name ORDER BY amount DESC, md5(artifact_id || sample_date)) AS position
      FROM marts.timeseries_metrics_by_artifact_v1 WHERE amount > 0)
WHERE position <= 1 ORDER BY metric_name
"""


def test_every_metric_is_recomputed(small_lake: Lake) -> None:
    """For each metric the published value of an artifact is what its definition gives over the events by day."""
    settings, release = small_lake.settings, small_lake.release()
    samples = small_lake.rows(SAMPLES)
    assert len(samples) > 100
    found = {}
    for metric, artifact, day, amount in samples:
        told = explain(settings, release, str(metric), str(artifact), day, 1)  # type: ignore[arg-type]
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


def test_a_day_beyond_the_release_is_refused(small_lake: Lake) -> None:
    """Of days after the as-of date no number is made up."""
    release = small_lake.release()
    with pytest.raises(QueryError, match=r"is later than .*, the last day that the metrics of this release speak of"):
        explain(small_lake.settings, release, "github_stars_daily", "x", release.as_of_date + timedelta(days=1))
