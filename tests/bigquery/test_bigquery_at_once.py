"""Work for several things at once: what comes of it, and what of the others where one fails. No server is asked."""

from __future__ import annotations

import threading
from threading import Event

import pytest

from lakehouse.publications.bigquery.at_once import AT_ONCE, at_once

LIMIT_S = 30


def test_some_are_done_at_once() -> None:
    """As many as are allowed go on at once, in other threads; what each gives is returned, and each is told of in the caller's thread."""
    together = threading.Barrier(AT_ONCE)
    told: list[threading.Thread] = []

    def work(number: int) -> int:
        together.wait(LIMIT_S)
        return number * number

    made = at_once(work, range(2 * AT_ONCE), came=lambda: told.append(threading.current_thread()))
    assert sorted(made) == [number * number for number in range(2 * AT_ONCE)]
    assert told == [threading.current_thread()] * 2 * AT_ONCE


def test_the_first_error_is_raised_after_all_have_ended() -> None:
    """Where one fails, those that go on see that they may leave off, and are awaited; those that were not begun are not begun."""
    stop, failed = Event(), Event()
    begun: list[int] = []
    left: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            failed.set()
            raise ValueError("the first")
        assert failed.wait(LIMIT_S)
        assert stop.wait(LIMIT_S)
        left.append(number)
        raise ValueError("a later one")

    with pytest.raises(ValueError, match="the first"):
        at_once(work, range(5 * AT_ONCE), stop=stop)
    assert sorted(left) == sorted(begun)[1:]
    assert len(begun) <= AT_ONCE + 1


def test_nothing_to_do() -> None:
    """Of nothing comes nothing."""
    assert at_once(str, []) == []
