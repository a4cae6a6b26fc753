"""When to try again, and when to stop: pauses with jitter, and a quota so that an outage cannot multiply traffic."""

from __future__ import annotations

import random

from smmclient.pipeline.decide import Met
from smmclient.settings import RetryPolicy

__all__ = ["RetryQuota", "pause"]


class RetryQuota:
    """A provider's allowance of retries: spent by each, earned back by calls that go well.

    Full, it pays for 100 retries (50 of lost replies). Under a lasting outage it is soon used up, and then
    each call is sent once.
    """

    capacity = 500

    def __init__(self) -> None:
        self.left = self.capacity

    def spend(self, met: Met) -> bool:
        """Pay for one retry; False if the quota does not cover it. Waiting for the limit is free."""
        if met is Met.LIMITED:
            return True
        cost = 10 if met is Met.LOST else 5
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def earn(self) -> None:
        """A call went well."""
        if self.left < self.capacity:
            self.left += 1


def pause(policy: RetryPolicy, attempt: int, draw: random.Random) -> float:
    """Seconds before the next attempt, after that many: drawn between a half and the whole of a growing pause."""
    whole = min(policy.longest_pause, policy.first_pause * 2.0 ** min(attempt - 1, 30))
    return whole * draw.uniform(0.5, 1.0)
