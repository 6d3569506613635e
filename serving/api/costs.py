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
        is_query: whether the release's files were read for it.
    """
    return BASE + rows // ROWS_PER_UNIT + (QUERY if is_query else 0)
