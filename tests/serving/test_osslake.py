"""`osslake.connect`: one whole release in DuckDB, from the application and from static files, and errors that say what to do."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from end_to_end.server import hour_server
from released_lake import FIRST_PROJECTS, SECOND_PROJECTS, ReleasedLake
from web_servers import free_port, granian

import osslake
from catalog.errors import ReleaseError, SettingsError, StorageError

NO_ID = f"000001-{64 * '0'}"
COUNTS = "SELECT (SELECT count(*) FROM projects_v1), (SELECT count(*) FROM lake.raw.demo__events), (SELECT count(*) FROM lake.intermediate.int_days)"
FIRST, SECOND = (len(FIRST_PROJECTS), 2, 1), (len(SECOND_PROJECTS), 3, 2)


def counts(connection: osslake.DuckConnection) -> tuple[int, ...]:
    """Return how many rows three tables of three stages have."""
    (row,) = connection.execute(COUNTS).fetchall()
    return tuple(row)


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_shows_the_newest_release(base_url: str, released_lake: ReleasedLake, slash: str) -> None:
    """Without a release the newest one is attached; marts have plain names, and variables tell which release it is."""
    with osslake.connect(base_url + slash) as lake:
        assert counts(lake) == SECOND
        assert lake.execute("SELECT getvariable('release'), getvariable('as_of_date')").fetchall() == [
            (released_lake.releases[-1].id, date(2024, 1, 2))
        ]


def test_an_older_release_is_named_by_its_id_or_its_number(base_url: str, released_lake: ReleasedLake) -> None:
    """The first release shows its own rows in all stages, however it is named; so does the newest by its number."""
    for name in (released_lake.releases[0].id, 1, "1"):
        with osslake.connect(base_url, name) as lake:
            assert counts(lake) == FIRST
    with osslake.connect(base_url, release=2) as lake:
        assert counts(lake) == SECOND


def test_a_connection_stays_with_its_release(tmp_path: Path) -> None:
    """What is published after it was opened shows in a new connection alone."""
    made = ReleasedLake(tmp_path)
    made.release_first()
    with granian(made.settings.folder) as url, osslake.connect(url) as before:
        assert before.execute("SELECT count(*) FROM projects_v1").fetchall() == [(FIRST[0],)]
        made.release_second()
        with osslake.connect(url) as after:
            assert (counts(before), counts(after)) == (FIRST, SECOND)


def test_what_is_created_is_in_memory(base_url: str) -> None:
    """Tables of one's own stand beside the lake's, which can't be written to."""
    with osslake.connect(base_url) as lake:
        lake.execute("CREATE TABLE mine AS SELECT project_id FROM projects_v1")
        assert lake.execute("SELECT count(*) FROM mine JOIN projects_v1 USING (project_id)").fetchall() == [(SECOND[0],)]
        assert lake.execute("SELECT table_catalog FROM information_schema.tables WHERE table_name = 'mine'").fetchall() == [("memory",)]


@pytest.mark.parametrize(
    ("release", "message"),
    [
        (NO_ID, f"keeps no release {NO_ID}"),
        (99, "keeps no release 99; the newest is 2"),
        (0, "keeps no release 0; the newest is 2"),
    ],
)
def test_a_release_that_is_not_there_is_told(base_url: str, release: str | int, message: str) -> None:
    """A release that isn't kept is an error that names it."""
    with pytest.raises(ReleaseError, match=message):
        osslake.connect(base_url, release)


@pytest.mark.parametrize("release", ["newest", "000001", "1.0", "-1", NO_ID[:-1], NO_ID + "/../x"])
def test_what_is_no_release_is_told(base_url: str, release: str) -> None:
    """Only an id or a number names a release; a number may have zeros before it."""
    if release == "000001":
        osslake.connect(base_url, release).close()
        return
    with pytest.raises(SettingsError, match="is no release: neither an id"):
        osslake.connect(base_url, release)


@pytest.mark.parametrize("url", [5, None, "demo", "", "ftp://127.0.0.1/", "file:///tmp", "http://", "http://[::1", "http://127.0.0.1/?a=b"])
def test_what_is_no_address_is_told(url: Any) -> None:
    """A folder, another scheme, or half an address is refused before anything is asked for."""
    with pytest.raises(SettingsError, match="is no address of a lake"):
        osslake.connect(url)


def test_a_server_that_is_not_there_is_told() -> None:
    """Where nothing listens, the error says so and where."""
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StorageError, match=f"nothing answers at {url}/latest.json: .*refused; is `osslake serve`"):
        osslake.connect(url)


def test_a_lake_without_releases_is_told(tmp_path: Path) -> None:
    """A lake that is served and has no release yet is told from an address without a lake."""
    made = ReleasedLake(tmp_path)
    with granian(made.settings.folder) as url, pytest.raises(ReleaseError, match=f"nothing was released yet in the lake at {url}"):
        osslake.connect(url)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "its latest.json names no release"),
        ("<html></html>", "what it answers is no JSON"),
        ("[1]", "what it answers is no JSON object"),
        ('{"id": 3}', "its latest.json names no release"),
        ("\xff", "what it answers is no JSON"),
    ],
)
def test_another_web_site_is_told(tmp_path: Path, content: str | None, message: str) -> None:
    """What isn't a lake is called so, whatever it answers."""
    if content is not None:
        (tmp_path / "latest.json").write_text(content, encoding="latin-1")
    with hour_server(tmp_path) as server, pytest.raises(SettingsError, match=f"no osslake lake is at {server.url}.*{message}"):
        osslake.connect(server.url)


def test_a_server_in_trouble_is_told(tmp_path: Path) -> None:
    """An error of the server's own is passed on with its status; it may answer later."""
    with hour_server(tmp_path) as server, pytest.raises(StorageError, match=r"latest\.json answers 503") as raised:
        server.answers["latest.json"] = 503
        osslake.connect(server.url)
    assert raised.value.is_transient


def test_older_documents_may_be_gone(tmp_path: Path, released_lake: ReleasedLake) -> None:
    """A number that the documents which are left don't lead to is an error that tells the newest."""
    (tmp_path / "latest.json").write_bytes((released_lake.settings.warehouse / "latest.json").read_bytes())
    with hour_server(tmp_path) as server, pytest.raises(ReleaseError, match="keeps no release 1; the newest is 2"):
        osslake.connect(server.url, 1)
