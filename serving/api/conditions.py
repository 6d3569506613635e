"""The syntax tree as SQL that SQLite and DuckDB both take: names of declared columns, and a mark for every value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from serving.api.grammar import Comparison, Group, Node, Not, Order

ROWID = "rowid"
"""The number of a row in SQLite's table."""
_SIGNS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
Encode = Callable[[Any], Any]


def condition_sql(node: Node, encode: Encode) -> tuple[str, list[Any]]:
    """Return the condition, and the values of its marks.

    Args:
        node: its columns were checked by the grammar.
        encode: turns a value into what the engine keeps.
    """
    if isinstance(node, Not):
        sql, values = condition_sql(node.node, encode)
        return f"(NOT {sql})", values
    if isinstance(node, Group):
        parts = [condition_sql(one, encode) for one in node.nodes]
        return "(" + f" {node.word.upper()} ".join(sql for sql, _ in parts) + ")", [value for _, values in parts for value in values]
    return _comparison_sql(node, encode)


def _comparison_sql(node: Comparison, encode: Encode) -> tuple[str, list[Any]]:
    if node.operator == "in":
        return f"({node.column} IN ({', '.join('?' * len(node.value))}))", [encode(value) for value in node.value]
    if node.operator == "is":
        if node.value is None:
            return f"({node.column} IS NULL)", []
        return f"({node.column} IS NOT NULL AND {node.column} = ?)", [encode(node.value)]
    if node.operator == "like":
        pattern = node.value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
        return f"({node.column} LIKE ? ESCAPE '\\')", [pattern]
    return f"({node.column} {_SIGNS[node.operator]} ?)", [encode(node.value)]


def where_sql(nodes: Sequence[Node], encode: Encode) -> tuple[list[str], list[Any]]:
    """Return conditions that must all hold, and the values of their marks."""
    parts = [condition_sql(node, encode) for node in nodes]
    return [sql for sql, _ in parts], [value for _, values in parts for value in values]


def order_sql(order: Sequence[Order]) -> str:
    """Return the list of ORDER BY; rows without a value come last."""
    return ", ".join(f"{one.column} IS NULL, {one.column}{' DESC' if one.is_descending else ''}" for one in order)


def after_sql(order: Sequence[Order], values: Sequence[Any], encode: Encode) -> tuple[str, list[Any]]:
    """Return the condition that a row comes after one with these values in this order, and the values of its marks.

    The order must be total: no two rows have the same values.
    """
    steps: list[str] = []
    marks: list[Any] = []
    for place, (one, value) in enumerate(zip(order, values, strict=True)):
        if value is None:
            continue  # nothing comes after a row without a value but what later columns tell apart
        same = [f"{before.column} IS NOT DISTINCT FROM ?" for before in order[:place]]
        beyond = f"{one.column} {'<' if one.is_descending else '>'} ?"
        if one.column != ROWID:  # which always has a value; with OR its range would not be found by the table's own order
            beyond = f"({beyond} OR {one.column} IS NULL)"
        steps.append("(" + " AND ".join([*same, beyond]) + ")")
        marks += [encode(before) for before in values[:place]] + [encode(value)]
    return ("(" + " OR ".join(steps) + ")" if steps else "false"), marks
