"""What an answer costs: counted from what was done for it, in whole units, so that anybody can reckon it."""

from __future__ import annotations

COST_HEADER = "Osslake-Cost"
BASE = 1
ROWS_PER_UNIT = 1_000
QUERY = 10


def cost_of(rows: int = 0, *, is_query: bool = False) -> int:
    """Return the cost of an answer.

    Args:
        rows: rows, or points of series, in it.
        is_query: whether it took a query that may take long.
    """
    return BASE + rows // ROWS_PER_UNIT + (QUERY if is_query else 0)
