"""Trino beside SeaweedFS and PostgreSQL, for tests; each lake has a table bucket, a database and Trino's catalog `lake` for as long as it runs."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from contract.servers import Postgres, Seaweed, free_ports, wait_until
from end_to_end.lakes import Lake

from lakehouse.stack.download import trino_server
from lakehouse.stack.java import find_java
from lakehouse.stack.site import Site

HEAP = "2G"
# Tests end before the second compiler pays; without it they take three quarters of the CPU.
QUICK = "-XX:TieredStopAtLevel=1\n-XX:+UseSerialGC\n"
START_TIMEOUT_S = 120.0
LEASE_S = 4


@dataclass(frozen=True)
class Cluster:
    """Servers that lakes run on, one lake at a time."""

    seaweed: Seaweed
    postgres: Postgres
    trino_port: int

    def new_lake(self, folder: Path) -> Lake:
        """Make bucket and database of a lake, and its folder with the settings that lead to them."""
        dataset = f"stack-{secrets.token_hex(4)}"
        self.seaweed.make_table_bucket(dataset)
        self.postgres.make_database(dataset)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("stack.toml", "osslake.toml"):
            (folder / name).write_text(self._settings(dataset))
        return StackLake(folder, self)

    def _settings(self, dataset: str) -> str:
        store, keys = self.seaweed, f"{self.seaweed.access_key}:{self.seaweed.secret_key}"
        state = f"postgresql://osslake:{self.postgres.password}@127.0.0.1:{self.postgres.port}/{dataset}"
        return (
            f'dataset = "{dataset}"\n[storage]\ntype = "s3"\nendpoint = "{store.endpoint}"\naccess_key = "{store.access_key}"\n'
            f'secret_key = "{store.secret_key}"\ndocuments = "{dataset}-documents"\n'
            f'[catalog]\ntype = "rest"\nuri = "http://127.0.0.1:{store.rest_port}"\ncredential = "{keys}"\n'
            f'[catalog.properties]\n"oauth2-server-uri" = "http://127.0.0.1:{store.rest_port}/v1/oauth/tokens"\n'
            f'[transform]\nengine = "trino"\ntrino = "http://osslake@127.0.0.1:{self.trino_port}"\nstate = "{state}"\n'
            f"lease_s = {LEASE_S}\n"
        )

    def point_at(self, dataset: str) -> None:
        """Let Trino's catalog `lake` be that of a lake."""
        from trino.dbapi import connect

        store = self.seaweed
        rest, address = "iceberg.rest-catalog", f"http://127.0.0.1:{store.rest_port}"
        properties = {
            "iceberg.catalog.type": "rest",
            f"{rest}.uri": address,
            f"{rest}.warehouse": f"s3://{dataset}",
            f"{rest}.security": "OAUTH2",
            f"{rest}.oauth2.credential": f"{store.access_key}:{store.secret_key}",
            f"{rest}.oauth2.server-uri": f"{address}/v1/oauth/tokens",
            f"{rest}.view-endpoints-enabled": "true",
            "fs.native-s3.enabled": "true",
            "s3.endpoint": store.endpoint,
            "s3.region": "us-east-1",
            "s3.path-style-access": "true",
            "s3.aws-access-key": store.access_key,
            "s3.aws-secret-key": store.secret_key,
            "iceberg.writer-sort-buffer-size": "1GB",
            "iceberg.dynamic-filtering.wait-timeout": "60s",
            "parquet.small-file-threshold": "64kB",
        }
        listed = ", ".join(f"\"{name}\" = '{value}'" for name, value in properties.items())
        cursor = connect(host="127.0.0.1", port=self.trino_port, user="osslake").cursor()
        cursor.execute("SHOW CATALOGS")
        if ["lake"] in cursor.fetchall():
            cursor.execute("DROP CATALOG lake").fetchall()
        cursor.execute(f"CREATE CATALOG lake USING iceberg WITH ({listed})").fetchall()


@dataclass(frozen=True)
class StackLake(Lake):
    """A lake on the cluster."""

    cluster: Cluster

    def name_sources(self, world: Path, hours: tuple[str, str], git: tuple[str, ...] = ("git/*.git",), more: str = "") -> Lake:
        """Write the settings file, with where the servers are."""
        return super().name_sources(world, hours, git, (self.folder / "stack.toml").read_text() + more)

    def run(self) -> object:
        """Do what `osslake run` does, on this lake's own catalog."""
        self.cluster.point_at(self.settings.dataset)
        return super().run()


@contextmanager
def trino(folder: Path, site: Site) -> Iterator[int]:
    """Run a coordinator that works itself, over a folder; give its port. Server and JDK are those of `osslake stack`."""
    home, (java, _) = trino_server(site.stack, lambda _: None), find_java(site.stack)
    port = free_ports(1)[0]
    files = {
        "node.properties": f"node.environment=test\nnode.id=coordinator\nnode.data-dir={folder}/data\nnode.bind-ip=127.0.0.1\n"
        "node.internal-address=127.0.0.1\n",
        "jvm.config": f"-server\n-Xmx{HEAP}\n-XX:+ExitOnOutOfMemoryError\n{QUICK}-Djdk.attach.allowAttachSelf=true\n"
        "--add-modules=jdk.incubator.vector\n--enable-native-access=ALL-UNNAMED\n",
        "config.properties": f"coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port={port}\n"
        f"discovery.uri=http://127.0.0.1:{port}\ncatalog.management=dynamic\ncatalog.store=memory\n",
        "log.properties": "io.trino=WARN\norg.apache.iceberg=WARN\n",
    }
    (folder / "etc").mkdir(parents=True)
    for name, text in files.items():
        (folder / "etc" / name).write_text(text)
    command = [f"{home}/bin/launcher", "run", "--etc-dir", folder / "etc", "--launcher-log-file", folder / "launcher.log"]
    environment = os.environ | {"JAVA_HOME": str(java), "PATH": f"{java}/bin:{os.environ['PATH']}"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        wait_until(process, lambda: _is_up(port), folder / "log", START_TIMEOUT_S)
        yield port
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def _is_up(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/v1/info", timeout=2) as answer:
            return b'"starting":false' in answer.read()
    except OSError:
        return False
