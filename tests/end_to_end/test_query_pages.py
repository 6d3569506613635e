"""docs/query: what a reader copies out of a page gives the right numbers, and what was never run is marked so."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_servers import granian

import osslake
from end_to_end.chain import Chain
from end_to_end.query_pages import (
    PAGES,
    PROJECT,
    Question,
    Snippet,
    expected_answers,
    page_names,
    run_command_line,
    run_python,
    run_shell,
    snippets,
    truth_of_days,
)
from serving.replica.keeper import make_replica

NEWEST, OLDER = "directory", "replaced"
ONE_RELEASE = ("bigquery.md", "postgresql.md")
"""Pages of targets that show no older release."""
KEPT = 9
"""Releases that the REST API answers from: all."""
LEVELS = ("artifact", "project", "collection")


@pytest.fixture(scope="module")
def question(steps: Chain) -> Iterator[Question]:
    """Serve the lake that changed step by step, and ask for the project that the last step gave other repositories."""
    lake, project = steps.lake, steps.notes[NEWEST][1]
    settings = lake.settings.model_copy(update={"serve": lake.settings.serve.model_copy(update={"keep_replicas": KEPT})})
    while make_replica(settings):
        """The REST API answers from the older release too."""
    with granian(lake.folder, dataset=settings.dataset, keep_replicas=KEPT) as address:
        answers = expected_answers(steps.truth(NEWEST), steps.truth(OLDER), lake, project)
        yield Question(address, project, steps.release(OLDER), answers)


def asked(page: str, language: str) -> set[str]:
    """Return what the blocks of a page that are run here answer."""
    return {one.claim for one in snippets(page) if one.is_run and one.language == language and one.claim}


def test_the_answers_can_differ(question: Question) -> None:
    """The project has contributors in several months, other ones in the older release, days without any and steps that hold."""
    answers = question.answers
    assert len(answers["months"]) >= 2
    assert answers["months"] != answers["older"] != []
    assert len(answers["days"]) > len(answers["daily"]) > 20
    assert 2 < len({amount for _, amount in answers["daily"]}) < len(answers["daily"])


@pytest.mark.filterwarnings("ignore:Iceberg scan planning with the polars_iceberg plugin")  # the page speaks of it
@pytest.mark.parametrize("page", ["duckdb.md", "pandas.md", "polars.md", "pyiceberg.md"])
def test_python_of_a_page_gives_the_right_numbers(question: Question, page: str) -> None:
    """Months, days and an older release, each as the truth has them."""
    found = run_python(page, question)
    assert found == {claim: question.answers[claim] for claim in asked(page, "python")}
    assert {claim.replace("daily", "days") for claim in found} == {"months", "days", "older"}


def test_the_command_line_gives_the_right_numbers(question: Question, tmp_path: Path) -> None:
    """DuckDB's command line attaches, answers, expands steps, and reads an older release."""
    assert run_command_line("duckdb.md", question, tmp_path) == {claim: question.answers[claim] for claim in ("months", "days", "older")}


@pytest.mark.parametrize("page", ["curl.md", "rest.md"])
def test_curl_gives_the_right_numbers(question: Question, tmp_path: Path, page: str) -> None:
    """Documents and files alone, with their hashes checked, lead to the same numbers."""
    if not (shutil.which("curl") and shutil.which("jq")):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("curl or jq is missing: `apt-get install curl jq`")
    assert run_shell(page, question, tmp_path) == {claim: question.answers[claim] for claim in ("months", "daily", "older")}


def test_sql_for_all_engines_gives_the_right_numbers(question: Question, steps: Chain) -> None:
    """The query that the index shows gives the value of every day, by `osslake sql`."""
    (shown,) = snippets("README.md")
    rows = steps.lake.rows(question.fill_in(shown.text))
    assert [(str(day), amount) for day, amount in rows] == question.answers["days"]


@pytest.mark.parametrize("level", LEVELS)
def test_daily_tables_equal_the_truth(question: Question, steps: Chain, level: str) -> None:
    """For every measure and entity: a row for each day from the first value to the as-of date, none missing, none twice, each as the truth has it."""
    with osslake.connect(question.address) as lake:
        query = "SELECT metric_name FROM metrics_v1 WHERE window_name = 'rolling_30_days' AND includes_bots"
        metrics = [name for (name,) in lake.sql(query).fetchall()]
        ours = " UNION ALL ".join(f"FROM daily_by_{level}('{name}')" for name in metrics)
        lake.execute(f"CREATE TABLE ours AS {ours}")
        truth_of_days(lake, steps.truth(NEWEST))
        wrong = lake.sql(
            f"SELECT * FROM ours FULL JOIN (FROM truth WHERE level = '{level}' AND list_contains($1, metric_name)) AS t"
            f" ON t.id = {level}_id AND t.metric_name = ours.metric_name AND t.sample_date = ours.sample_date"
            " WHERE coalesce(ours.amount, 0) <> coalesce(t.amount, 0) LIMIT 5",
            params=[metrics],
        ).fetchall()
        gaps = lake.sql(
            f"SELECT metric_name, {level}_id FROM ours GROUP BY ALL"
            " HAVING count(*) <> count(DISTINCT sample_date) OR count(*) <> max(sample_date) - min(sample_date) + 1"
            " OR max(sample_date) <> getvariable('as_of_date')"
        ).fetchall()
        ((entities, zeros, names),) = lake.sql(
            f"SELECT count(DISTINCT {level}_id), count(*) FILTER (amount = 0), count(DISTINCT metric_name) FROM ours"
        ).fetchall()
    assert (wrong, gaps) == ([], [])
    assert entities >= 2
    assert zeros > 0
    assert names >= 18


def test_every_block_says_whether_it_is_run() -> None:
    """A block is run by a test, or is marked as untried, and then its page says so in bold."""
    silent = [page for page in page_names() if any(not one.is_run for one in snippets(page)) and "**Untried**" not in _text(page)]
    assert silent == []
    assert sum(one.is_run for page in page_names() for one in snippets(page)) >= 20


def test_each_page_answers_the_same_questions() -> None:
    """Every client's page has the months, the days and, where it can, an older release; each asks about the project of the demo."""
    for page in page_names():
        found = snippets(page)
        expected = {"days"} if page == "README.md" else {"months", "days"} if page in ONE_RELEASE else {"months", "days", "older"}
        assert {one.claim.replace("daily", "days") for one in found if one.claim} == expected, page
        assert all(PROJECT in one.text or _uses_a_variable(one) for one in found if one.claim), page


def test_the_index_tells_who_tries_what() -> None:
    """The index has a row for each page, which says what runs its snippets."""
    rows = dict(re.findall(r"^\| [^|]+ \| \[\w+\.md\]\((\w+\.md)\) \| ([^|]+) \|", _text("README.md"), re.MULTILINE))
    assert set(rows) == set(page_names()) - {"README.md"}
    for page, said in rows.items():
        engines = {one.engine for one in snippets(page) if one.is_run}
        where = {"": "test", "spark": "test-stack-long"}
        told = f"`make {where.get(max(engines), 'test-stack')}`" if engines else "**untried**"
        assert said == told + (", on an emulator" if engines == {"bigquery"} else ""), page


def _uses_a_variable(snippet: Snippet) -> bool:
    return snippet.page in ("polars.md", "pyiceberg.md")


def _text(page: str) -> str:
    return (PAGES / page).read_text(encoding="utf-8")
