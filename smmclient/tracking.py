"""Following orders until they are final, at a pace that fits how long they take."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
from attrs import define, frozen

from smmclient.cadence import POLLING, beside_pushes, gather, polling
from smmclient.errors import (
    AccountSuspended,
    AuthenticationFailed,
    Malformed,
    Refused,
    SMMError,
    Unavailable,
    UsageError,
)
from smmclient.fields import check_ids
from smmclient.model import OrderStatus

if TYPE_CHECKING:
    from smmclient.pipeline.clock import Clock
    from smmclient.provider import Provider
    from smmclient.webhooks.pushes import Mailbox, Pushes

__all__ = ["Tally", "Track", "tracked"]

#: Refusals that would hit every call, whatever order it is about.
_OF_ACCOUNT = (AuthenticationFailed, AccountSuspended)
#: So many refusals in a row (an order can be unknown for a moment after it was placed) and the id is given up.
_REFUSALS = 3


@frozen(kw_only=True)
class Tally:
    """What following has cost so far, and what pushes have saved.

    A look is one order asked about once; up to 100 of them, or the panel's batch size, share a request. ``saved`` are
    the looks, about, that polling alone would have taken in the same time, less those that were taken; below 0 where
    pushes had more looks made. 0 without pushes.
    """

    requests: int = 0
    looks: int = 0
    pushed: int = 0
    saved: int = 0


@define(eq=False)
class _Followed:
    due: float
    number: int
    order: str
    since: float
    last_asked: float = float("-inf")
    seen: OrderStatus | None = None
    refusals: int = 0
    looks: int = 0
    #: A push was about it: it is asked about as often as without pushes, until it is final.
    is_pushed: bool = False
    #: Its place in the line is void: it is over, or stands in it once more.
    is_void: bool = False

    def __lt__(self, other: _Followed) -> bool:
        # By hand: what attrs generates compares every field, and the heap does little else.
        return (self.due, self.number) < (other.due, other.number)


class _Wall:
    """The clock for providers that bring none."""

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class Track(AsyncIterator[OrderStatus]):
    """See `Provider.track`. Not a generator, so that leaving it early leaves nothing to be closed."""

    def __init__(
        self,
        provider: Provider,
        orders: Iterable[int | str],
        *,
        every: float | None = None,
        patience: float = 900.0,
        pushes: Pushes | None = None,
    ) -> None:
        if (every is not None and not every > 0) or not patience > 0:
            raise UsageError("every and patience are seconds above 0")
        self._provider = provider
        self._patience = patience
        self._polling = POLLING if every is None or pushes is not None else polling(every)
        self._cadence = self._polling if pushes is None else beside_pushes(every)
        self._clock: Clock | _Wall = getattr(provider, "clock", None) or _Wall()
        self._batch_size: int = getattr(provider, "batch_size", 100)
        self._good = now = self._clock.now()
        self._waiting = [_Followed(now, number, order, now) for number, order in enumerate(check_ids(orders, "order"))]
        self._changes: deque[OrderStatus] = deque()
        self._lost: list[Refused] = []
        self._requests = self._looks = self._pushed = 0
        self._saved = 0.0
        #: Only beside pushes: each order that is not over, by its id.
        self._open: dict[str, _Followed] = {}
        self._mailbox: Mailbox | None = None
        #: When orders that were pushed may be asked about next, and whether some wait for that.
        self._next_early, self._is_shared = float("-inf"), False
        if pushes is not None:
            self._open = {one.order: one for one in self._waiting}
            self._mailbox = pushes.subscribe(self._open)

    @property
    def tally(self) -> Tally:
        """What it has cost so far; with pushes, how many looks they have saved."""
        now = self._clock.now()
        saved = self._saved + sum(self._polling.looks(now - one.since) + 1 - one.looks for one in self._open.values())
        return Tally(requests=self._requests, looks=self._looks, pushed=self._pushed, saved=round(saved))

    async def __anext__(self) -> OrderStatus:
        while not self._changes:
            self._heed_pushes()
            while self._waiting and self._waiting[0].is_void:
                heapq.heappop(self._waiting)
            if self._changes:
                break
            if not self._waiting:
                self._end()
            if (wait := self._waiting[0].due - self._clock.now()) > 0:
                await self._wait(wait)
            else:
                await self._poll()
        return self._changes.popleft()

    def _end(self) -> NoReturn:
        if not self._lost:
            raise StopAsyncIteration
        first, *others = self._lost
        self._lost = []
        for other in others:
            first.add_note(str(other))
        raise first

    # ------------------------------------------------------------------------------------------------------ pushes

    async def _wait(self, seconds: float) -> None:
        """Wait for that long, or until something is pushed."""
        if self._mailbox is None:
            await self._clock.sleep(seconds)
            return
        with anyio.CancelScope() as scope:
            self._mailbox.wake = scope.cancel
            try:
                await self._clock.sleep(seconds)
            finally:
                self._mailbox.wake = None

    def _heed_pushes(self) -> None:
        """Take a final status that was pushed for an answer; ask early about the other orders that were pushed."""
        while self._mailbox:
            event = self._mailbox.take()
            if (one := self._open.get(event.order)) is None:
                continue
            self._pushed += 1
            if self._mailbox.takes_status and event.status is not None and event.status.state.is_final:
                self._note(one, event.status)
                self._close(one)
            else:
                self._ask_early(one)

    def _ask_early(self, one: _Followed) -> None:
        one.is_pushed = True
        now = self._clock.now()
        pause = gather(now - one.since)
        if self._is_shared and now >= self._next_early:
            self._next_early, self._is_shared = self._next_early + pause, False
        # At once, unless that was done a moment ago for another: then together with all that come until then.
        due = now if now >= self._next_early else min(self._next_early, now + pause)
        if due >= one.due:
            return
        if due == now:
            self._next_early = now + pause
        else:
            self._is_shared = True
        one.is_void = True
        twin = _Followed(due, one.number, one.order, one.since, float("-inf"), one.seen, one.refusals, one.looks, True)
        self._open[one.order] = twin
        heapq.heappush(self._waiting, twin)

    def _close(self, one: _Followed) -> None:
        one.is_void = True
        if self._mailbox is not None:
            age = self._clock.now() - one.since
            self._saved += self._polling.looks(age) + 1 - one.looks
            self._open.pop(one.order, None)

    # ------------------------------------------------------------------------------------------------------- looks

    async def _poll(self) -> None:
        """Ask about the orders that are due."""
        batch = _due(self._waiting, self._batch_size, self._clock.now(), self._cadence.least)
        failure: SMMError | None = None
        answers: Mapping[str, OrderStatus | SMMError] = {}
        try:
            self._requests += 1
            answers = await self._provider.order_statuses([one.order for one in batch])
        except BaseException as error:
            if len(batch) == 1 and isinstance(error, Refused) and not isinstance(error, _OF_ACCOUNT):
                # A call for one id is refused as a whole: it is about the order.
                answers = {batch[0].order: error}
            elif not (isinstance(error, (Unavailable, Malformed)) and error.retryable):
                # Cancelled, or what would hit every call (key refused, blocked …): the orders are still to be followed.
                for one in batch:
                    heapq.heappush(self._waiting, one)
                raise
            else:
                failure = error  # wait it out
        now = self._clock.now()
        self._looks += len(batch)
        for one in batch:
            answer = answers.get(one.order)
            cadence = self._polling if one.is_pushed else self._cadence
            if isinstance(answer, (OrderStatus, Refused)):
                self._good = now
            else:
                cadence = self._polling
                failure = failure or answer or Malformed(f"{one.order}: the reply says nothing about it")
            one.looks += 1
            if self._is_over(one, answer):
                self._close(one)
            else:
                one.last_asked = now
                one.due = now + cadence.pause(now - one.since)
                heapq.heappush(self._waiting, one)
        if failure is not None and now - self._good > self._patience:
            raise failure

    def _is_over(self, one: _Followed, answer: OrderStatus | SMMError | None) -> bool:
        """Take note of an answer; whether the order need not be asked about again."""
        if isinstance(answer, OrderStatus):
            one.refusals = 0
            self._note(one, answer)
            return answer.state.is_final
        if isinstance(answer, Refused):
            one.refusals += 1
            if one.refusals >= _REFUSALS:
                self._lost.append(answer)
                return True
        return False

    def _note(self, one: _Followed, status: OrderStatus) -> None:
        if status != one.seen:
            self._changes.append(status)
        one.seen = status


def tracked(
    provider: Provider, orders: Iterable[int | str], every: float | None, patience: float, pushes: Pushes | None
) -> AsyncIterator[OrderStatus]:
    """What the provider's `track` gives; it is told only what was said, because somebody's own may know no more."""
    said = {"every": every, "pushes": pushes}
    given: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    return provider.track(orders, patience=patience, **given)


def _due(waiting: list[_Followed], batch_size: int, now: float, every: float) -> list[_Followed]:
    """The orders to ask about now.

    Those that are due, and, because a batch costs the same however full it is, those next in line that were not
    asked about within ``every`` seconds.
    """
    batch: list[_Followed] = []
    while waiting and len(batch) < batch_size and (waiting[0].due <= now or now - waiting[0].last_asked >= every):
        one = heapq.heappop(waiting)
        if not one.is_void:
            batch.append(one)
    return batch
