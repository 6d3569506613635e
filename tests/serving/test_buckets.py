"""Token buckets, by a clock that the test sets."""

from __future__ import annotations

import pytest

from serving.buckets import Buckets


def test_a_bucket_is_full_at_first_and_filled_at_its_rate() -> None:
    """Ten tokens at once, then two a second, and never more than ten."""
    buckets = Buckets(rate=2, burst=10)
    assert buckets.left("a", 100.0) == 10
    assert [buckets.take("a", 1, 100.0) for _ in range(10)] == pytest.approx(range(9, -1, -1))
    assert buckets.left("a", 100.5) == pytest.approx(1)
    assert buckets.left("a", 104.0) == pytest.approx(8)
    assert buckets.left("a", 1e6) == 10


def test_what_is_overdrawn_is_waited_for() -> None:
    """More may be taken than is there; the wait is then as long as it takes to fill up again."""
    buckets = Buckets(rate=2, burst=10)
    assert buckets.take("a", 30, 0.0) == pytest.approx(-20)
    assert buckets.wait_s("a", 0.0) == pytest.approx(10.5)
    assert buckets.wait_s("a", 10.5) == pytest.approx(0)


def test_clients_have_buckets_of_their_own() -> None:
    """What one takes another one has still."""
    buckets = Buckets(rate=1, burst=5)
    buckets.take("a", 5, 0.0)
    assert (buckets.left("a", 0.0), buckets.left("b", 0.0)) == (0, 5)


def test_memory_is_bounded() -> None:
    """Of very many clients those that took nothing for the longest time are forgotten, and no others."""
    buckets = Buckets(rate=1, burst=5, kept=100)
    for number in range(1_000):
        buckets.take("faithful", 0.001, 0.0)
        buckets.take(f"client {number}", 1, 0.0)
    assert len(buckets) == 100
    assert buckets.left("faithful", 0.0) == pytest.approx(4)
    assert (buckets.left("client 0", 0.0), buckets.left("client 999", 0.0)) == (5, pytest.approx(4))
