"""The page at `/`: it tells the current release truly, its commands work as they stand, and nothing that a release says gets loose in it."""

from __future__ import annotations

import contextlib
import html
import io
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import httpx
from released_lake import SECOND_PROJECTS, ReleasedLake
from web_servers import AppClient

from catalog import duck
from catalog.pages import POLICY
from catalog.release_page import release_page
from catalog.settings import Settings
from serving.app import create_app

HOSTILE = "<script>alert(1)</script>\"'&"


def _commands(page: str) -> list[list[str]]:
    """Return the lines of each block of commands: DuckDB, PyIceberg, curl."""
    return [html.unescape(block).splitlines() for block in re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)]


def test_it_tells_the_release(released_lake: ReleasedLake) -> None:
    """Dataset, release, dates, and the number of tables and rows are those of the newest release."""
    release = released_lake.releases[-1]
    page = AppClient(create_app(released_lake.settings)).get("/").text
    rows = sum(table.row_count for table in release.tables)
    for told in (release.id, "<h1>small-lake</h1>", f"{release.created_at:%Y-%m-%d %H:%M} UTC", "2024-01-02", f"4 tables, {rows} rows"):
        assert told in page
    assert f'<td class="number">{len(SECOND_PROJECTS)}</td>' in page


def test_its_commands_work_as_they_stand(base_url: str) -> None:
    """What is copied from the page reads the lake at this address, be it a server's or that of static files, with DuckDB, PyIceberg and curl."""
    attach, pyiceberg, curl = _commands(httpx.get(f"{base_url}/").text)
    assert attach[0] == "INSTALL iceberg; LOAD iceberg;"  # which downloads; the extension is here as a package
    with duck.connect(extensions=True) as connection:
        assert len(connection.execute("\n".join(attach[1:])).fetchall()) == len(SECOND_PROJECTS)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec("\n".join(pyiceberg), {})
    assert "third" in printed.getvalue()
    for line in curl:
        subprocess.run([*shlex.split(line), "--fail", "--output", "/dev/null"], check=True)


def test_its_links_lead_somewhere(base_url: str) -> None:
    """Each address that the page links is answered."""
    links = re.findall(r'href="([^"]*)"', httpx.get(f"{base_url}/").text)
    assert {httpx.get(link).status_code for link in links} == {200}
    assert {f"{base_url}/v1/config", f"{base_url}/latest.json"} <= set(links)


def test_static_files_have_the_page_too(released_lake: ReleasedLake, static_url: str, api_url: str) -> None:
    """Behind nginx the page is there at `/`, as a page that is asked for anew; it differs from the server's by what files can't answer alone."""
    answer = httpx.get(f"{static_url}/")
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("text/html; charset=utf-8", "no-cache")
    served = httpx.get(f"{api_url}/").text.replace(api_url, static_url)
    links, served_links = (set(re.findall(r'href="([^"]*)"', text)) for text in (answer.text, served))
    assert served_links - links == {f"{static_url}/{name}" for name in ("docs", "openapi.json", "healthz")}
    commands, served_commands = ([line for block in _commands(text) for line in block] for text in (answer.text, served))
    assert [line for line in served_commands if line not in commands] == [
        f"curl -s '{static_url}/v1/projects?limit=3'",
        f"curl -s '{static_url}/v1/search?q=commits'",
    ]
    assert answer.text.partition("<h2>Published tables</h2>")[2] == served.partition("<h2>Published tables</h2>")[2] != ""
    assert released_lake.releases[-1].id in answer.text


def test_it_may_be_kept_while_the_release_holds(tmp_path: Path) -> None:
    """It is asked for again at the price of a 304, until there is a new release; HEAD tells the same."""
    lake = ReleasedLake(tmp_path)
    lake.release_first()
    client = AppClient(create_app(lake.settings))
    first = client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": first.headers["etag"]}
    assert client.get("/", headers=known).status_code == 304
    assert client.request("HEAD", "/").headers["content-length"] == str(len(first.content))
    lake.release_second()
    assert client.get("/", headers=known).status_code == 200


def test_what_a_release_says_is_text(released_lake: ReleasedLake) -> None:
    """Descriptions and addresses are shown as they are, never taken for HTML; the browser is told to run and to fetch nothing."""
    release = released_lake.releases[-1]
    tables = [table.model_copy(update={"description": HOSTILE, "licence": HOSTILE}) for table in release.tables]
    page = release_page(
        replace(release, document=release.document.model_copy(update={"tables": tables})), f"https://h/{HOSTILE}", is_served=True
    ).decode()
    assert "<script" not in page
    assert html.escape(HOSTILE) in page
    assert f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">' in page
    headers = AppClient(create_app(released_lake.settings)).get("/").headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert AppClient(create_app(released_lake.settings)).get("/", headers={"Host": "a b"}).status_code == 400


def test_before_the_first_release_it_says_what_to_do(tmp_path: Path) -> None:
    """A lake without a release has a page too, which is not to be kept and tells how one is made."""
    answer = AppClient(create_app(Settings(folder=tmp_path, dataset="small-lake"))).get("/")
    assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<code>osslake run</code>" in answer.text
