"""The recorded real data: what comes out is counted against plain Python over the same files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from end_to_end import recorded
from end_to_end.lakes import Shelf
from end_to_end.recorded import RECORDS, Recorded


@pytest.fixture(scope="session")
def real(shelf: Shelf, shared_data: Path) -> Recorded:
    """Return the lake of the real data."""
    return Recorded(shelf.once("recorded", lambda folder: recorded.build(folder, shared_data)))


@pytest.mark.parametrize("hour", RECORDS)
def test_records_in_are_loaded_or_rejected(real: Recorded, hour: str) -> None:
    """Of each hour the ledger says: lines in the file = rows loaded + records rejected; here all lines are good records."""
    rows = real.lake.rows(f"SELECT state, record_count, loaded_count, rejected_count FROM raw.gharchive__hours WHERE hour = '{hour}'")
    assert rows == [("loaded", RECORDS[hour], RECORDS[hour], 0)]
    assert len(real.lines(hour)) == RECORDS[hour]


@pytest.mark.parametrize("hour", RECORDS)
def test_raw_counts_by_type(real: Recorded, hour: str) -> None:
    """Raw rows by record type are those that Python counts in the file."""
    rows = real.lake.rows(f"SELECT record_type, count(*) FROM raw.gharchive__events WHERE _source_file = '{hour}.json.gz' GROUP BY ALL")
    assert dict(rows) == Counter(record["type"] for record in real.records(hour))


@pytest.mark.parametrize("hour", RECORDS)
def test_event_counts_by_type(real: Recorded, hour: str) -> None:
    """Events by type are those that Python derives from the records one by one."""
    year = hour[:4]
    rows = real.lake.rows(
        f"SELECT event_type, count(*) FROM marts.events_v1 WHERE year(time) = {year} AND event_type NOT IN {_TIMED_OTHERWISE} GROUP BY ALL"
    )
    expected = recorded.events_of(real.records(hour))
    assert dict(rows) == {name: count for name, count in expected.items() if name not in _TIMED_OTHERWISE}


_TIMED_OTHERWISE = ("RELEASE_PUBLISHED", "PULL_REQUEST_MERGED")


def test_events_with_times_of_their_own(real: Recorded) -> None:
    """Releases and merges, whose times stand in the payload, are as many as Python finds in all files together."""
    rows = real.lake.rows(f"SELECT event_type, count(*) FROM marts.events_v1 WHERE event_type IN {_TIMED_OTHERWISE} GROUP BY ALL")
    expected = sum((recorded.events_of(real.records(hour)) for hour in RECORDS), Counter[str]())
    assert dict(rows) == {name: expected[name] for name in _TIMED_OTHERWISE}


def test_the_hour_of_2012_is_read_in_its_own_offset(real: Recorded) -> None:
    """The file 2012-06-14-15 covers the hour from 22:00 UTC on, since its records carry -07:00."""
    rows = real.lake.rows("SELECT strftime(period_start, '%Y-%m-%dT%H') FROM marts.event_coverage_v1 ORDER BY 1")
    assert [row[0] for row in rows] == ["2012-06-14T22", "2015-01-01T00", "2021-07-21T06"]


def test_the_directory_at_its_end(real: Recorded) -> None:
    """The directory's newest state has 7,112 projects and 117 collections, and its history more memberships than hold now."""
    query = "SELECT (SELECT count(*) FROM marts.projects_v1), (SELECT count(*) FROM marts.collections_v1)"
    assert real.lake.rows(query) == [(7112, 117)]
    ended = real.lake.rows("SELECT count(*) FROM marts.project_memberships_v1 WHERE valid_to IS NOT NULL")[0][0]
    assert int(str(ended)) > 1000


def test_the_id_vectors_of_oso(real: Recorded) -> None:
    """The two ids that OSO's own notebooks give stand in the marts as `oso_id`."""
    project = real.lake.rows("SELECT oso_id FROM marts.projects_v1 WHERE project_name = 'uniswap'")
    assert project == [("pWEQHj4IsxU8lx2EDLJpphYaGAvw/yRps3vgTbVCXjQ=",)]
    artifact = real.lake.rows(
        "SELECT DISTINCT oso_id FROM marts.artifacts_v1 WHERE artifact_source = 'GITHUB' AND artifact_namespace = 'uniswap' AND artifact_name = 'v3-core'"
    )
    assert artifact == [("cm0drbfqGM808N6O/DrKOwJ1QC36JtSyRxU5MOrV2TU=",)]


def test_an_id_is_the_hash_of_its_three_parts(real: Recorded) -> None:
    """Ids are SHA-256 over source, kind and key joined by U+001F, computed here by hand."""
    import hashlib

    found = real.lake.rows("SELECT project_id FROM marts.projects_v1 WHERE project_name = 'uniswap'")
    assert found == [(hashlib.sha256(b"OSS_DIRECTORY\x1fproject\x1funiswap").hexdigest(),)]
