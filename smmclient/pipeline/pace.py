"""Whose turn it is: callers wait in line for a slot, orders before polls, the first of them on the clock."""

from __future__ import annotations

import enum
import heapq
import itertools

import anyio
from attrs import define, field

from smmclient.pipeline.clock import Clock
from smmclient.pipeline.meter import Account, Ticket

__all__ = ["Line", "Priority"]

#: The first in line looks again at least this often: a slot can be given back before its time.
_LONGEST_NAP = 1.0


class Priority(enum.IntEnum):
    """Who goes first when the limit is scarce."""

    #: A call that was sent before: it may be in doubt, and its deadline runs.
    REPEAT = 0
    PLACE = 1
    READ = 2
    POLL = 3


@define(order=True)
class _Waiter:
    priority: Priority
    number: int
    woken: anyio.Event = field(factory=anyio.Event, order=False)


class Line:
    """One provider's callers, waiting for their turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[_Waiter] = []
        self._numbers = itertools.count()

    async def turn(self, account: Account, priority: Priority) -> Ticket:
        """Wait for a slot of the account's meters and return it, taken."""
        if not self._waiting:
            taken = account.take(self._clock.now())
            if isinstance(taken, Ticket):
                return taken
        waiter = _Waiter(priority, next(self._numbers))
        heapq.heappush(self._waiting, waiter)
        try:
            while True:
                if self._waiting[0] is waiter:
                    taken = account.take(self._clock.now())
                    if isinstance(taken, Ticket):
                        return taken
                    await self._clock.sleep(min(taken, _LONGEST_NAP))
                else:
                    await waiter.woken.wait()
                    waiter.woken = anyio.Event()
        finally:
            self._leave(waiter)

    def _leave(self, waiter: _Waiter) -> None:
        if self._waiting[0] is waiter:
            heapq.heappop(self._waiting)
        else:
            self._waiting.remove(waiter)
            heapq.heapify(self._waiting)
        if self._waiting:
            self._waiting[0].woken.set()
