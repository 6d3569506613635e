"""An object store that is killed, refuses, is slow or cuts its answers: nothing is lost or doubled, and readers of what was released read on."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from end_to_end.kills import check_as_never_killed, raw_rows, run_again
from end_to_end.lakes import Lake, digests
from end_to_end.processes import Finished, osslake, stopped
from end_to_end.worlds import TINY, hours_of
from pyiceberg.catalog.rest import RestCatalog
from web_servers import free_port, granian, nginx

from catalog.bucket import RELEASES_FOLDER, open_bucket
from catalog.errors import OsslakeError
from contract.combinations import Combination
from contract.conftest import run
from contract.loading import load_ids
from contract.proxy import FAULTS, SwallowingProxy, swallowing
from contract.servers import START_TIMEOUT_S
from lakehouse.publications.static import export_static

pytestmark = pytest.mark.stack
POINTS = ("load.written", "load.commit:2")
RATES = (0.9, 0.02)
"""Parts of all requests that are disturbed, run after run; more than the clients' own retries can mend, then less."""


def check_told(ended: Finished, *ports: int) -> None:
    """Check that a command ended with one line that says which server is down, by its port, and what to do."""
    last = (ended.err.strip().splitlines() or [""])[-1]
    assert (ended.code, "Traceback" in ended.err, last.startswith("error: ")) == (1, False, True), ended
    assert not ports or any(str(port) in last for port in ports), last
    assert "run again" in last, last


def _wait_for_objects(lake: Lake) -> None:
    """Wait until objects can be read: SeaweedFS says that it is well some moments before it knows where they lie, and answers 500 till then."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            lake.rows("SELECT count(*) FROM marts.events_v1")
        except OsslakeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


@pytest.mark.parametrize("combination", [("s3", "rest")], indirect=True, ids="-".join)
def test_the_store_is_killed_in_the_middle_of_a_load(combination: Combination, tiny_world: Path, unharmed: Lake, tmp_path: Path) -> None:
    """The load says so and ends; a mirror goes on serving the last release; when the store is back the same load brings each row once."""
    head, store = combination.new_lake(), combination.seaweed
    assert store is not None
    lake = Lake(tmp_path / "lake").name_sources(tiny_world, hours_of(TINY, TINY.days - 1), more=head)
    run(lake)
    port, events = free_port(), next(table for table in lake.release().tables if table.full_name == "marts.events_v1")
    export_static(lake.settings, str(tmp_path / "export"), f"http://127.0.0.1:{port}")
    lake.name_sources(tiny_world, hours_of(TINY), more=head)
    with nginx(tmp_path / "nginx", tmp_path / "export", port) as mirror, granian(lake.folder, dataset=lake.settings.dataset) as api:
        assert httpx.get(f"{api}/healthz").json()["release"] == lake.release().id
        for point in POINTS:
            with stopped("--lake", lake.folder, "run", at=point) as running:
                store.process.end(signal.SIGKILL)
            check_told(running.wait(), store.s3_port, store.rest_port)
            rows = RestCatalog("readers", uri=mirror).load_table(("marts", "events_v1")).scan().to_arrow().num_rows
            assert rows == events.row_count > 0
            assert httpx.get(f"{api}/healthz", timeout=60).json()["release"].startswith("000001-")
            store.process.start()
            _wait_for_objects(lake)
    run_again(lake)
    assert raw_rows(lake) == raw_rows(unharmed)
    assert digests(lake.release()) == digests(unharmed.release())
    assert osslake("--lake", lake.folder, "release", "verify").code == 0


@pytest.fixture
def proxy(combination: Combination) -> Iterator[SwallowingProxy]:
    """Return a proxy before the object store."""
    assert combination.seaweed is not None
    with swallowing(combination.seaweed.s3_port) as made:
        yield made


@pytest.mark.parametrize("combination", [("s3", "postgres")], indirect=True, ids="-".join)
def test_a_run_through_faults(combination: Combination, proxy: SwallowingProxy, tiny_world: Path, unharmed: Lake, tmp_path: Path) -> None:
    """With 503, slow, cut and lost answers a run releases what an undisturbed one does, or says what is wrong, and one after it does."""
    assert combination.seaweed is not None
    head = combination.new_lake().replace(f":{combination.seaweed.s3_port}", f":{proxy.port}")
    lake = Lake(tmp_path / "lake").name_sources(tiny_world, hours_of(TINY), more=head)
    for seed, rate in enumerate(RATES):
        proxy.disturb(seed, rate, delay_s=0.3)
        ended = osslake("--lake", lake.folder, "run")
        if ended.code == 0:
            break
        check_told(ended)  # that an answer was cut is told by what was read
    assert set(proxy.met) == set(FAULTS)
    proxy.disturb(0, 0, 0)
    run_again(lake)
    check_as_never_killed(lake, unharmed)
    assert raw_rows(lake) == raw_rows(unharmed)
    assert load_ids(lake) == load_ids(unharmed)
    assert len(open_bucket(lake.settings).keys(RELEASES_FOLDER)) == 2
