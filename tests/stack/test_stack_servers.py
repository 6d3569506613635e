"""The servers of the stack do what a lake wants of them: objects, tables through the REST catalog, queries on Trino, a database."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import boto3
import httpx
import pyarrow as pa
import pytest

from catalog.catalogs import open_catalog
from lakehouse.stack.connection import addresses
from stack.stack_in_tests import StackInTests

pytestmark = pytest.mark.stack


def test_objects_are_put_and_got(stack: StackInTests) -> None:
    """An object comes back as it was put, with the keys; without them it is refused."""
    keys, url = stack.site.credentials, addresses(stack.site)["S3"]
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=keys.s3_access_key, aws_secret_access_key=keys.s3_secret_key
    )
    content = os.urandom(300_000)
    client.put_object(Bucket="osslake-documents", Key="a/b", Body=content)
    assert client.get_object(Bucket="osslake-documents", Key="a/b")["Body"].read() == content
    assert httpx.get(f"{url}/osslake-documents/a/b").status_code == 403


def test_tables_are_shared_by_pyiceberg_and_trino(stack: StackInTests, tmp_path: Path) -> None:
    """What PyIceberg appends through the REST catalog Trino reads, what Trino inserts PyIceberg reads."""
    catalog = open_catalog(stack.lake_settings(tmp_path))
    catalog.create_namespace_if_not_exists("shared")
    table = catalog.create_table("shared.numbers", schema=pa.schema([("n", pa.int64())]))
    table.append(pa.table({"n": [1, 2, 3]}))
    assert stack.query("SELECT sum(n) FROM shared.numbers") == [[6]]
    stack.query("INSERT INTO shared.numbers VALUES 10, 20")
    assert sorted(catalog.load_table("shared.numbers").scan().to_arrow()["n"].to_pylist()) == [1, 2, 3, 10, 20]


def test_a_large_sorted_table_is_written(stack: StackInTests) -> None:
    """More than the 64 MB that Trino sorts in memory by default: its temporary files are none that the store's table buckets take."""
    stack.query("CREATE SCHEMA IF NOT EXISTS lake.large")
    stack.query("CREATE TABLE large.words (word varchar) WITH (sorted_by = ARRAY['word'])")
    words = "SELECT rpad(CAST(rand() AS varchar), 120, 'x') FROM UNNEST(sequence(1, 1000)) CROSS JOIN UNNEST(sequence(1, 1000))"
    stack.query(f"INSERT INTO large.words {words}")
    assert stack.query("SELECT count(*) FROM large.words") == [[1_000_000]]


def test_the_worker_works(stack: StackInTests) -> None:
    """Trino has a coordinator and a worker, of the version that is pinned."""
    nodes = stack.query("SELECT coordinator, node_version, state FROM system.runtime.nodes ORDER BY 1")
    assert nodes == [[False, "476", "active"], [True, "476", "active"]]


def test_the_database_wants_a_password(stack: StackInTests) -> None:
    """The database is there, in UTF-8, for those with the password."""
    assert stack.postgres("SELECT current_database(), current_setting('server_encoding')") == "osslake|UTF8"
    url = addresses(stack.site)["PostgreSQL"]
    refused = subprocess.run(["psql", "-w", url, "-c", "SELECT 1"], capture_output=True, text=True, check=False)
    assert "no password supplied" in refused.stderr


def test_the_api_answers_and_the_lake_is_untouched(stack: StackInTests) -> None:
    """The API serves the lake, which has no release yet, and nothing was written into it."""
    assert httpx.get(f"{addresses(stack.site)['API']}/healthz").json() == {"status": "ok", "release": None}
    assert list(stack.site.lake.iterdir()) == []


def test_the_image_of_postgresql_is_what_runs_on_debian(stack: StackInTests) -> None:
    """The major version in docker-compose.yml is the one of Debian 12, or the system here is another one than that."""
    release = Path("/etc/debian_version").read_text(encoding="utf-8") if Path("/etc/debian_version").exists() else ""
    compose = (Path(__file__).parents[2] / "docker-compose.yml").read_text(encoding="utf-8")
    running = stack.postgres("SHOW server_version").split(".")[0]
    assert (f"image: postgres:{running}." in compose) or not release.startswith("12")
