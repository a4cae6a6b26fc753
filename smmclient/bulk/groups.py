"""Writes in groups: those that wait while one is made durable go together in the next, so the disk sets no pace.

No task of its own: the first who waits commits for all who are in line, then hands over. A quick disk is waited for as
it is, because a hop to a thread and back costs more; once it takes longer than two milliseconds, a thread waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar, cast

import anyio
import anyio.lowlevel
import anyio.to_thread
from attrs import define, field

from smmclient.errors import SMMError

__all__ = ["Groups", "Work", "in_thread"]

T = TypeVar("T")

#: Seconds that a disk may take before the event loop does not wait for it; then a thread does, so many times.
_SLOW = 0.002
_PATIENCE = 200
#: Turns of the event loop that a leader waits for others at most.
_TURNS = 4


@define(eq=False)
class Work(Generic[T]):
    """One piece of work in line. ``is_outcome``: what it writes has happened, and must not be lost.

    It may be done again after an error, with everything it did before undone.
    """

    do: Callable[[], T]
    is_outcome: bool = False
    #: It takes no time worth a thread; only making it durable does.
    is_quick: bool = False
    is_over: bool = False
    result: T | None = None
    error: BaseException | None = None
    _woken: anyio.Event = field(factory=anyio.Event)
    _is_awaited: bool = False


class _Once(Generic[T]):
    """A call that is made at most once, and can be called off until it begins."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._is_taken = False
        self._ended = threading.Event()

    def __call__(self) -> T:
        with self._lock:
            if self._is_taken:
                raise RuntimeError("unreachable: nobody waits for a call that was called off")
            self._is_taken = True
        try:
            return self._call()
        finally:
            self._ended.set()

    def end(self) -> None:
        """Call it off, or wait until it has ended."""
        with self._lock:
            is_running, self._is_taken = self._is_taken, True
        if is_running:
            self._ended.wait()


async def in_thread(call: Callable[[], T], limiter: anyio.CapacityLimiter) -> T:
    """The call's result, made in a worker thread. It is never abandoned half-way: it has ended, or never begins.

    A cancel waits for it. asyncio's own `asyncio.Task.cancel` passes by every shield: then the event loop is kept
    waiting, so that nobody works on the connection while the thread does.
    """
    once = _Once(call)
    with anyio.CancelScope(shield=True) as scope:
        try:
            return await anyio.to_thread.run_sync(once, limiter=limiter)
        except BaseException:
            once.end()
            raise
    raise AssertionError(f"unreachable: nobody cancels {scope}")


class Groups:
    """A line of work for one connection."""

    def __init__(
        self,
        commit: Callable[[Sequence[Work[Any]]], None],
        *,
        prepare: Callable[[Sequence[Work[Any]]], None] = lambda _: None,
        undo: Callable[[], None] = lambda: None,
        is_inline: bool = False,
        most: int = 500,
    ) -> None:
        self._commit, self._prepare, self._undo = commit, prepare, undo
        self._is_inline = is_inline
        self._most = most
        self._line: list[Work[Any]] = []
        self._is_busy = False
        self._limiter: anyio.CapacityLimiter | None = None
        #: How many commits more are made in a thread, because the disk was slow.
        self._patience = 0

    def put(self, do: Callable[[], T], *, is_outcome: bool = False, is_quick: bool = False) -> Work[T]:
        """Stand in line; work is done in this order."""
        work = Work(do, is_outcome, is_quick)
        self._line.append(work)
        return work

    async def wait(self, work: Work[T]) -> T:
        """The work's result, once it is durable."""
        work._is_awaited = True
        try:
            while not work.is_over:
                if self._is_busy:
                    await work._woken.wait()
                    work._woken = anyio.Event()
                else:
                    await self._lead()
        except BaseException:
            # Cancelled while in line: the work is still done, by whoever comes next.
            work._is_awaited = False
            self._hand_over()
            raise
        if work.error is not None:
            # All works of a group can have one error: each waiter raises its own.
            raise work.error.copy() if isinstance(work.error, SMMError) else work.error
        return cast("T", work.result)

    async def do(self, do: Callable[[], T], *, is_outcome: bool = False, is_quick: bool = False) -> T:
        """Put the work in line, and wait for it."""
        return await self.wait(self.put(do, is_outcome=is_outcome, is_quick=is_quick))

    async def run(self, call: Callable[[], T]) -> T:
        """The result of a call that may block, outside of the line; for those who hold it."""
        if self._is_inline:
            return call()
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(1)
        return await in_thread(call, self._limiter)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep the line waiting: the connection is the caller's alone."""
        await self.do(lambda: None)
        while self._is_busy:
            await self.do(lambda: None)
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False
            self._hand_over()

    async def _lead(self) -> None:
        self._is_busy = True
        batch: list[Work[Any]] = []
        is_begun = False

        def commit() -> None:
            nonlocal is_begun
            is_begun = True
            try:
                self._commit(batch)
            except BaseException as error:
                for work in batch:
                    work.error = work.error or error
                if not isinstance(error, Exception):
                    raise

        try:
            await self._gather()
            batch, self._line = self._line[: self._most], self._line[self._most :]
            is_quick = all(work.is_quick for work in batch)
            if is_quick:
                # A thread that shares Python with a busy event loop waits at each of its steps: it is left the last.
                self._prepare(batch)
            if is_quick and not self._patience:
                began = time.perf_counter()
                commit()
                self._patience = _PATIENCE if time.perf_counter() - began > _SLOW else 0
            else:
                self._patience = max(self._patience - 1, 0)
                await self.run(commit)
        finally:
            # A leader who is cancelled leaves the others with what became of their work, not with its own end.
            self._is_busy = False
            if is_begun:
                for work in batch:
                    work.is_over = True
                    work._woken.set()
            else:
                self._undo()
                self._line[:0] = batch
            self._hand_over()

    async def _gather(self) -> None:
        """Let those who are about to stand in line do so: they share the commit."""
        for _ in range(_TURNS):
            count = len(self._line)
            await anyio.lowlevel.cancel_shielded_checkpoint()
            if len(self._line) == count:
                return

    def _hand_over(self) -> None:
        if self._is_busy:
            return
        for work in self._line:
            if work._is_awaited:
                work._woken.set()
                return
