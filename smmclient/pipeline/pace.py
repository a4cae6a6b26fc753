"""Whose turn it is: callers wait in line, repeated calls before orders before polls, the first of them on the clock."""

from __future__ import annotations

import enum
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from attrs import define, field

from smmclient.pipeline.clock import Clock

__all__ = ["Head", "Line", "Priority"]

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
    """Those who wait for one account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[_Waiter] = []
        self._numbers = itertools.count()

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return not self._waiting

    @asynccontextmanager
    async def head(self, priority: Priority) -> AsyncIterator[Head]:
        """Wait until everybody who goes first has gone; the next one follows when the block ends."""
        waiter = _Waiter(priority, next(self._numbers))
        heapq.heappush(self._waiting, waiter)
        head = Head(self._clock, self._waiting, waiter)
        try:
            await head.lead()
            yield head
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


class Head:
    """The place at the head of a line, until somebody comes who goes first."""

    def __init__(self, clock: Clock, waiting: list[_Waiter], waiter: _Waiter) -> None:
        self._clock, self._waiting, self._waiter = clock, waiting, waiter

    async def lead(self) -> None:
        """Return when this caller is the first."""
        while self._waiting[0] is not self._waiter:
            await self._waiter.woken.wait()
            self._waiter.woken = anyio.Event()

    async def nap(self, seconds: float) -> None:
        """Wait that long, or until it is worth another look, and be the first after it."""
        await self._clock.sleep(min(seconds, _LONGEST_NAP))
        await self.lead()
