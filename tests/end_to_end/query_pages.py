"""The snippets of docs/query: taken out of their pages, pointed at a lake of a test, and run as a reader would run them."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb

from catalog.duck import EXTENSIONS, DuckConnection
from end_to_end.lakes import Lake
from end_to_end.values import ENTITY_IDS

PAGES = Path(__file__).parents[2] / "docs" / "query"
ADDRESS = "http://127.0.0.1:8000"
PROJECT = "quail-bench-org66-0-0"
ROLLING = "github_contributors_rolling_30_days"
CLAIMS = ("months", "days", "daily", "older")
_BLOCK = re.compile(r"^```(\w+)(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANSWER = "--answer--"
Rows = list[tuple[str, float]]
"""Days in ISO form, and the value of each."""


@dataclass(frozen=True)
class Snippet:
    """A fenced block of a page.

    Attributes:
        claim: what its answer is: one of CLAIMS, or nothing.
        engine: what it needs beside what `make test` has.
        is_run: whether a test runs it; else it is marked as untried.
    """

    page: str
    language: str
    claim: str
    engine: str
    is_run: bool
    text: str


@dataclass(frozen=True)
class Question:
    """What the snippets are asked with, and the right answers."""

    address: str
    project: str
    older_id: str
    answers: dict[str, Rows]

    def fill_in(self, text: str) -> str:
        """Return a snippet that asks this lake."""
        number = int(self.older_id.partition("-")[0])
        text = text.replace(ADDRESS, self.address).replace(PROJECT, self.project).replace("release=1)", f"release={number})")
        return re.sub(r"(/releases/)ID\b", rf"\g<1>{self.older_id}", text)


def page_names() -> list[str]:
    """Return the names of all pages."""
    return sorted(path.name for path in PAGES.glob("*.md"))


def snippets(page: str) -> list[Snippet]:
    """Return the fenced blocks of a page; the words after the language say whether, for what and where they are run."""
    found = []
    for language, words, text in _BLOCK.findall((PAGES / page).read_text(encoding="utf-8")):
        marks = {word.partition("=")[0]: word.partition("=")[2] for word in words.split()}
        assert set(marks) <= {"run", "untried", "on"}, f"{page}: {words}"
        assert ("run" in marks) != ("untried" in marks), f"{page}: a block says neither run nor untried, or both"
        claim = marks.get("run", "") or marks.get("untried", "")
        found.append(Snippet(page, language, claim, marks.get("on", ""), "run" in marks, text))
    return found


def expected_answers(truth: Path, older_truth: Path, lake: Lake, project: str) -> dict[str, Rows]:
    """Return the right answers for a project, out of the truth of the newest release and of an older one."""
    as_of = lake.release().as_of_date
    (first,), *_ = lake.rows(f"SELECT CAST(min(sample_date) AS VARCHAR) FROM marts.metric_periods_v1 WHERE metric_name = '{ROLLING}'")
    values = dict(_truth(truth, project, ROLLING))
    day, calendar = date.fromisoformat(str(first)), []
    while day <= as_of:
        calendar.append((str(day), values.get(str(day), 0.0)))
        day += timedelta(days=1)
    return {
        "months": _truth(truth, project, "github_contributors_monthly"),
        "older": _truth(older_truth, project, "github_contributors_monthly"),
        "days": calendar,
        "daily": [row for row in calendar if row[0] >= min(values)],
    }


def _truth(truth: Path, project: str, metric: str) -> Rows:
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT CAST(sample_date AS VARCHAR), amount FROM '{truth}'"
            " WHERE level = 'project' AND entity = $1 AND metric_name = $2 AND amount <> 0 ORDER BY 1",
            [project, metric],
        ).fetchall()


def answers_of(lake: Lake, project: str = "") -> tuple[str, dict[str, Rows]]:
    """Return a project (none named: that with most contributors), and the right answers for it as DuckDB finds them in the last two releases' files."""
    if not project:
        (busiest,), *_ = lake.rows(
            "SELECT project_name FROM marts.timeseries_metrics_by_project_v1 JOIN marts.projects_v1 USING (project_id)"
            " WHERE metric_name = 'github_contributors_monthly' GROUP BY 1 ORDER BY count(*) DESC, sum(amount) DESC, 1 LIMIT 1"
        )
        project = str(busiest)
    calendar = lake.rows(f"SELECT CAST(sample_date AS VARCHAR) FROM marts.metric_periods_v1 WHERE metric_name = '{ROLLING}' ORDER BY 1")
    steps, amount, days = dict(_series(lake, project, ROLLING)), 0.0, []
    for (day,) in calendar:
        amount = steps.get(str(day), amount)
        days.append((str(day), amount))
    answers = {
        "months": _series(lake, project, "github_contributors_monthly"),
        "older": _series(lake, project, "github_contributors_monthly", lake.release().document.previous),
        "days": days,
    }
    assert all(answers.values())
    return project, answers


def _series(lake: Lake, project: str, metric: str, release: str | None = None) -> Rows:
    rows = lake.rows(
        "SELECT CAST(sample_date AS VARCHAR), amount FROM marts.timeseries_metrics_by_project_v1 JOIN marts.projects_v1 USING (project_id)"
        f" WHERE project_name = '{project}' AND metric_name = '{metric}' ORDER BY 1",
        release,
    )
    return [(str(day), float(str(amount))) for day, amount in rows]


def run_python(page: str, question: Question) -> dict[str, Rows]:
    """Run the Python of a page; a block's answer is in the variable `months`, `days` or `older`."""
    names: dict[str, Any] = {"__name__": page}
    answers: dict[str, Rows] = {}
    for snippet in (one for one in snippets(page) if one.language == "python" and not one.engine):
        exec(compile(question.fill_in(snippet.text), page, "exec"), names)
        if snippet.claim:
            answers[snippet.claim] = rows_of(names["days" if snippet.claim == "daily" else snippet.claim])
    return answers


def rows_of(found: Any) -> Rows:
    """Return the rows of what a client calls a result."""
    if hasattr(found, "fetchall"):  # DuckDB's relation
        rows = found.fetchall()
    elif hasattr(found, "to_pylist"):  # Arrow's table
        rows = [(row["sample_date"], row["amount"]) for row in found.to_pylist()]
    elif hasattr(found, "itertuples"):  # pandas; the days may be its index
        frame = found if "sample_date" in found.columns else found.rename_axis("sample_date").reset_index()
        rows = list(frame[["sample_date", "amount"]].itertuples(index=False))
    elif hasattr(found, "rows"):  # Polars
        rows = found.select("sample_date", "amount").rows()
    else:
        rows = found
    return [(str(day)[:10], float(amount)) for day, amount in rows]


def run_command_line(page: str, question: Question, folder: Path) -> dict[str, Rows]:
    """Run the SQL of a page in one session of DuckDB's command line, with the extensions as `INSTALL` would have left them."""
    with duckdb.connect() as connection:
        (platform,) = connection.execute("PRAGMA platform").fetchall()[0]
    installed = folder / ".duckdb" / "extensions" / f"v{duckdb.__version__}" / platform
    installed.mkdir(parents=True)
    for name in EXTENSIONS:
        package = files(f"duckdb_extension_{name}").joinpath("extensions", f"v{duckdb.__version__}", f"{name}.duckdb_extension")
        (installed / f"{name}.duckdb_extension").symlink_to(str(package))
    chosen = [one for one in snippets(page) if one.language == "sql"]
    script = "".join(f".print {_ANSWER}{one.claim}\n{question.fill_in(one.text)}" for one in chosen)
    return answers_in(_run(["duckdb", "-csv", "-bail"], script, folder))


def run_shell(page: str, question: Question, folder: Path) -> dict[str, Rows]:
    """Run the shell commands of a page as one script."""
    chosen = [one for one in snippets(page) if one.language == "sh"]
    script = "".join(f"echo '{_ANSWER}{one.claim}'\n{question.fill_in(one.text)}" for one in chosen)
    return answers_in(_run(["bash", "-euo", "pipefail"], script, folder))


def _run(command: list[str], script: str, folder: Path) -> str:
    environment = os.environ | {"HOME": str(folder), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, input=script, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def script_of(page: str, engine: str, question: Question) -> str:
    """Return the Python of a page as a script that prints its answers; each is Spark's DataFrame."""
    parts = []
    for snippet in (one for one in snippets(page) if one.language == "python" and one.engine == engine):
        parts.append(question.fill_in(snippet.text))
        if snippet.claim:
            parts.append(f'print("{_ANSWER}{snippet.claim}\\nsample_date,amount")\n')
            parts.append(f"for row in {snippet.claim}.collect():\n    print(f'{{row[0]}},{{row[1]}}')\nprint('{_ANSWER}')\n")
    return "".join(parts)


def answers_in(printed: str) -> dict[str, Rows]:
    """Return the answers that a script printed, as CSV below a line that says what they answer."""
    answers = {}
    for part in printed.split(_ANSWER)[1:]:
        claim, _, text = part.partition("\n")
        if claim:
            answers[claim] = [(row["sample_date"], float(row["amount"])) for row in csv.DictReader(StringIO(text))]
    return answers


def truth_of_days(connection: DuckConnection, truth: Path) -> None:
    """Make the table `truth`: the values of rolling windows for every day, by the ids of entities."""
    connection.execute(
        f"CREATE TABLE memory.main.truth AS SELECT level, {ENTITY_IDS} AS id, metric_name, sample_date, amount FROM '{truth}'"
        " WHERE NOT is_key AND amount <> 0 AND metric_name LIKE '%\\_rolling\\_%' ESCAPE '\\'"
    )
