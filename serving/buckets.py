"""Token buckets: what each client may still have, by a clock that is told; nothing here reads one."""

from __future__ import annotations

from collections import OrderedDict

KEPT_CLIENTS = 50_000
_DIGITS = 6
"""Of a count of tokens: a clock that has run for months can't tell more."""


class Buckets:
    """A bucket for each client, which holds `burst` tokens and is filled by `rate` of them a second.

    Of a client that has a full bucket nothing needs to be known. So where there are more clients than are kept, those that took nothing for the
    longest time are forgotten.
    """

    def __init__(self, rate: float, burst: float, kept: int = KEPT_CLIENTS) -> None:
        self.rate, self.burst, self._kept = rate, burst, kept
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def left(self, client: str, now: float) -> float:
        """Return a client's tokens at a time in seconds; below 0 where more was taken than was there."""
        missing_s = self._full_at.get(client, now) - now
        return round(self.burst - missing_s * self.rate, _DIGITS) if missing_s > 0 else self.burst

    def take(self, client: str, tokens: float, now: float) -> float:
        """Take tokens, whether or not they are there, and return those that are left."""
        missing_s = max(self._full_at.get(client, now) - now, 0.0) + tokens / self.rate
        self._full_at[client] = now + missing_s
        self._full_at.move_to_end(client)
        if len(self._full_at) > self._kept:
            self._full_at.popitem(last=False)
        return round(self.burst - missing_s * self.rate, _DIGITS)

    def wait_s(self, client: str, now: float, tokens: float = 1.0) -> float:
        """Return the seconds until a client has so many tokens."""
        return max(tokens - self.left(client, now), 0.0) / self.rate
