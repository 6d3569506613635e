"""Dagster on the lake, where the settings want it: web pages, schedules and queue, as processes of `dagster dev`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from lakehouse.stack.server import Launch, Server, http_get
from lakehouse.stack.site import DEPLOY, HOST, Site

LOCATION = "lakehouse.orchestration.location"


class Dagster(Server):
    """Runs of the lake that the stack was started for; its own state and logs are in its folder."""

    name = "dagster"
    memory_mb = 2400

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.ports = {"stack.dagster_port": site.stack.dagster_port}

    def needs(self) -> Iterator[str]:
        """Yield that the optional extra is not installed."""
        if find_spec("dagster_webserver") is None:
            yield "Dagster is missing; install the extra: pip install 'osslake[dagster]', or set stack.dagster = false"

    def prepare(self, report: Callable[[str], None]) -> None:  # noqa: ARG002 - it does not take long
        """Put Dagster's settings into its folder."""
        home = self.site.state(self.name)
        home.mkdir(exist_ok=True)
        (home / "dagster.yaml").write_bytes((DEPLOY / "dagster" / "dagster.yaml").read_bytes())

    def launch(self) -> Launch:
        """Return the command of Dagster's own starter."""
        place = ("-h", HOST, "-p", str(self.site.stack.dagster_port))
        variables = {"DAGSTER_HOME": str(self.site.state(self.name)), "OSSLAKE_LAKE": str(self.site.lake)}
        return Launch((sys.executable, "-m", "dagster", "dev", *place, "-m", LOCATION), variables, inherits_environment=True)

    def is_ready(self) -> bool:
        """Return whether its pages answer."""
        return http_get(self.site.stack.dagster_port, "/server_info")[0] == 200
