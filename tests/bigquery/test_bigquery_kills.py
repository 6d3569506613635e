"""A publication to BigQuery that is killed at any of its steps, while a reader reads."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from end_to_end.processes import start

from bigquery.datasets import Dataset, publish_and_die
from bigquery.emulator import Emulator
from bigquery.reader import Reader, names, reading, whole
from bigquery.small import Small, check_shows

pytestmark = pytest.mark.stack

POINTS = ("tables", "load", "load:2", "check", "transaction", "shown", "labels:2")


@pytest.fixture(scope="module")
def killed_in(bigquery_server: Emulator, small: Small) -> Iterator[tuple[Dataset, Reader]]:
    """Give a dataset that shows the first release, with a reader that reads all the time."""
    dataset = Dataset(bigquery_server, small.lake.settings.folder)
    dataset.publish(small.releases[0].id)
    with reading(bigquery_server, dataset.name, names(small.releases[0])) as reader:
        yield dataset, reader


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_and_run_again(killed_in: tuple[Dataset, Reader], small: Small, point: str) -> None:
    """Killed at a step, the dataset shows the release before, or after the transaction the new one; the next publication completes it."""
    dataset, reader = killed_in
    before = dataset.shown
    assert before is not None
    after = next(release for release in small.releases if release.id != before.id)
    process = start(publish_and_die, dataset.lake, dataset.options, after.id, f"publish.bigquery.{point}")
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"{point} was not reached"
    is_shown = point in ("shown", "labels:2")
    assert dataset.shown is not None
    assert dataset.shown.id == (after.id if is_shown else before.id)
    done = dataset.publish(after.id)
    assert done.is_new != is_shown
    check_shows(dataset, after)
    assert reader.is_alive()
    assert set(reader.seen) <= whole(small.releases)
