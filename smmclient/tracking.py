"""Following orders until they are final, at a pace that fits how long they take."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn

import anyio
from attrs import define

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

__all__ = ["Track"]

#: An order is asked about again after this share of the time it has been followed, so that an order that takes days is
#: not polled like one that takes minutes.
_SHARE = 0.1
_LONGEST = 600.0
#: Refusals that would hit every call, whatever order it is about.
_OF_ACCOUNT = (AuthenticationFailed, AccountSuspended)
#: So many refusals in a row (an order can be unknown for a moment after it was placed) and the id is given up.
_REFUSALS = 3


@define(eq=False)
class _Followed:
    due: float
    number: int
    order: str
    since: float
    last_asked: float = float("-inf")
    seen: OrderStatus | None = None
    refusals: int = 0

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

    def __init__(self, provider: Provider, orders: Iterable[int | str], *, every: float, patience: float) -> None:
        if not every > 0 or not patience > 0:
            raise UsageError("every and patience are seconds above 0")
        self._provider = provider
        self._every = every
        self._patience = patience
        self._clock: Clock | _Wall = getattr(provider, "clock", None) or _Wall()
        self._batch_size: int = getattr(provider, "batch_size", 100)
        self._good = now = self._clock.now()
        self._waiting = [_Followed(now, number, order, now) for number, order in enumerate(check_ids(orders, "order"))]
        self._changes: deque[OrderStatus] = deque()
        self._lost: list[Refused] = []

    async def __anext__(self) -> OrderStatus:
        while not self._changes:
            if not self._waiting:
                self._end()
            if (wait := self._waiting[0].due - self._clock.now()) > 0:
                await self._clock.sleep(wait)
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

    async def _poll(self) -> None:
        """Ask about the orders that are due."""
        batch = _due(self._waiting, self._batch_size, self._clock.now(), self._every)
        failure: SMMError | None = None
        answers: Mapping[str, OrderStatus | SMMError] = {}
        try:
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
        for one in batch:
            answer = answers.get(one.order)
            if isinstance(answer, (OrderStatus, Refused)):
                self._good = now
            elif failure is None:
                failure = answer or Malformed(f"{one.order}: the reply says nothing about it")
            if not self._is_over(one, answer):
                one.last_asked = now
                one.due = now + max(self._every, min(_LONGEST, (now - one.since) * _SHARE))
                heapq.heappush(self._waiting, one)
        if failure is not None and now - self._good > self._patience:
            raise failure

    def _is_over(self, one: _Followed, answer: OrderStatus | SMMError | None) -> bool:
        """Take note of an answer; whether the order need not be asked about again."""
        if isinstance(answer, OrderStatus):
            one.refusals = 0
            if answer != one.seen:
                self._changes.append(answer)
            one.seen = answer
            return answer.state.is_final
        if isinstance(answer, Refused):
            one.refusals += 1
            if one.refusals >= _REFUSALS:
                self._lost.append(answer)
                return True
        return False


def _due(waiting: list[_Followed], batch_size: int, now: float, every: float) -> list[_Followed]:
    """The orders to ask about now.

    Those that are due, and, because a batch costs the same however full it is, those next in line that were not
    asked about within ``every`` seconds.
    """
    batch: list[_Followed] = []
    while waiting and len(batch) < batch_size and (waiting[0].due <= now or now - waiting[0].last_asked >= every):
        batch.append(heapq.heappop(waiting))
    return batch
