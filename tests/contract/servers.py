"""Real servers for the contract: SeaweedFS (object store and Iceberg REST catalog) from its package, PostgreSQL from the system."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

START_TIMEOUT_S = 60.0
WEED = Path(sys.executable).parent / "weed"
WEED_PORTS = ("s3", "s3.port.iceberg", "filer", "master", "volume", "admin")


@dataclass
class ServerProcess:
    """A server that tests may kill and start again."""

    command: Sequence[str | Path]
    environment: Mapping[str, str]
    log: Path
    urls: Sequence[str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until all of its addresses answer."""
        with self.log.open("ab") as log:
            process = self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=os.environ | self.environment)
        wait_until(process, lambda: all(_answers(url) for url in self.urls), self.log)

    def end(self, number: signal.Signals) -> None:
        """Send the server a signal that ends it, and wait for that."""
        if self.process:
            self.process.send_signal(number)
            self.process.wait(START_TIMEOUT_S)


@dataclass(frozen=True)
class Seaweed:
    """Where SeaweedFS listens, its keys and its process."""

    s3_port: int
    rest_port: int
    access_key: str
    secret_key: str
    process: ServerProcess

    @property
    def endpoint(self) -> str:
        """Address of the object store."""
        return f"http://127.0.0.1:{self.s3_port}"

    def make_table_bucket(self, name: str) -> None:
        """Make a bucket that the REST catalog keeps tables in."""
        import boto3

        keys = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
        boto3.client("s3tables", endpoint_url=self.endpoint, region_name="us-east-1", **keys).create_table_bucket(name=name)


@dataclass(frozen=True)
class Postgres:
    """Where PostgreSQL listens, and the password of the user `osslake`."""

    port: int
    password: str
    folder: Path

    def make_database(self, name: str) -> None:
        """Make a database."""
        import psycopg

        with psycopg.connect(f"postgresql://osslake@127.0.0.1:{self.port}/postgres", password=self.password, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')


def free_ports(count: int) -> list[int]:
    """Return TCP ports that nothing listens at."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@contextmanager
def seaweed(folder: Path) -> Iterator[Seaweed]:
    """Run SeaweedFS over a folder, all of its ports chosen here."""
    folder.mkdir(parents=True)
    ports = free_ports(2 * len(WEED_PORTS) - 1)
    access_key, secret_key = "contract", secrets.token_hex(8)
    flags = [
        f"-{name}.port={port}"
        for name, port in zip((n for n in WEED_PORTS if n != "s3.port.iceberg"), (ports[0], *ports[2:6]), strict=True)
    ]
    flags += [f"-{name}.port.grpc={port}" for name, port in zip(("s3", "filer", "master", "volume", "admin"), ports[6:], strict=True)]
    command = [WEED, "-logtostderr=true", "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.port.iceberg={ports[1]}"]
    command += [*flags, "-s3.port.lance=0", "-webdav=false", "-admin.ui=false", "-master.telemetry=false", "-master.volumeSizeLimitMB=64"]
    urls = (f"http://127.0.0.1:{ports[0]}/healthz", f"http://127.0.0.1:{ports[1]}/v1/config")
    environment = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    process = ServerProcess(command, environment, folder / "log", urls)
    try:
        process.start()
        yield Seaweed(ports[0], ports[1], access_key, secret_key, process)
    finally:
        process.end(signal.SIGTERM)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run PostgreSQL in a folder of its own; as the user `postgres` where we are root, which it refuses to run as."""
    binaries = _postgres_binaries()
    folder = Path(mkdtemp(prefix="osslake-postgres-"))
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    server = Postgres(free_ports(1)[0], secrets.token_hex(8), folder)
    (folder / "password").write_text(server.password)
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")
    subprocess.run(
        [binaries / "initdb", "-D", folder / "data", "-U", "osslake", "-A", "scram-sha-256", "--pwfile", folder / "password", "--no-sync"],
        check=True, capture_output=True, cwd=folder, **user,
    )  # fmt: skip
    options = [f"-cport={server.port}", "-clisten_addresses=127.0.0.1", f"-cunix_socket_directories={folder}", "-cfsync=off"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([binaries / "postgres", "-D", folder / "data", *options], stdout=log, stderr=log, cwd=folder, **user)
    try:
        ready = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(server.port)]
        wait_until(process, lambda: subprocess.run(ready, check=False).returncode == 0, folder / "log")
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(START_TIMEOUT_S)
        shutil.rmtree(folder)


def _postgres_binaries() -> Path:
    """Return the folder of the system's newest PostgreSQL."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    if on_path is None:
        raise AssertionError("PostgreSQL is missing: Debian and Ubuntu have it as the package postgresql")
    return Path(on_path).parent


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2):
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False


def wait_until(process: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path, timeout_s: float = START_TIMEOUT_S) -> None:
    """Wait until a server is ready; say the end of its log if it ends before, or takes too long."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        if is_ready():
            return
        time.sleep(0.1)
    raise AssertionError(f"{process.args!r} did not come up; it ended with {process.poll()}: {log.read_text()[-2000:]}")
