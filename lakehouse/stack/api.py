"""osslake's own API over the lake's releases: `osslake serve`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from lakehouse.stack.processes import descendants, find_process, read_record
from lakehouse.stack.server import Launch, Server, http_get
from lakehouse.stack.site import HOST, Site

BUILDER = ["-m", "serving.replica"]
"""The end of the command line of the process that makes a replica (serving/replica/builder.py)."""


class Api(Server):
    """`osslake serve` on the lake that the stack was started for."""

    name = "api"
    memory_mb = 400

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.ports = {"stack.api_port": site.stack.api_port}

    def needs(self) -> Iterator[str]:
        """Yield nothing: all that it needs is this package."""
        yield from ()

    def launch(self) -> Launch:
        """Return the command line of this very package."""
        program = "from lakehouse.cli import main; main()"
        serve = ("serve", "--host", HOST, "--port", str(self.site.stack.api_port))
        return Launch((sys.executable, "-c", program, "--lake", str(self.site.lake), *serve), inherits_environment=True)

    def is_ready(self) -> bool:
        """Return whether it answers; a lake without a release is fine."""
        return http_get(self.site.stack.api_port, "/healthz")[0] == 200

    def preparing(self) -> str:
        """Return that it makes its first serving replica, where a process of its own does so: of a large lake that takes minutes."""
        process = find_process(read_record(self.site.record(self.name)))
        if process is None or not any(command[-2:] == BUILDER for command in descendants(process)):
            return ""
        return f"the API is up and prepares its first serving replica, as {self.site.log(self.name)} tells"
