"""A newcomer's way from `make demo` to the same number by every client: docs/transcript.md is what happens here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bigquery.emulator import emulator, environment, needed_python
from end_to_end.demo import build_demo
from end_to_end.lakes import Lake
from end_to_end.processes import osslake
from end_to_end.query_pages import PROJECT, Question, Rows, answers_of, run_python, run_shell, snippets
from web_servers import granian

from stack.cluster import Cluster
from stack.query_engines import ask_bigquery, ask_postgres, ask_trino

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "transcript.md"
WRITE_VARIABLE = "OSSLAKE_WRITE_TRANSCRIPT"
HEAD = """# From `make demo` to the same number by every client

Written by `make transcript`, and compared by `make test-stack` with what happens then: nothing here was typed by hand.
The lake is that of `make demo`; all snippets are those of [query/](query/README.md), which says how to attach each client.

"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Do what `make demo` does, by the words of its script."""
    return build_demo(tmp_path_factory.mktemp("transcript") / "demo")


@pytest.fixture(scope="module")
def question(demo: Lake) -> Iterator[Question]:
    """Serve the demo's lake, and ask for the project that its end and all pages name."""
    project, answers = answers_of(demo, PROJECT)
    with granian(demo.folder, dataset=demo.settings.dataset) as address:
        yield Question(address, project, demo.release().id, answers)


@pytest.mark.filterwarnings("ignore::polars.exceptions.PerformanceWarning")  # of a planner that the page says is not needed
def test_the_transcript_is_what_happens(demo: Lake, question: Question, cluster: Cluster, tmp_path: Path) -> None:
    """Seven clients give the demo's number, and the page in the documentation says what they were asked and answered."""
    for name in ("emulator", "shell"):
        (tmp_path / name).mkdir()
    with emulator(environment(needed_python()), tmp_path / "emulator") as server:
        answered = {
            "duckdb.md": run_python("duckdb.md", question),
            "pyiceberg.md": run_python("pyiceberg.md", question),
            "polars.md": run_python("polars.md", question),
            "curl.md": run_shell("curl.md", question, tmp_path / "shell"),
            "trino.md": ask_trino(question, cluster.trino_port),
            "postgresql.md": ask_postgres(question, demo, cluster.postgres),
            "bigquery.md": ask_bigquery(question, demo, server),
        }
    assert {page: found["months"] for page, found in answered.items()} == dict.fromkeys(answered, question.answers["months"])
    written = HEAD + _beginning(demo, question) + "".join(_section(page, found["months"]) for page, found in answered.items())
    if os.environ.get(WRITE_VARIABLE):
        PAGE.write_text(written, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == written


def _beginning(demo: Lake, question: Question) -> str:
    query = (
        "SELECT sample_date, amount FROM timeseries_metrics_by_project_v1 JOIN projects_v1 USING (project_id)"
        f" WHERE project_name = '{question.project}' AND metric_name = 'github_contributors_monthly' ORDER BY 1"
    )
    shown = osslake("--lake", demo.folder, "sql", query)
    assert shown.code == 0
    return (
        "```console\n$ make demo\n"
        f'$ .venv/bin/osslake --lake demo sql "{query}"\n{shown.out.rstrip()}\n'
        "$ .venv/bin/osslake --lake demo serve &\n```\n\n"
    )


def _section(page: str, rows: Rows) -> str:
    title = (ROOT / "docs" / "query" / page).read_text().splitlines()[0].removeprefix("# ")
    (asked, *_) = (one for one in snippets(page) if one.claim == "months" and one.language != "toml")
    told = "".join(f"{day}  {amount:g}\n" for day, amount in rows)
    emulated = ", its emulator" if page == "bigquery.md" else ""
    return f"## {title}{emulated}\n\n```{asked.language}\n{asked.text.rstrip()}\n```\n```text\n{told}```\n\n"
