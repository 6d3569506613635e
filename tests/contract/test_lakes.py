"""A lake on every storage and catalog: the same content, releases that hold, and readers that see it."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from end_to_end.kills import check_as_never_killed, run_again
from end_to_end.lakes import Lake, digests
from end_to_end.processes import osslake
from end_to_end.worlds import TINY, hours_of
from pyiceberg.catalog.rest import RestCatalog
from web_servers import NGINX, free_port, granian, nginx

from catalog import duck
from catalog.bucket import bucket_key, open_bucket
from catalog.catalogs import open_catalog
from contract.combinations import COMBINATIONS, Combination
from lakehouse.publications.static import export_static

SERVED = [pytest.param(one, id="-".join(one), marks=pytest.mark.stack) for one in COMBINATIONS[1:]]
SUM = "SELECT count(*) AS row_count, sum(amount) AS amount FROM {}timeseries_metrics_by_project_v1"
TABLES = ("marts.events_v1", "intermediate.int_artifacts", "raw.gharchive__events")


@pytest.mark.parametrize("combination", SERVED, indirect=True)
def test_the_content_is_that_of_a_local_lake(lake: Lake, reference: Lake) -> None:
    """Every released table has the rows and the content digest that it has on a local folder and SQLite."""
    assert digests(lake.release()) == digests(reference.release())


def test_all_paths_are_in_the_bucket(lake: Lake) -> None:
    """What a release lists begins with the bucket called as the dataset, wherever the catalog chose to put it."""
    paths = [file.path for table in lake.release().tables for file in table.files]
    assert len(paths) > 100
    assert [path for path in paths if not path.startswith(f"s3://{lake.settings.dataset}/")] == []


def test_a_second_run_changes_nothing(lake: Lake) -> None:
    """Run again, the lake has the same release, and no table has a new snapshot."""
    before, snapshots = lake.release().id, _snapshots(lake)
    assert osslake("--lake", lake.folder, "run").code == 0
    assert (lake.release().id, _snapshots(lake)) == (before, snapshots)


def _snapshots(lake: Lake) -> dict[str, int | None]:
    catalog = open_catalog(lake.settings)
    names = [name for space in catalog.list_namespaces() for name in catalog.list_tables(space)]
    return {".".join(name): catalog.load_table(name).metadata.current_snapshot_id for name in names}


def test_the_release_holds(lake: Lake) -> None:
    """`osslake release verify` reads every file, and finds hashes, digests, signatures and Iceberg's own lists as they should be."""
    done = osslake("--lake", lake.folder, "release", "verify")
    assert (done.code, "holds" in done.out) == (0, True), done


def test_sql_reads_it(lake: Lake, reference: Lake) -> None:
    """`osslake sql` gives the rows of the local lake."""
    done = osslake("--lake", lake.folder, "sql", SUM.format(""), "--format", "json")
    assert done.code == 0, done
    assert json.loads(done.out) == reference.query(SUM.format("marts.")).to_pylist()


def test_status_tells_the_release(lake: Lake) -> None:
    """`osslake status` tells what is loaded, and that the release is up to date."""
    status = json.loads(osslake("--lake", lake.folder, "status", "--output", "json").out)
    assert (status["release"]["id"], status["is_behind"]) == (lake.release().id, False)
    assert {one["source"] for one in status["sources"]} >= {"gharchive", "oss_directory", "git"}


@pytest.mark.parametrize("combination", SERVED, indirect=True)
def test_no_secret_is_left_anywhere(combination: Combination, lake: Lake) -> None:
    """Keys and passwords stand in no file of the lake but its settings, and in no metadata file or document of the bucket."""
    servers = (combination.seaweed and combination.seaweed.secret_key, combination.postgres and combination.postgres.password)
    found, bucket, release = [one.encode() for one in servers if one], open_bucket(lake.settings), lake.release()
    files = [path for path in lake.folder.rglob("*") if path.is_file() and path.name != "osslake.toml"]
    documents = [release.content, *(bucket.read(bucket_key(bucket.dataset, table.metadata_file)) for table in release.tables)]
    assert found
    assert [path for path in files if any(secret in path.read_bytes() for secret in found)] == []
    assert not any(secret in content for secret in found for content in documents)


@pytest.fixture(scope="module", params=["api", "static"])
def url(lake: Lake, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `osslake serve`, and of nginx over a static export."""
    if request.param == "api":
        with granian(lake.folder, dataset=lake.settings.dataset) as address:
            yield address
        return
    assert NGINX is not None, "nginx is not installed: `apt-get install nginx-light`"
    folder, port = tmp_path_factory.mktemp("static"), free_port()
    export_static(lake.settings, str(folder / "export"), f"http://127.0.0.1:{port}")
    with nginx(folder / "nginx", folder / "export", port) as address:
        yield address


@pytest.mark.parametrize("table", TABLES)
def test_pyiceberg_reads_it_over_http(lake: Lake, url: str, table: str) -> None:
    """PyIceberg reads as many rows as the release says."""
    stage, name = table.split(".")
    released = next(one for one in lake.release().tables if one.full_name == table)
    assert RestCatalog("readers", uri=url).load_table((stage, name)).scan().to_arrow().num_rows == released.row_count > 0


def test_duckdb_reads_it_over_http(lake: Lake, reference: Lake, url: str) -> None:
    """DuckDB attaches without credentials and reads what the local lake holds."""
    with duck.connect(extensions=True) as connection:
        connection.execute(f"ATTACH 'any' AS lake (TYPE iceberg, ENDPOINT '{url}', AUTHORIZATION_TYPE 'none')")
        found = connection.execute(SUM.format("lake.marts.")).to_arrow_table().to_pylist()
    assert found == reference.query(SUM.format("marts.")).to_pylist()


def test_files_have_their_bytes_over_http(lake: Lake, url: str) -> None:
    """A file comes whole with the hash that the release lists, in the ranges that are asked for, and not at all where there is none."""
    file = max((one for table in lake.release().tables for one in table.data_files), key=lambda one: one.size_bytes)
    place = f"{url}/{file.path.removeprefix('s3://')}"
    whole, part, head = httpx.get(place), httpx.get(place, headers={"Range": "bytes=4-99"}), httpx.head(place)
    assert hashlib.sha256(whole.content).hexdigest() == file.sha256
    assert (part.status_code, part.content) == (206, whole.content[4:100])
    assert (head.status_code, int(head.headers["content-length"]), head.content) == (200, file.size_bytes, b"")
    assert httpx.get(place, headers={"Range": f"bytes=-{8}"}).content == whole.content[-8:]
    assert httpx.get(place, headers={"Range": "bytes=999999999-"}).status_code == 416
    assert httpx.get(place, headers={"If-None-Match": head.headers["etag"]}).status_code == 304
    assert httpx.get(f"{place}x").status_code == 404


@pytest.mark.parametrize("combination", SERVED, indirect=True)
def test_a_run_that_was_killed_is_done(combination: Combination, tiny_world: Path, unharmed: Lake, tmp_path: Path) -> None:
    """SIGKILL while tables are published, while they are tagged, and before `latest.json`: the run after them releases as if never killed."""
    lake = Lake(tmp_path / "lake").name_sources(tiny_world, hours_of(TINY), more=combination.new_lake())
    for point in ("publish.written:3", "release.tagged", "release.written"):
        assert osslake("--lake", lake.folder, "run", crash_at=point).code == -signal.SIGKILL, point
    run_again(lake)
    check_as_never_killed(lake, unharmed)
