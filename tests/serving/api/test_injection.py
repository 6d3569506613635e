"""Whatever stands in a parameter is a value, or an error of the client's: a canary in both databases and beside them is never seen, hurt or moved."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
from end_to_end.lakes import Lake
from web_servers import started, unlimited

from catalog.duck import DuckConnection, connect
from serving import engine
from serving.api.reference import SUFFIX, example_path
from serving.app import create_app
from serving.replica.files import replica_file, rows_file
from serving.replica.keeper import make_replica
from serving.replica.rows import KeptRows

SECRET = "kept-from-everybody-7QxZ"
FILES = ("canary.txt", "canary.csv")
GET = "GET"
MARK = "THE-TEXT"
THOROUGH = ("/v1/projects", "/v1/events", "/v1/events/daily", "/v1/series", "/v1/search", "/v1/resolve", "/v1/explain")
"""Paths whose parameters each get every text; conditions of columns, which are many, half of them. Those of the others get FEW, another FEW each."""
FEW = 3
FORMS = ("eq.{}", "in.({})", 'in.("{}")', "like.{}", "{}")
DENIED = frozenset((400, 404, 406, 410, 413, 414))
CHANGING = "/v1/status"
"""Tells the time since the release."""


def hostile_texts(folder: Path) -> list[str]:
    """Return texts that would do harm, or be read otherwise, where they got into SQL, into a pattern or into an expression of the full-text index."""
    return [
        "'; DROP TABLE canary;--",
        "x'; DELETE FROM canary; --",
        "x' OR '1'='1",
        "x' OR 1=1 /*",
        '" OR "1"="1',
        "' UNION SELECT secret FROM canary --",
        "x') UNION SELECT secret, secret, secret, secret FROM canary --",
        "x') UNION SELECT secret FROM marts.canary --",
        "1 UNION SELECT * FROM canary",
        "(SELECT secret FROM canary)",
        "canary",
        "secret",
        "canary.secret",
        "sqlite_master",
        "x' UNION SELECT sql FROM sqlite_master --",
        "duckdb_tables()",
        f"(SELECT content FROM read_text('{folder / FILES[0]}'))",
        f"' UNION SELECT content FROM read_text('{folder / FILES[0]}') --",
        f"' UNION SELECT secret FROM read_csv('{folder / FILES[1]}') --",
        str(folder / FILES[0]),
        f"../../{FILES[0]}",
        f"'; ATTACH '{folder / 'made.db'}' AS made; --",
        f"'; COPY canary TO '{folder / 'made.csv'}'; --",
        f"'; VACUUM INTO '{folder / 'made.sqlite'}'; --",
        "'; PRAGMA query_only = OFF; CREATE TABLE made (x); --",
        "readfile('canary.txt')",
        "load_extension('made')",
        "?",
        "?1",
        ":a",
        "$1",
        "@a",
        "{0}",
        "%s",
        "\\",
        "\\'",
        "\u2019 OR \u20181\u2019=\u20181",
        "\uff07 OR \uff071\uff07=\uff071",
        "\0",
        "x\0' OR 1=1 --",
        "\u202e",
        '" OR *',
        'a" OR "canary',
        "canary NEAR/2 secret",
        'NEAR("canary" "secret", 2)',
        "name : canary",
        "^canary*",
        "alpha AND NOT beta",
        "canary) OR (secret",
        "-- ",
        "/*",
        ";",
    ]


@dataclass
class Trap:
    """An application, and what it must not show or touch: tables in both databases, and files beside the lake.

    Attributes:
        ask: returns the answer to a request.
        folder: of the lake and of the files.
        replica: SQLite's file.
        connections: DuckDB's, that were opened.
    """

    ask: Callable[..., httpx.Response]
    folder: Path
    replica: Path
    connections: list[DuckConnection]

    def is_unhurt(self) -> bool:
        """Tell whether all canaries are there as they were."""
        with sqlite3.connect(f"file:{self.replica}?mode=ro", uri=True) as connection:
            rows = connection.execute("SELECT secret FROM canary").fetchall()
            made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'made'").fetchone()
        beside = KeptRows(rows_file(self.replica)).read("SELECT secret FROM canary", [], 5).column(0).to_pylist()
        kept = [one.cursor().execute("SELECT secret FROM marts.canary").fetchall() for one in self.connections]
        texts = [SECRET in (self.folder / name).read_text() for name in FILES]
        return (
            rows == [(SECRET,)] and made == (0,) and beside == [SECRET] and kept == [[(SECRET,)]] * len(kept) and bool(kept) and all(texts)
        )

    def files(self) -> dict[str, tuple[int, int]]:
        """Return all files below the folder, with size and time of change."""
        found = {path: path.stat() for path in self.folder.rglob("*") if path.is_file() and "." not in path.suffix[5:]}
        return {str(path.relative_to(self.folder)): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


@pytest.fixture(scope="module")
def trap(model_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trap]:
    """Serve a copy of the small lake whose replica and the rows beside it have a table more, and DuckDB's databases too; nothing is answered out of memory."""
    folder = tmp_path_factory.mktemp("trap")
    settings = unlimited(model_lake.copy_to(folder / "lake").settings)
    settings = settings.model_copy(update={"serve": settings.serve.model_copy(update={"kept_answers_bytes": 0})})
    make_replica(settings)
    replica = replica_file(settings.replicas, Lake(folder / "lake").release().id)
    with sqlite3.connect(replica) as connection:
        connection.execute("CREATE TABLE canary (secret TEXT)")
        connection.execute("INSERT INTO canary VALUES (?)", (SECRET,))
    connection.close()
    with connect(rows_file(replica)) as rows:
        rows.execute(f"CREATE TABLE canary AS SELECT '{SECRET}' AS secret")
    for name in FILES:
        (folder / name).write_text(f"secret\n{SECRET}\n")
    connections: list[DuckConnection] = []
    opened = engine.open_release

    def open_with_canary(*arguments: Any) -> DuckConnection:
        found = opened(*arguments)
        found.execute(f"CREATE TABLE marts.canary AS SELECT '{SECRET}' AS secret")
        connections.append(found)
        return found

    with pytest.MonkeyPatch.context() as patched, asyncio.Runner() as runner, started(create_app(settings)) as client:
        patched.setattr(engine, "open_release", open_with_canary)
        patched.chdir(folder)
        asking = httpx.AsyncClient(transport=client._transport, base_url="http://testserver", headers={"Accept-Encoding": "identity"})
        yield Trap(lambda *asked, **options: runner.run(asking.request(*asked, **options)), folder, replica, connections)
        runner.run(asking.aclose())


@dataclass
class Place:
    """Where a text can stand.

    Attributes:
        path: as it is documented.
        address: with MARK in place of the text.
        form: of the text.
        signs: that stay as they are.
        is_condition: whether it is that of a column.
        finds_nothing: whether no row fits.
    """

    path: str
    address: str
    form: str = "{}"
    signs: str = ""
    is_condition: bool = False
    finds_nothing: bool = False

    def with_text(self, text: str) -> str:
        """Return the address to ask."""
        return self.address.replace(MARK, quote(self.form.replace("{}", text), self.signs))


def places(document: dict[str, Any]) -> Iterator[Place]:
    """Yield every place of every path that is asked by GET."""
    for path, methods in document["paths"].items():
        if "get" not in methods:
            continue
        parameters = methods["get"]["parameters"]
        for one in parameters:
            others = [other for other in parameters if other is not one]
            if one["in"] == "path":
                address = example_path(path.replace(f"{{{one['name']}}}", MARK), others)
                yield from (Place(path, address, signs=signs) for signs in ("", "/"))
            elif _is_condition(one):
                address = _and(example_path(path, others), one["name"])
                yield from (
                    Place(path, address, form, is_condition=True, finds_nothing=form != "{}" and not path.endswith(SUFFIX))
                    for form in FORMS
                )
            else:
                yield Place(path, _and(example_path(path, others), one["name"]))
        example = example_path(path, parameters)
        yield Place(path, _and(example, MARK).removesuffix(MARK) + "eq.1")
        yield Place(path, example_path(f"{path}.{MARK}", parameters))
        columns = [one["name"] for one in parameters if _is_condition(one)]
        if columns:
            first = columns[0]
            yield Place(path, _and(example, "or"), f'({first}.eq."{{}}")', finds_nothing=not path.endswith(SUFFIX))
            yield Place(path, _and(example, "not.and"), f'({first}.eq."{{}}",{first}.in.({{}}))')
            yield Place(path, _and(example, "or"), "({}.eq.1)")
            yield Place(path, _and(example, "order"), f"{first}.{{}}")
            yield Place(path, _and(example, "select"), f"{first},{{}}")


def _and(address: str, name: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{name}={MARK}"


def _is_condition(parameter: dict[str, Any]) -> bool:
    return "`operator.value`" in parameter["description"]


def good_answers(trap: Trap, document: dict[str, Any]) -> dict[str, bytes]:
    """Return what is answered to every example of the document."""
    found = {}
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            content = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
            answer = trap.ask(method.upper(), example_path(path, one["parameters"]), content=orjson.dumps(content) if content else None)
            assert answer.status_code == 200, (path, answer.text)
            if path != CHANGING:
                found[path] = answer.content
    return found


def test_nothing_gets_into_the_sql(trap: Trap) -> None:
    """Every parameter and key of every path takes texts that would break out of SQL: none is an error of the server's, finds anything, or leaves a trace."""
    document = trap.ask(GET, "/openapi.json").json()
    before = good_answers(trap, document)
    assert trap.is_unhurt()
    files, texts = trap.files(), hostile_texts(trap.folder)
    rotated = cycle(texts)
    asked: set[str] = set()
    for place in places(document):
        most = FEW if place.path not in THOROUGH else len(texts) // (2 * len(FORMS)) if place.is_condition else len(texts)
        for text in islice(rotated, most):
            address = place.with_text(text)
            answer = trap.ask(GET, address)
            assert answer.status_code in DENIED | {200}, (address, answer.status_code, answer.text)
            assert SECRET.encode() not in answer.content, address
            if place.finds_nothing and answer.status_code == 200:
                assert answer.json()["data"] == [], address
            asked.add(place.path)
    assert asked == {path for path, methods in document["paths"].items() if "get" in methods}
    for text in texts:
        for content in (orjson.dumps([text]), text.encode()):
            answer = trap.ask("POST", "/v1/lookup", content=content)
            assert (answer.status_code in DENIED | {200}, SECRET in answer.text) == (True, False), (content, answer.text)
        answer = trap.ask(GET, f"/releases/{quote(text, '')}/v1/projects")
        assert (answer.status_code in DENIED, SECRET in answer.text) == (True, False), (text, answer.text)
    assert trap.is_unhurt()
    assert trap.files() == files
    assert good_answers(trap, document) == before
