"""The small lake behind both servers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from released_lake import ReleasedLake
from web_servers import NGINX, free_port, granian, nginx

from lakehouse.publications.static import export_static


@pytest.fixture(scope="session")
def api_url(released_lake: ReleasedLake) -> Iterator[str]:
    """Address of the application, behind granian."""
    with granian(released_lake.settings.folder) as url:
        yield url


@pytest.fixture(scope="session")
def static_url(released_lake: ReleasedLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the static export, behind nginx."""
    if NGINX is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("nginx is not installed: `apt-get install nginx-light`")
    folder, port = tmp_path_factory.mktemp("static"), free_port()
    export_static(released_lake.settings, str(folder / "export"), f"http://127.0.0.1:{port}")
    with nginx(folder / "nginx", folder / "export", port) as url:
        yield url


@pytest.fixture(params=["api_url", "static_url"])
def base_url(request: pytest.FixtureRequest) -> str:
    """Address of one and of the other: what is true of the application is true of the static files."""
    return str(request.getfixturevalue(request.param))
