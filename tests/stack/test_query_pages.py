"""docs/query on engines that take a server or a JVM: what a reader copies out of a page gives the numbers that DuckDB has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from end_to_end.lakes import Lake, Shelf
from end_to_end.query_pages import Question, answers_in, answers_of, script_of
from end_to_end.worlds import TINY, build_tiny, hours_of
from web_servers import granian

from stack import spark
from stack.cluster import Cluster
from stack.query_engines import ask_postgres, ask_trino

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
    assert ask_trino(question, cluster.trino_port) == {claim: question.answers[claim] for claim in CLAIMS}


def test_postgresql_gives_the_right_numbers(question: Question, lake: Lake, cluster: Cluster) -> None:
    """Published to PostgreSQL, the lake answers and expands steps to whoever has the readers' role."""
    assert ask_postgres(question, lake, cluster.postgres) == {claim: question.answers[claim] for claim in ("months", "days")}


@pytest.mark.long
def test_spark_gives_the_right_numbers(question: Question, tmp_path: Path) -> None:
    """Spark fetches the packages that the page names, and answers, expands steps, and reads the older release."""
    java = spark.find_java()
    if java is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Java 17 or 21: `apt-get install openjdk-17-jre-headless`")
    printed = spark.run_script(script_of("spark.md", "spark", question), tmp_path, java)
    assert answers_in(printed) == {claim: question.answers[claim] for claim in CLAIMS}
