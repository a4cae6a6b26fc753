"""Following orders until they are final, at a pace that fits how long they take."""

from __future__ import annotations

import heapq
import time
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

import anyio
from attrs import define

from smmclient.errors import Malformed, Refused, SMMError, Unavailable
from smmclient.fields import check_ids
from smmclient.model import OrderStatus

if TYPE_CHECKING:
    from smmclient.pipeline.clock import Clock
    from smmclient.provider import Provider

__all__ = ["track"]

#: An order is asked about again after this share of the time it has been followed, so that an order that takes days is
#: not polled like one that takes minutes.
_SHARE = 0.1
_LONGEST = 600.0
#: So many refusals in a row (an order can be unknown for a moment after it was placed) and the id is given up.
_REFUSALS = 3


@define(order=True)
class _Followed:
    due: float
    number: int
    order: str
    since: float
    last_asked: float = float("-inf")
    seen: OrderStatus | None = None
    refusals: int = 0


class _Wall:
    """The clock for providers that bring none."""

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def track(
    provider: Provider, orders: Iterable[int | str], *, every: float, patience: float
) -> AsyncIterator[OrderStatus]:
    """See `Provider.track`."""
    clock: Clock | _Wall = getattr(provider, "clock", None) or _Wall()
    now = clock.now()
    waiting = [_Followed(now, number, order, now) for number, order in enumerate(check_ids(orders, "order"))]
    batch_size: int = getattr(provider, "batch_size", 100)
    lost: list[SMMError] = []
    good = now
    while waiting:
        if (wait := waiting[0].due - clock.now()) > 0:
            await clock.sleep(wait)
        now = clock.now()
        batch = _due(waiting, batch_size, now, every)
        failure: SMMError | None = None
        try:
            answers = await provider.order_statuses([one.order for one in batch])
        except (Unavailable, Malformed) as error:
            # The whole call failed: wait it out. What will hit every call (key refused …) passes through.
            if not error.retryable:
                raise
            answers, failure = {}, error
        now = clock.now()
        for one in batch:
            answer = answers.get(one.order)
            if isinstance(answer, OrderStatus):
                good, one.refusals = now, 0
                changed = answer != one.seen
                one.seen = answer
                if changed:
                    yield answer
                if answer.state.is_final:
                    continue
            elif isinstance(answer, Refused):
                good = now
                one.refusals += 1
                if one.refusals >= _REFUSALS:
                    lost.append(answer)
                    continue
            elif isinstance(answer, SMMError):
                failure = answer
            one.last_asked = now
            one.due = now + max(every, min(_LONGEST, (now - one.since) * _SHARE))
            heapq.heappush(waiting, one)
        if failure is not None and now - good > patience:
            raise failure
    if lost:
        first = lost[0].copy()
        for other in lost[1:]:
            first.add_note(str(other))
        raise first


def _due(waiting: list[_Followed], batch_size: int, now: float, every: float) -> list[_Followed]:
    """The orders to ask about now.

    Those that are due, and, because a batch costs the same however full it is, those next in line that were not
    asked about within ``every`` seconds.
    """
    batch: list[_Followed] = []
    while waiting and len(batch) < batch_size and (waiting[0].due <= now or now - waiting[0].last_asked >= every):
        batch.append(heapq.heappop(waiting))
    return batch
