"""How much of a limit is left: arithmetic over a clock, without tasks or timers.

The rule. A limit of ``rate`` in ``per`` seconds is ``rate`` slots. A request holds a slot from before it is sent
until ``per`` seconds after its reply came back. The panel counted it at some moment between the two, so however
slow or jittery the network is, no window of ``per`` seconds at the panel, fixed or sliding, can hold more than
``rate`` of ours.

A `Meter` is the log of one owner of limits (a key, a tier, an address): what is in the air, and when the rest ended.
A `Limit` is a question to that log, so different settings for one key still count the same requests.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections.abc import Iterable

from attrs import frozen

from smmclient.settings import Limit

__all__ = ["Meter", "Stamp"]

#: Seconds after which a waiter looks again while it cannot know when a slot will be free.
_LOOK_AGAIN = 0.01


@frozen
class Stamp:
    """What a meter had counted when a request took its slot."""

    #: How many of ours were in the air or still held, this one included.
    ours: int
    #: How many were ever taken.
    taken: int


class Meter:
    """What one owner of limits has sent, and what its panel told of it."""

    def __init__(self, *, scout: bool = False) -> None:
        #: How many accounts hold it; one that nobody holds is forgotten once it is idle.
        self.users = 0
        #: Until the first reply one request goes alone: an earlier process may have used the limit up.
        self._scouting = scout
        self._in_air = 0
        self._taken = 0
        #: When requests ended, in order, as far back as the longest limit looks.
        self._ends: list[float] = []
        self._longest = 0.0
        #: Until when the requests of others, as the panel told of them, count.
        self._foreign: list[float] = []
        self._told_rate: int | None = None
        self._closed_until = 0.0
        #: What the panel said may still be sent, for a limit whose rate is not known (the tier's).
        self._allowed: int | None = None
        self._allowed_until = 0.0
        self._probing = False

    def watch(self, limits: Iterable[Limit]) -> None:
        """Keep as much of the log as these limits ask about."""
        self._longest = max([self._longest, *(limit.per for limit in limits)])

    def wait(self, now: float, limits: tuple[Limit, ...]) -> float:
        """Seconds until all the limits can have a free slot at the earliest; 0 if they have one now."""
        if self._closed_until > now:
            return self._closed_until - now
        if self._allowed is not None and self._allowed <= 0:
            if now < self._allowed_until:
                return _LOOK_AGAIN if self._probing else self._allowed_until - now
            # The panel's reset has come: one request finds out what is left now, the others wait for its reply.
            self._allowed, self._allowed_until, self._probing = 1, now + 60.0, True
        if not limits:
            return 0.0
        if self._scouting and self._in_air:
            return _LOOK_AGAIN
        self._forget(now)
        if len(limits) == 1:
            return self._wait_for(limits[0], now, self._rate(limits[0], limits))
        return max(self._wait_for(limit, now, self._rate(limit, limits)) for limit in limits)

    def _wait_for(self, limit: Limit, now: float, rate: int) -> float:
        first = bisect_right(self._ends, now - limit.per)
        over = self._in_air + len(self._foreign) + len(self._ends) - first - rate
        if over < 0:
            return 0.0
        times = [self._ends[first + over] + limit.per] if first + over < len(self._ends) else []
        if self._foreign:
            times.append(self._foreign[0])
        # With all in the air, a reply that came this moment would free its slot one period from now.
        return max(min(times) - now, 0.0) or _LOOK_AGAIN if times else limit.per

    def _rate(self, limit: Limit, limits: tuple[Limit, ...]) -> int:
        # A lower limit that the panel tells is ours to keep, if it is clear which one it speaks of.
        return limit.rate if self._told_rate is None or len(limits) > 1 else min(limit.rate, self._told_rate)

    def take(self, now: float) -> Stamp:
        """Take a slot; `wait` said 0."""
        self._in_air += 1
        self._taken += 1
        if self._allowed is not None:
            self._allowed -= 1
        return Stamp(self._in_air + self._held(now), self._taken)

    def give_back(self) -> None:
        """Undo a `take` whose request was never sent."""
        self._in_air -= 1
        if self._allowed is not None:
            self._allowed += 1
            self._probing = False

    def settle(self, now: float, *, grace: float = 0.0) -> None:
        """The reply came, or will not come; ``grace`` is how much later the panel may still count the request."""
        self._in_air -= 1
        self._scouting = False
        if self._longest:
            insort(self._ends, now + grace)
        if self._probing:
            # The probe brought no news (`allow` ends it otherwise): the next request is the probe.
            self._probing, self._allowed_until = False, now

    def close(self, until: float) -> None:
        """Let nothing pass until then."""
        self._closed_until = max(self._closed_until, until)

    def hear(self, stamp: Stamp, now: float, limit: Limit, told: int | None, remaining: int, reset_in: float) -> None:
        """Believe what is told to be left of that limit, where it is less than our own count says.

        Then somebody else uses it too, and his requests are entered until the reset. Requests of ours that were taken
        after the one whose reply this is may or may not be in the panel's figure; they are taken to be, so that a
        client alone on its key never mistakes its own requests for another's.
        """
        self._told_rate = told or None
        self._forget(now)
        rate = self._rate(limit, (limit,))
        left_by_our_count = rate - stamp.ours - (self._taken - stamp.taken) - len(self._foreign)
        for _ in range(min(left_by_our_count - remaining, rate - len(self._foreign))):
            heapq.heappush(self._foreign, now + reset_in)

    def allow(self, stamp: Stamp, now: float, *, remaining: int, reset_in: float) -> None:
        """Let at most that many pass until the reset: for a limit whose rate is not known."""
        self._allowed = remaining - (self._taken - stamp.taken)
        self._allowed_until = now + reset_in
        self._probing = False

    def is_idle(self, now: float) -> bool:
        """Whether forgetting the meter would lose nothing."""
        self._forget(now)
        waits = self._closed_until > now or (self._allowed is not None and self._allowed_until > now)
        return not (self._in_air or self._held(now) or self._foreign or waits)

    def _held(self, now: float) -> int:
        """How many requests that are over still count for the longest limit."""
        return len(self._ends) - bisect_right(self._ends, now - self._longest)

    def _forget(self, now: float) -> None:
        old = bisect_right(self._ends, now - self._longest)
        # Dropped in bulk, so that each costs next to nothing.
        if old > 64:
            del self._ends[:old]
        while self._foreign and self._foreign[0] <= now:
            heapq.heappop(self._foreign)
