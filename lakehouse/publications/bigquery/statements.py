"""The one transaction of a publication, as a script: what goes, what comes, and the row that names the release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog.partitions import PartitionBounds, bounds_of
from lakehouse.publications.changes import TableChange


def transaction_sql(statements: Iterable[str]) -> str:
    """Return a script in which all of these statements count, or none."""
    return ";\n".join(["BEGIN TRANSACTION", *statements, "COMMIT TRANSACTION"]) + ";"


def exchange_sql(path: str, staging_path: str | None, change: TableChange, *, is_empty: bool = False) -> list[str]:
    """Return the statements that exchange a table's differing partitions for the staged rows.

    Args:
        path: how SQL names the table.
        staging_path: how SQL names the staging table; None where no rows come.
        change: what differs.
        is_empty: the table was made by this publication; nothing has to go. A script's statements run one after the other, each for some second.
    """
    statements = [] if is_empty else [f"DELETE FROM {path} WHERE {_condition(change)}"]
    if staging_path:
        columns = ", ".join(f"`{field['name']}`" for field in change.table.schema_["fields"])
        statements.append(f"INSERT INTO {path} ({columns}) SELECT {columns} FROM {staging_path}")
    return statements


def empty_sql(path: str) -> str:
    """Return the statement that takes all rows out of a table."""
    return f"DELETE FROM {path} WHERE TRUE"


def _condition(change: TableChange) -> str:
    if change.is_whole:
        return "TRUE"
    types = {field["name"]: field["type"] for field in change.table.schema_["fields"]}
    stretches = _stretches([bounds_of(change.table, partition) for partition in change.partitions])
    return " OR ".join(_within(one, "DATE" if types[one.column] == "date" else "TIMESTAMP") for one in stretches)


def _stretches(bounds: Sequence[PartitionBounds]) -> list[PartitionBounds]:
    """Join partitions that follow one another, so that a long history is a short condition."""
    joined: list[PartitionBounds] = []
    for one in sorted(bounds, key=lambda bounds: bounds.first):
        if joined and joined[-1].end == one.first:
            joined[-1] = PartitionBounds(one.column, joined[-1].first, one.end)
        else:
            joined.append(one)
    return joined


def _within(bounds: PartitionBounds, kind: str) -> str:
    zone = "" if kind == "DATE" else " 00:00:00+00"
    return f"(`{bounds.column}` >= {kind} '{bounds.first}{zone}' AND `{bounds.column}` < {kind} '{bounds.end}{zone}')"
