"""Opening catalogs and object stores that are wrong, shut or silent: a clear error, soon, and no secret in it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from catalog.bucket import connect_lake, locate, open_bucket
from catalog.catalogs import load_iceberg_catalog, open_catalog
from catalog.duck import DuckError
from catalog.errors import SettingsError, StorageError
from catalog.releases import read_latest
from catalog.settings import Settings, load_settings

SECRET = "do-not-tell"
PATIENCE_S = 30.0


@pytest.fixture
def silent() -> Iterator[int]:
    """Return a port where connections are taken and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def shut() -> int:
    """Return a port that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_of(folder: Path, port: int, **catalog: Any) -> Settings:
    """Return settings of a lake whose object store is at a port; its timeouts are short."""
    storage = {"type": "s3", "endpoint": f"http://127.0.0.1:{port}", "access_key": "key", "secret_key": SECRET}
    timeouts = {"connect_timeout_s": 1, "request_timeout_s": 1}
    return load_settings(folder, dataset="nowhere", storage=storage | timeouts, catalog=catalog)


def assert_error_in_time(call: Callable[[], object], kind: type[Exception]) -> str:
    """Return the message of the error that a call ends in, which must come in time and hold no secret."""
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        call()
    assert time.monotonic() - started < PATIENCE_S
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_a_new_catalog_is_opened_by_many_at_once(tmp_path: Path) -> None:
    """Those who open a lake's catalog for the first time at the same time all get it, whoever makes its tables."""
    many = 6
    for attempt in range(5):
        settings, gate = load_settings(tmp_path / str(attempt)), Barrier(many)

        def open_at_the_gate(settings: Settings = settings, gate: Barrier = gate) -> list[tuple[str, ...]]:
            gate.wait(PATIENCE_S)
            return open_catalog(settings).list_namespaces()

        with ThreadPoolExecutor(many) as threads:
            opened = [threads.submit(open_at_the_gate) for _ in range(many)]
        assert [future.result() for future in opened] == [[]] * many


def test_a_rest_catalog_needs_an_object_store(tmp_path: Path) -> None:
    """A REST catalog writes files itself, so a local folder is refused before anything is asked."""
    with pytest.raises(SettingsError, match=r"catalog.type rest needs storage.type s3"):
        open_catalog(load_settings(tmp_path, catalog={"type": "rest", "uri": "http://127.0.0.1:1"}))


@pytest.mark.parametrize("address", ["127.0.0.1:8333", "ftp://host", "http://host/bucket"])
def test_an_endpoint_is_an_address_without_path(tmp_path: Path, address: str) -> None:
    """What isn't http://host or https://host is refused, by the setting's name."""
    with pytest.raises(SettingsError, match=r"storage\.endpoint"):
        load_settings(tmp_path, storage={"type": "s3", "endpoint": address})


def test_a_store_that_is_shut_is_named(tmp_path: Path, shut: int) -> None:
    """A store that can't be reached is named with bucket and address."""
    message = assert_error_in_time(lambda: read_latest(settings_of(tmp_path, shut)), StorageError)
    assert "latest.json" in message
    assert "bucket nowhere" in message
    assert f"127.0.0.1:{shut}" in message


@pytest.mark.parametrize(
    "call",
    [
        lambda settings: open_catalog(settings),
        lambda settings: open_bucket(settings).write("latest.json", b"{}"),
        lambda settings: open_bucket(settings).sha256("marts/a/data/b.parquet"),
    ],
    ids=["open", "write", "read"],
)
def test_a_silent_store_is_given_up(tmp_path: Path, silent: int, call: Callable[[Settings], object]) -> None:
    """A store that takes connections and never answers is given up soon."""
    assert_error_in_time(lambda: call(settings_of(tmp_path, silent)), StorageError)


def test_pyarrow_gives_a_silent_store_up(tmp_path: Path, silent: int) -> None:
    """PyIceberg's file access, whose own patience is minutes, gives up as soon."""
    bucket = open_bucket(settings_of(tmp_path, silent))
    assert_error_in_time(lambda: bucket.file_io().new_input("s3://nowhere/a/b").open(), OSError)


def test_duckdb_gives_a_silent_store_up(tmp_path: Path, silent: int) -> None:
    """DuckDB gives up as soon."""
    settings = settings_of(tmp_path, silent)
    place = locate(open_bucket(settings), "s3://nowhere/a/b.parquet")
    with connect_lake(settings) as connection:
        assert_error_in_time(lambda: connection.execute(f"FROM read_parquet('{place}')"), DuckError)


def test_a_silent_rest_catalog_is_given_up(tmp_path: Path, silent: int) -> None:
    """A REST catalog that never answers is given up after its time, and named."""
    settings = settings_of(tmp_path, silent, type="rest", uri=f"http://127.0.0.1:{silent}", credential=f"id:{SECRET}", timeout_s=1)
    message = assert_error_in_time(lambda: load_iceberg_catalog(settings), SettingsError)
    assert f"the Iceberg catalog at http://127.0.0.1:{silent} can't be opened" in message


@pytest.mark.parametrize("place", ["credential", "uri"])
def test_the_database_password_is_not_told(tmp_path: Path, shut: int, place: str) -> None:
    """PostgreSQL that can't be reached is named by its address, without the password, wherever that stands."""
    user = f"osslake:{SECRET}" if place == "uri" else "osslake"
    settings = load_settings(
        tmp_path,
        catalog={
            "uri": f"postgresql+psycopg://{user}@127.0.0.1:{shut}/lake",
            "credential": SECRET if place == "credential" else "",
        },
    )
    message = assert_error_in_time(lambda: open_catalog(settings), SettingsError)
    assert f"127.0.0.1:{shut}/lake" in message


def test_the_local_default_needs_nothing(tmp_path: Path) -> None:
    """Without settings the catalog is a SQLite file, and the bucket a folder, in the lake."""
    settings = load_settings(tmp_path)
    assert open_catalog(settings).list_namespaces() == []
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["catalog.sqlite", "state", "warehouse"]
