"""What answers cost."""

from __future__ import annotations

import pytest

from serving.api.costs import cost_of


@pytest.mark.parametrize(
    ("rows", "is_query", "cost"),
    [(0, False, 1), (999, False, 1), (1_000, False, 2), (200_000, False, 201), (50, True, 11), (1_000, True, 12)],
)
def test_cost_follows_from_what_was_done(rows: int, is_query: bool, cost: int) -> None:
    """One for an answer, one for each full thousand of rows or points, ten for reading the release's files."""
    assert cost_of(rows, is_query=is_query) == cost
