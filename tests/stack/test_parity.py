"""What the models say is the same on Trino as on DuckDB, by content digest."""

from __future__ import annotations

import pytest
from end_to_end.chain import STEPS, Chain
from end_to_end.lakes import digests

from stack.cluster import StackLake

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("step", STEPS)
def test_step_by_step_the_tables_say_the_same(embedded_steps: Chain, stack_steps: tuple[Chain, StackLake], step: str) -> None:
    """After a day more, a clone, a late hour, a replaced one and a changed directory each table has the digest that it has on DuckDB."""
    chain, lake = stack_steps
    assert digests(lake.release(chain.release(step))) == digests(embedded_steps.lake.release(embedded_steps.release(step)))
