"""How `osslake status` tells of hours: in UTC, and of files that another clock names."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from catalog.settings import load_settings
from ingest.loader import Loader
from lakehouse.ingest import ingest_all
from lakehouse.status import lake_status


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("2012-03-10T05:10:00Z", "hours 2012-03-10T05 to 2012-03-10T05 UTC: 1 loaded"),
        (
            "2012-03-10T05:10:00-08:00",
            "hours 2012-03-10T13 to 2012-03-10T13 UTC (1 files are named by another clock, as their records' times are:"
            " 2012-03-10-5 begins at 2012-03-10T13 UTC): 1 loaded",
        ),
    ],
)
def test_hours_are_told_in_utc(tmp_path: Path, time: str, told: str) -> None:
    """First and last hour are UTC's; where files bear the names of another clock's hours, as before 2015, that is said."""
    repository = {"owner": "o", "name": "r", "url": "https://github.com/o/r"}
    record = {"type": "WatchEvent", "created_at": time, "actor": "a", "public": True, "repository": repository, "payload": {}}
    (tmp_path / "2012-03-10-5.json.gz").write_bytes(gzip.compress(json.dumps(record).encode() + b"\n"))
    (tmp_path / "osslake.toml").write_text('[[sources.gharchive]]\naddress = "."\nfrom = "2012-03-10T05"\nto = "2012-03-10T06"\n')
    settings = load_settings(tmp_path)
    ingest_all(settings, Loader(settings), lambda _: None)
    assert lake_status(settings).sources[0]["text"].startswith(told)
