"""Looks in a model's query for SQL that DuckDB and Trino take differently without a word (models are written for Trino)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from sqlglot import exp

REFUSED_TEXT = {
    r"@(start|end)_ds\b": "@start_ds is a varchar, which Trino refuses beside a date; use @start_date",
    r"\bTO_HEX\s*\(\s*SHA256": "on DuckDB this is hex of hex; use the macro @sha256_hex",
    r"\bANTI\s+JOIN\b": "becomes an inner join; use NOT EXISTS or LEFT JOIN ... IS NULL",
}
_EXACT = {exp.DataType.Type.DOUBLE, exp.DataType.Type.DECIMAL, exp.DataType.Type.FLOAT}

_TIMES = {exp.DataType.Type.TIMESTAMPTZ}
MOST_SCANS = 80


def text_traps(text: str) -> list[str]:
    """Return the traps that a model's own text shows."""
    return [reason for pattern, reason in REFUSED_TEXT.items() if re.search(pattern, text, re.IGNORECASE)]


def query_traps(query: exp.Expression, *, may_split: bool = False) -> list[str]:
    """Return the traps in a rendered query.

    Args:
        may_split: whether SPLIT_PART and REGEXP_EXTRACT are known to meet no NULL whose '' would matter.
    """
    return [f"{reason}: {node.sql(dialect='trino')[:80]}" for node, reason in _found(query, may_split=may_split)]


def scans(query: exp.Expression, staged: Collection[str] = ()) -> int:
    """Return how many tables the largest statement reads on Trino, which plans a CTE anew wherever it is read (and refuses 150 stages).

    Args:
        query: a rendered query.
        staged: CTEs that are written into tables first, each by a statement of its own.
    """
    counts: dict[str, int] = {}
    for cte in query.ctes:
        counts[cte.alias] = _scans(cte.this, counts, staged)
    body = query.copy()
    body.set("with_", None)
    return max(_scans(body, counts, staged), *(counts[name] for name in staged), 0)


def _scans(query: exp.Expression, counts: Mapping[str, int], staged: Collection[str]) -> int:
    return sum(
        counts[table.name] if not table.db and table.name in counts and table.name not in staged else 1
        for table in query.find_all(exp.Table)
    )


def _found(query: exp.Expression, *, may_split: bool) -> Iterator[tuple[exp.Expression, str]]:
    for node in query.walk():
        if isinstance(node, exp.Div) and not any(_is_cast(side, _EXACT) for side in (node.left, node.right)):
            yield node, "division of what may be integers rounds differently; cast a side to DOUBLE"
        elif isinstance(node, exp.DateDiff) and not all(_is_date(side) for side in (node.this, node.expression)):
            yield node, "DATE_DIFF counts boundaries of timestamps; take it of dates"
        elif isinstance(node, exp.SplitPart | exp.RegexpExtract) and not may_split:
            yield node, "'' instead of NULL for NULL on DuckDB; guard it and say so"
        elif isinstance(node, exp.DateAdd | exp.DateSub | exp.TsOrDsAdd) and not _is_cast(node.parent, {exp.DataType.Type.DATE}):
            yield node, "a timestamp on DuckDB, a date on Trino; cast it to DATE or use @date_plus"
        elif isinstance(node, exp.Interval) and not isinstance(node.parent, exp.DateAdd | exp.DateSub):
            yield node, "a date with an interval is a timestamp on DuckDB; use @date_plus"
        elif _is_cast(node, _TIMES) and not node.to.expressions:
            yield node, "milliseconds on Trino, which Iceberg refuses; cast to TIMESTAMP(6) WITH TIME ZONE"
        elif isinstance(node, exp.Unnest) and len(node.expressions) > 1:
            yield node, "several arrays in one UNNEST are zipped differently; take one"


def _is_cast(node: exp.Expression | None, types: set[exp.DataType.Type]) -> bool:
    while isinstance(node, exp.Paren):
        node = node.this
    return isinstance(node, exp.Cast) and node.to.this in types


def _is_date(node: exp.Expression) -> bool:
    return _is_cast(node, {exp.DataType.Type.DATE}) or (isinstance(node, exp.Column) and node.name.endswith(("_date", "day")))
