"""Following orders until they are final, at a pace that fits how long they take."""

from __future__ import annotations

import copy
import heapq
import time
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
from attrs import define, frozen

from smmclient.cadence import beside_pushes, gather, polling
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
from smmclient.model import OrderState, OrderStatus
from smmclient.webhooks.pushes import Mailbox, Pushes

if TYPE_CHECKING:
    from smmclient.pipeline.clock import Clock
    from smmclient.provider import Provider

__all__ = ["Tally", "Track", "check_pushes", "tracked"]

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
    refused_at: float = float("-inf")
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
        if not isinstance(pushes, (Pushes, type(None))):
            raise UsageError(f"pushes must be a Pushes of this panel's account, not a {type(pushes).__name__}")
        self._cadence = self._polling = polling(every)
        if pushes is not None:
            self._cadence, self._polling = beside_pushes(every)
        self._clock: Clock | _Wall = getattr(provider, "clock", None) or _Wall()
        self._batch_size: int = getattr(provider, "batch_size", 100)
        now = self._clock.now()
        #: Since when no reply was good, and whether the last request failed.
        self._bad_since: float | None = None
        self._waiting = [_Followed(now, number, order, now) for number, order in enumerate(check_ids(orders, "order"))]
        self._changes: deque[OrderStatus] = deque()
        self._lost: list[Refused] = []
        self._requests = self._looks = self._pushed = 0
        self._saved = 0.0
        #: Only beside pushes: each order that is not over, by its id.
        self._open: dict[str, _Followed] = {}
        self._mailbox: Mailbox | None = None
        #: Pushed while the panel could not be reached.
        self._held: dict[str, bool] = {}
        self._last = now
        #: When orders that were pushed may be asked about next, and whether some wait for that.
        self._next_early, self._is_shared = float("-inf"), False
        if pushes is not None:
            self._open = {one.order: one for one in self._waiting}
            self._mailbox = pushes.subscribe(self._open, panel=provider.base_url or provider.account)

    @property
    def tally(self) -> Tally:
        """What it has cost so far; with pushes, how many looks they have saved."""
        saved = self._saved + sum(
            self._polling.looks(self._last - one.since) + 1 - one.looks for one in self._open.values()
        )
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
        with anyio.CancelScope() as scope, self._mailbox.waking(scope.cancel):
            await self._clock.sleep(seconds)

    def _heed_pushes(self) -> None:
        """Take a final status that was pushed for an answer; ask early about the other orders that were pushed."""
        while self._mailbox:
            event = self._mailbox.take()
            if (one := self._open.get(event.order)) is None:
                continue
            self._pushed += 1
            self._last = self._clock.now()
            if event.status is not None and self._mailbox.takes_status and _is_whole(event.status, one.seen):
                self._note(one, event.status)
                self._close(one)
            else:
                # What follows a failure at once is its refund: worth a moment.
                self._ask_early(one, is_hurried=event.name != "order.failed")

    def _ask_early_again(self) -> None:
        held, self._held = self._held, {}
        for order, is_hurried in held.items():
            one = self._open.get(order)
            if one is not None and one.last_asked < self._last:
                self._ask_early(one, is_hurried=is_hurried)

    def _ask_early(self, one: _Followed, *, is_hurried: bool) -> None:
        one.is_pushed = True
        if self._bad_since is not None:
            self._held[one.order] = is_hurried
            return
        now = self._clock.now()
        due = now + gather(now - one.since)
        if is_hurried:
            if (due := self._soon(now, due)) >= one.due:
                return
            self._is_shared |= due > now
        twin = copy.copy(one)
        # Where there is room in a batch those that were not asked about lately go along; not one that is to wait.
        twin.due, twin.last_asked = due, float("-inf") if is_hurried else now
        one.is_void = True
        self._open[one.order] = twin
        heapq.heappush(self._waiting, twin)

    def _soon(self, now: float, latest: float) -> float:
        """At once, unless that was done a moment ago for another: then together with all that come until then."""
        if self._is_shared and now >= self._next_early:
            self._next_early, self._is_shared = self._next_early + latest - now, False
        if now < self._next_early:
            return min(self._next_early, latest)
        self._next_early = latest
        return now

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
        now = self._last = self._clock.now()
        self._looks += len(batch)
        is_good = False
        for one in batch:
            answer = answers.get(one.order)
            cadence = self._polling if one.is_pushed else self._cadence
            if isinstance(answer, (OrderStatus, Refused)):
                is_good = True
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
        if is_good:
            self._bad_since = None
            self._ask_early_again()
        elif self._bad_since is None:
            self._bad_since = now
        if failure is not None and self._bad_since is not None and now - self._bad_since >= self._patience:
            raise failure

    def _is_over(self, one: _Followed, answer: OrderStatus | SMMError | None) -> bool:
        """Take note of an answer; whether the order need not be asked about again."""
        if isinstance(answer, OrderStatus):
            one.refusals = 0
            self._note(one, answer)
            return answer.state.is_final
        if isinstance(answer, Refused):
            now = self._clock.now()
            # Those that a push has hurried say no more than the one before.
            if now - one.refused_at >= self._polling.least * 0.99:
                one.refusals, one.refused_at = one.refusals + 1, now
            if one.refusals >= _REFUSALS:
                self._lost.append(answer)
                return True
        return False

    def _note(self, one: _Followed, status: OrderStatus) -> None:
        if status != one.seen:
            self._changes.append(status)
        one.seen = status


def _is_whole(pushed: OrderStatus, seen: OrderStatus | None) -> bool:
    """Whether a pushed status ends its order, and lacks nothing that the panel had told of it."""
    if seen is None or not pushed.state.is_final:
        return False
    told = ("charge", "start_count", "remains", "currency")
    is_less = any(getattr(pushed, name) is None and getattr(seen, name) is not None for name in told)
    return not is_less and (pushed.state is not OrderState.PARTIAL or pushed.remains is not None)


def check_pushes(pushes: Mapping[str, Pushes] | None, panels: Collection[str]) -> Mapping[str, Pushes]:
    """Return pushes by panel; raises `UsageError` for what is no such mapping, or names a panel that is not there."""
    if pushes is None:
        return {}
    if not isinstance(pushes, Mapping):
        raise UsageError(f"pushes are a mapping of panels to a Pushes for each, not a {type(pushes).__name__}")
    if unknown := [name for name in pushes if name not in panels]:
        raise UsageError(
            f"there is no panel {unknown[0]!r} to push; there are {', '.join(map(repr, panels)) or 'none'}"
        )
    return pushes


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
