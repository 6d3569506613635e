"""`osslake maintain` on every storage and catalog: raw tables that came day by day get fewer files, and the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from end_to_end.kills import raw_rows
from end_to_end.lakes import Lake
from end_to_end.processes import osslake
from end_to_end.worlds import TINY, hours_of

from catalog.bucket import bucket_key, open_bucket
from catalog.catalogs import open_catalog
from contract.combinations import Combination
from contract.loading import load

EAGER = {
    "OSSLAKE_MAINTAIN__KEEP_SNAPSHOTS_DAYS": "0",
    "OSSLAKE_MAINTAIN__KEEP_SNAPSHOTS": "1",
    "OSSLAKE_MAINTAIN__COMPACT_FILES": "2",
    "OSSLAKE_MAINTAIN__MERGE_MANIFESTS": "2",
}


@pytest.fixture
def loaded(combination: Combination, tiny_world: Path, tmp_path: Path) -> Lake:
    """Return a lake that loaded the tiny world day by day."""
    lake, head = Lake(tmp_path / "lake"), combination.new_lake()
    for days in range(1, TINY.days + 1):
        load(lake.name_sources(tiny_world, hours_of(TINY, days), more=head))
    return lake


def test_maintained_tables_have_the_same_rows(loaded: Lake) -> None:
    """Compacted, merged and expired, the tables have their rows; what nothing names any more goes as soon as it may, and nothing else."""
    before = raw_rows(loaded)
    first = _maintain(loaded, orphan_hours="24")
    assert raw_rows(loaded) == before
    assert sum(one["compacted_files"] for one in first) > 2
    assert sum(one["orphans"] for one in first) == 0
    second = _maintain(loaded, orphan_hours="0")
    assert raw_rows(loaded) == before
    assert sum(one["orphans"] for one in second) > 10
    for one in second:
        assert one["after"]["files"] == len(open_bucket(loaded.settings).objects(_folder(loaded, one["name"])))
    load(loaded)
    assert raw_rows(loaded) == before


def _maintain(lake: Lake, *, orphan_hours: str) -> list[dict[str, Any]]:
    done = osslake(
        "--lake", lake.folder, "maintain", "--output", "json", environment=EAGER | {"OSSLAKE_MAINTAIN__ORPHAN_HOURS": orphan_hours}
    )
    assert done.code == 0, done
    tables: list[dict[str, Any]] = json.loads(done.out)["tables"]
    return tables


def _folder(lake: Lake, name: str) -> str:
    stage, _, table = name.partition(".")
    return bucket_key(lake.settings.dataset, open_catalog(lake.settings).load_table((stage, table)).location())
