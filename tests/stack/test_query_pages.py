"""docs/query on engines that take a server or a JVM: what a reader copies out of a page gives the numbers that DuckDB has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from end_to_end.lakes import Lake, Shelf
from end_to_end.processes import osslake
from end_to_end.query_pages import Question, Rows, answers_in, answers_of, script_of, snippets
from end_to_end.worlds import TINY, build_tiny, hours_of
from web_servers import granian

from catalog.duck import quoted
from stack import spark
from stack.cluster import Cluster

pytestmark = pytest.mark.stack

CLAIMS = {"months", "days", "older"}


@pytest.fixture(scope="module")
def lake(shelf: Shelf) -> Lake:
    """Return a lake of two releases."""

    def build(folder: Path) -> None:
        build_tiny(folder)
        for days in (TINY.days - 1, TINY.days):
            Lake(folder / "lake").name_sources(folder / "world", hours_of(TINY, days)).run()

    return Lake(shelf.once("two_releases", build) / "lake")


@pytest.fixture(scope="module")
def question(lake: Lake) -> Iterator[Question]:
    """Serve the lake, and ask for the project with the most contributors."""
    project, answers = answers_of(lake)
    with granian(lake.folder, dataset=lake.settings.dataset) as address:
        yield Question(address, project, str(lake.release().document.previous), answers)


def test_trino_gives_the_right_numbers(question: Question, cluster: Cluster) -> None:
    """Trino takes the page's two catalogs, and answers, expands steps, and reads the older release."""
    from trino.dbapi import connect

    blocks = [one for one in snippets("trino.md") if one.engine == "trino"]
    newest, before = (_properties(question.fill_in(one.text)) for one in blocks if one.language == "ini")
    cursor = connect(host="127.0.0.1", port=cluster.trino_port, user="osslake").cursor()
    try:
        for name, properties in (("lake", newest), ("before", newest | before)):
            listed = ", ".join(f"\"{key}\" = '{quoted(value)}'" for key, value in properties.items() if key != "connector.name")
            cursor.execute(f"DROP CATALOG IF EXISTS {name}").fetchall()
            cursor.execute(f"CREATE CATALOG {name} USING {properties['connector.name']} WITH ({listed})").fetchall()
        found = {one.claim: _rows(cursor.execute(question.fill_in(one.text)).fetchall()) for one in blocks if one.claim}
    finally:
        for name in ("lake", "before"):
            cursor.execute(f"DROP CATALOG IF EXISTS {name}").fetchall()
    assert found == {claim: question.answers[claim] for claim in CLAIMS}


def test_postgresql_gives_the_right_numbers(question: Question, lake: Lake, cluster: Cluster) -> None:
    """Published to PostgreSQL, the lake answers and expands steps to whoever has the readers' role."""
    server = cluster.postgres
    server.make_database("query_pages")
    dsn = f"postgresql://osslake:{server.password}@127.0.0.1:{server.port}/query_pages"
    done = osslake("--lake", lake.folder, "publish", "postgres", "--dsn", dsn)
    assert done.code == 0, done
    with psycopg.connect(dsn) as connection:
        connection.execute("SET ROLE osslake_reader")
        answered = {one.claim: _asked(connection, question.fill_in(one.text)) for one in snippets("postgresql.md")}
    assert answered[""][0][0] == lake.release().id
    assert {claim: _rows(rows) for claim, rows in answered.items() if claim} == {
        claim: question.answers[claim] for claim in ("months", "days")
    }


def _asked(connection: psycopg.Connection[Any], script: str) -> list[Any]:
    """Return the rows of a script's last statement."""
    cursor = connection.execute(script)
    while cursor.nextset():
        pass
    return cursor.fetchall()


@pytest.mark.long
def test_spark_gives_the_right_numbers(question: Question, tmp_path: Path) -> None:
    """Spark fetches the packages that the page names, and answers, expands steps, and reads the older release."""
    java = spark.find_java()
    if java is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Java 17 or 21: `apt-get install openjdk-17-jre-headless`")
    printed = spark.run_script(script_of("spark.md", "spark", question), tmp_path, java)
    assert answers_in(printed) == {claim: question.answers[claim] for claim in CLAIMS}


def _properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if line)


def _rows(found: list[Any]) -> Rows:
    return [(str(day), float(amount)) for day, amount in found]
