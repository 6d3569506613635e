"""PyIceberg's REST catalog, with an end to its patience: its requests have no time limit of their own."""

from __future__ import annotations

from typing import Any

from pyiceberg.catalog.rest import RestCatalog
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

CONNECT_TIMEOUT_S = 10.0


class _PatientAdapter(HTTPAdapter):
    """Sends requests that may last so long and no longer."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        super().__init__()

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        """Send a request, with the time limit where it has none."""
        return super().send(request, **(options | {"timeout": options.get("timeout") or (CONNECT_TIMEOUT_S, self._timeout_s)}))


class PatientRestCatalog(RestCatalog):
    """A REST catalog whose requests end. Property: `osslake.timeout-s`, the longest silence in seconds."""

    def _config_headers(self, session: Session) -> None:
        """Set up a session before its first request, which fetches the token."""
        for scheme in ("http://", "https://"):
            session.mount(scheme, _PatientAdapter(float(self.properties["osslake.timeout-s"])))
        super()._config_headers(session)
