"""What the models say is the same on Trino as on DuckDB, by content digest, and what is released has no delete files."""

from __future__ import annotations

import pytest
from end_to_end.chain import STEPS, Chain
from end_to_end.lakes import Lake, digests
from end_to_end.processes import osslake

from stack.cluster import StackLake

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.long
def test_step_by_step_the_tables_say_the_same(embedded_steps: Chain, stack_steps: tuple[Chain, StackLake], step: str) -> None:
    """After a day more, a clone, a late hour, a replaced one and a changed directory each table has the digest that it has on DuckDB."""
    chain, lake = stack_steps
    assert digests(lake.release(chain.release(step))) == digests(embedded_steps.lake.release(embedded_steps.release(step)))


@pytest.mark.long
def test_recorded_hours_and_the_real_directory_say_the_same(recorded: tuple[Lake, Lake]) -> None:
    """Three real hours and the directory with its whole history give the same digests on both engines."""
    embedded, stack = recorded
    assert digests(stack.release()) == digests(embedded.release())


def test_built_at_once_the_tables_say_the_same(at_once: tuple[Lake, Lake]) -> None:
    """10,000 records with renames, duplicates, late ones and missing hours, all at once: the same digests on both engines."""
    embedded, stack = at_once
    assert digests(stack.release()) == digests(embedded.release())
    assert osslake("--lake", stack.folder, "release", "verify").code == 0


def test_second_run_without_news_releases_nothing(at_once: tuple[Lake, Lake]) -> None:
    """Run again, the lake on Trino answers with the release that it has."""
    _, stack = at_once
    before = stack.release().id
    again = stack.run()
    assert again.release is not None
    assert (again.release.is_new, stack.release().id) == (False, before)
