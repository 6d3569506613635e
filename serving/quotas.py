"""How much each client may ask in a time: the policies that the settings name, and what is left of them, as headers too.

Headers are those of draft-ietf-httpapi-ratelimit-headers in its newest form (RateLimit-Policy, RateLimit).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic

from catalog.settings import ServeSettings
from serving.buckets import Buckets

DEFAULT, FILES, COST = "default", "files", "cost"
COST_UNIT = "osslake-cost"
_MINUTE_S = 60
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Policy:
    """A limit that is counted for each client; the quota unit is requests where none is named."""

    name: str
    buckets: Buckets
    unit: str = ""

    @property
    def quota(self) -> int:
        """What may be taken at once."""
        return int(self.buckets.burst)

    @property
    def window_s(self) -> int:
        """Seconds in which an empty bucket is full again."""
        return max(1, ceil(self.buckets.burst / self.buckets.rate))

    @property
    def shown(self) -> str:
        """The policy as an item of RateLimit-Policy."""
        return f'"{self.name}";q={self.quota};w={self.window_s}' + (f';qu="{self.unit}"' if self.unit else "")

    def state(self, client: str, now: float) -> str:
        """Return what a client has left, and the seconds until it has all again, as an item of RateLimit."""
        left = self.buckets.left(client, now)
        return f'"{self.name}";r={int(left) if left > 0 else 0};t={ceil((self.buckets.burst - left) / self.buckets.rate)}'


def policies_of(serve: ServeSettings) -> dict[str, Policy]:
    """Return the policies of one worker: each counts for itself, so it grants its share of the whole."""
    limits, share = serve.limits, 1 / serve.workers
    wanted = (
        (DEFAULT, limits.requests_per_s, limits.requests_burst, ""),
        (FILES, limits.files_per_s, limits.files_burst, ""),
        (COST, limits.cost_per_minute / _MINUTE_S, limits.cost_per_minute, COST_UNIT),
    )
    return {name: Policy(name, Buckets(rate * share, max(burst * share, 1.0)), unit) for name, rate, burst, unit in wanted if rate}


class Quotas:
    """What the clients of one worker have left."""

    def __init__(self, serve: ServeSettings, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        found = policies_of(serve)
        self._cost = found.get(COST)
        self._asked = {False: found.get(DEFAULT), True: found.get(FILES)}
        self._shown = {True: [found[FILES]] if FILES in found else [], False: [found[name] for name in (DEFAULT, COST) if name in found]}
        self._policies = {is_file: ", ".join(one.shown for one in those).encode() for is_file, those in self._shown.items()}

    def refuse(self, client: str, *, is_file: bool) -> tuple[Policy, int] | None:
        """Take a request from what a client has left; return the policy that it is over, if any, and after how many seconds it may ask again."""
        now, asked = self._clock(), self._asked[is_file]
        for policy in (asked, None if is_file else self._cost):
            if policy is not None and policy.buckets.left(client, now) < 1:
                return policy, max(1, ceil(policy.buckets.wait_s(client, now)))
        if asked is not None:
            asked.buckets.take(client, 1, now)
        return None

    def charge(self, client: str, cost: int) -> None:
        """Take what an answer cost; it may be more than is left, which later requests wait for."""
        if self._cost is not None and cost:
            self._cost.buckets.take(client, cost, self._clock())

    def headers(self, client: str, *, is_file: bool) -> Headers:
        """Return what a client is told of its limits; nothing where there are none."""
        shown = self._shown[is_file]
        if not shown:
            return []
        now = self._clock()
        state = ", ".join([policy.state(client, now) for policy in shown])
        return [(b"ratelimit-policy", self._policies[is_file]), (b"ratelimit", state.encode())]
