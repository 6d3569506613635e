"""Looks in a model's query for SQL that DuckDB and Trino take differently without a word (models are written for Trino)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

REFUSED_TEXT = {
    r"@(start|end)_ds\b": "@start_ds is a varchar, which Trino refuses beside a date; use @start_date",
    r"\bTO_HEX\s*\(\s*SHA256": "on DuckDB this is hex of hex; use the macro @sha256_hex",
    r"\bANTI\s+JOIN\b": "becomes an inner join; use NOT EXISTS or LEFT JOIN ... IS NULL",
}
_EXACT = {exp.DataType.Type.DOUBLE, exp.DataType.Type.DECIMAL, exp.DataType.Type.FLOAT}


def text_traps(text: str) -> list[str]:
    """Return the traps that a model's own text shows."""
    return [reason for pattern, reason in REFUSED_TEXT.items() if re.search(pattern, text, re.IGNORECASE)]


def query_traps(query: exp.Expression, *, may_split: bool = False) -> list[str]:
    """Return the traps in a rendered query.

    Args:
        may_split: whether SPLIT_PART and REGEXP_EXTRACT are known to meet no NULL whose '' would matter.
    """
    return [f"{reason}: {node.sql(dialect='trino')[:80]}" for node, reason in _found(query, may_split=may_split)]


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
        elif isinstance(node, exp.Unnest) and len(node.expressions) > 1:
            yield node, "several arrays in one UNNEST are zipped differently; take one"


def _is_cast(node: exp.Expression | None, types: set[exp.DataType.Type]) -> bool:
    while isinstance(node, exp.Paren):
        node = node.this
    return isinstance(node, exp.Cast) and node.to.this in types


def _is_date(node: exp.Expression) -> bool:
    return _is_cast(node, {exp.DataType.Type.DATE}) or (isinstance(node, exp.Column) and node.name.endswith(("_date", "day")))
