"""A clock that jumps: when every task waits, it is the time that the first sleeper waits for."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

__all__ = ["ManualClock"]


class ManualClock:
    """Time that passes only while it is slept, on asyncio and on trio.

    ``async with ManualClock() as clock`` lets it jump by itself; no task may then wait for real input or output.
    """

    def __init__(self, *, now: float = 1000.0, wall: float = 1_700_000_000.0) -> None:
        self._now = now
        self._wall_at_zero = wall - now
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self._numbers = itertools.count()
        self._somebody_sleeps = anyio.Event()
        self._tasks: TaskGroup | None = None

    def now(self) -> float:
        """The time on this clock."""
        return self._now

    def wall(self) -> float:
        """Seconds since the epoch on this clock."""
        return self._now + self._wall_at_zero

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has come that far."""
        if seconds <= 0:
            await checkpoint()
            return
        woken = anyio.Event()
        sleeper = (self._now + seconds, next(self._numbers), woken)
        heapq.heappush(self._sleepers, sleeper)
        self._somebody_sleeps.set()
        try:
            await woken.wait()
        finally:
            if not woken.is_set():
                # Cancelled: nobody sleeps until then any more.
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Turn the clock by hand."""
        self._jump(self._now + seconds)

    def _jump(self, to: float) -> None:
        self._now = max(self._now, to)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            heapq.heappop(self._sleepers)[2].set()

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        assert self._tasks is not None  # noqa: S101
        self._tasks.cancel_scope.cancel()
        return await self._tasks.__aexit__(kind, error, traceback)

    async def _run(self) -> None:
        while True:
            await _all_wait()
            if self._sleepers:
                self._jump(self._sleepers[0][0])
            else:
                self._somebody_sleeps = anyio.Event()
                await self._somebody_sleeps.wait()


async def _all_wait() -> None:
    """Return when no other task can run on."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio.testing

        await trio.testing.wait_all_tasks_blocked()
        return
    while True:
        await asyncio.sleep(0)
        # The loop's queue of callbacks that are ready: asyncio has no public way to see that nothing is.
        if not getattr(loop, "_ready", ()):
            return
