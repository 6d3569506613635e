"""docs/from-oso.md: every name of ours in it exists, and its queries run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from end_to_end.lakes import Lake

PAGE = (Path(__file__).parents[2] / "docs" / "from-oso.md").read_text(encoding="utf-8")
# Words in code that are no names of ours: OSO's side of a sentence, values, and parts of a metric's name.
OTHER_WORDS = {"oso", "github", "uniswap"}


@pytest.fixture(scope="module")
def columns(small_lake: Lake) -> dict[str, set[str]]:
    """Return the columns of each mart, as the release declares them."""
    tables = small_lake.release().tables
    return {table.name: {field["name"] for field in table.schema_["fields"]} for table in tables if table.stage == "marts"}


@pytest.fixture(scope="module")
def words(small_lake: Lake) -> set[str]:
    """Return the names of all metrics and windows."""
    rows = small_lake.rows("SELECT metric_name FROM marts.metrics_v1 UNION SELECT window_name FROM marts.metrics_v1")
    return {str(name) for (name,) in rows}


def sections() -> dict[str, str]:
    """Return the text below each heading."""
    parts = re.split(r"^#{2,3} (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def table_rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of the rows of a section's tables."""
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| OSO"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def names(cell: str) -> list[str]:
    """Return what stands in code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def test_every_table_of_ours_exists(columns: dict[str, set[str]]) -> None:
    """The tables on the right are marts, and no mart that has a counterpart is left out."""
    ours = [name for row in table_rows(sections()["Tables"]) for name in names(row[1])]
    assert [name for name in ours if name not in columns] == []
    assert len(set(ours)) >= 14


def test_every_column_of_ours_exists(columns: dict[str, set[str]]) -> None:
    """The columns on the right stand in the section's own table, or in the one that is named before the dot; each table is there whole."""
    for heading, text in sections().items():
        if " → " not in heading:
            continue
        own = heading.partition(" → ")[2]
        found = [name.rpartition(".") for row in table_rows(text) for name in names(row[1])]
        assert [name for table, _, name in found if name not in columns[table or own]] == [], heading
        told = {name for table, _, name in found if not table} | {name for name in names(text) if name in columns[own]}
        assert columns[own] <= told, f"{heading}: {sorted(columns[own] - told)}"


def test_every_metric_of_ours_exists(words: set[str]) -> None:
    """Metrics and windows on the right are those of metrics_v1; all measures are there."""
    ours = [name for row in table_rows(sections()["Metrics"]) for name in names(row[1])]
    assert [name for name in ours if name not in words] == []
    measures = {re.sub(r"^github_|_(monthly|weekly|over_all_time)$", "", name) for name in ours if name.startswith("github_")}
    assert len(measures) == 18


def test_every_other_name_of_ours_exists(columns: dict[str, set[str]], words: set[str]) -> None:
    """What stands in code in the prose and in remarks is a table, a column, `table.column` or a metric."""
    known = (
        words | set(columns) | set().union(*columns.values()) | {f"{table}.{name}" for table, all_of in columns.items() for name in all_of}
    )
    prose = "\n".join(line for line in re.sub(r"^```.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE).splitlines() if line[:1] != "|")
    remarks = "\n".join(row[2] for text in sections().values() for row in table_rows(text))
    ours = [name for name in names(prose + "\n" + remarks) if re.fullmatch(r"[a-z0-9_.]+", name)]
    of_oso = {"contributor_absence_factor", "burstiness"}
    assert [name for name in ours if name not in known | of_oso | OTHER_WORDS] == []
    assert len(ours) > 20


def test_its_queries_run(small_lake: Lake) -> None:
    """The queries for our tables run as they stand; the one of events has rows."""
    queries = re.findall(r"^```sql run\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert len(queries) == 3
    counted = [small_lake.rows(f"SELECT count(*) FROM ({_with_stages(query)})")[0][0] for query in queries]
    assert counted[0] == counted[1] == 0  # no `uniswap` in a generated world
    assert int(str(counted[2])) > 100


def _with_stages(query: str) -> str:
    return re.sub(r"\b(FROM|JOIN) (\w+_v1)", r"\1 marts.\2", query)
