"""What is done aside: it can be given up, and its end comes after all before it."""

from __future__ import annotations

import threading

import pytest

from serving.threads import Aside


def test_what_is_done_aside() -> None:
    """Results and errors come back from one thread, in turn; the last thing is done after the block."""
    done = threading.Event()
    with Aside("test", last=done.set) as aside:
        threads = {aside.result(threading.get_ident, 5, 1, lambda: False) for _ in range(3)}
        assert len(threads) == 1
        assert threading.get_ident() not in threads
        with pytest.raises(ZeroDivisionError):
            aside.result(lambda: 1 // 0, 5, 1, lambda: False)
        assert not done.is_set()
    assert done.wait(5)


@pytest.mark.parametrize(("wait_s", "is_hopeless"), [(0.05, False), (60, True)])
def test_what_is_given_up(wait_s: float, *, is_hopeless: bool) -> None:
    """After its time, or as soon as waiting is hopeless; the thread goes on alone, and does its last thing then."""
    begun, may_end, done = threading.Event(), threading.Event(), threading.Event()

    def endless() -> None:
        begun.set()
        may_end.wait(60)

    with pytest.raises(TimeoutError), Aside("test", last=done.set) as aside:
        aside.result(endless, wait_s, 0.02, lambda: is_hopeless)
    assert begun.wait(5)
    assert not done.is_set()
    may_end.set()
    assert done.wait(5)
