"""One panel's rows on their way.

The rule that money hangs on: a row is written as SENDING, durably, after its turn in pacing has come and before its
first byte is sent, and there are as many workers as the gate is wide. So a crash leaves in doubt what was in
the air and nothing else. A worker goes on once its row's outcome stands in the journal's line: that line is
written in order, so the next row is not SENDING before this one's outcome is durable.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from attrs import evolve

from smmclient.bulk.account import AccountWatch
from smmclient.bulk.breaker import Breaker
from smmclient.bulk.budget import Ledger
from smmclient.bulk.entry import Entry, InDoubt, NotPlaced, Outcome, Placed, RefusedRow, RowState
from smmclient.bulk.events import (
    BulkEvent,
    PanelPaused,
    PanelResumed,
    PanelStarted,
    PanelStopped,
    PriceChanged,
    RowHeld,
    RowInDoubt,
    RowNotSaved,
    RowPlaced,
    RowRefused,
)
from smmclient.bulk.feed import Feed
from smmclient.bulk.journal import Journal
from smmclient.bulk.resolve import note_cut_off
from smmclient.bulk.verdict import Verdict, judge
from smmclient.dialect.capabilities import Support
from smmclient.errors import JournalError, Malformed, Unavailable
from smmclient.model import Receipt
from smmclient.orders import AnyOrder
from smmclient.pipeline.clock import Clock, SystemClock
from smmclient.provider import Provider

if TYPE_CHECKING:
    from smmclient.bulk.runner import Pace

__all__ = ["Lane"]

#: Seconds after which a row in doubt is asked about again: the first time, the second … then it is left in doubt.
_ASK_AFTER = (2.0, 10.0, 30.0, 60.0, 60.0, 120.0, 300.0)


_log = logging.getLogger("smmclient")
_NO_HOOK = ("ProviderError", "the provider does not call before_send: orders would be sent that nobody wrote down")


#: Outcomes that may wait for their reader.
_TO_TELL = 1000


class _NotNow(Exception):
    """The row's turn has come, but it is not to be sent: nothing was."""


class Lane:
    """Works through one panel's rows."""

    def __init__(
        self,
        panel: str,
        provider: Provider,
        journal: Journal,
        *,
        pending: int,
        ledger: Ledger,
        pace: Pace,
        tell: Callable[[BulkEvent], Awaitable[None]],
    ) -> None:
        self.panel, self._provider, self._journal = panel, provider, journal
        self._pending, self._ledger, self._pace, self._tell = pending, ledger, pace, tell
        self._clock: Clock = getattr(provider, "clock", None) or SystemClock()
        self._is_keyed = provider.capabilities.request_id is Support.YES
        self._width = provider.settings.max_connections
        self._feed = Feed(panel, journal)
        self._account = AccountWatch(panel, provider, journal, ledger=ledger, settle=pace.settle, clock=self._clock)
        self._breaker = Breaker(
            self._clock,
            patience=pace.patience,
            probe=self._account.look,
            on_pause=lambda seconds, reason: tell(PanelPaused(panel=panel, seconds=seconds, reason=reason)),
            on_resume=lambda: tell(PanelResumed(panel=panel)),
        )
        self._stopped: PanelStopped | None = None
        self._is_stopping = False
        #: Outcomes that are not durable and told yet.
        self._to_tell = 0
        #: The scopes of what has not been sent, and may be called off.
        self._waiting: set[anyio.CancelScope] = set()
        self._tasks: TaskGroup | None = None

    # --------------------------------------------------------------------------------------------------- its life

    def stop(self) -> None:
        """Send nothing more; what is in the air is finished."""
        self._is_stopping = True
        self._breaker.close()
        self._feed.close()
        for scope in self._waiting:
            scope.cancel()

    def _give_up(self, error: str, reason: str) -> None:
        if self._stopped is None:
            self._stopped = PanelStopped(panel=self.panel, error=error, reason=reason)
        self.stop()

    async def run(self) -> None:
        """Work until nothing is left that could be sent now."""
        left = await note_cut_off(self._journal, self.panel)
        asked = [one for one in left if self._may_ask(one)]
        await self._start(in_doubt=len(left), asked_again=len(asked))
        async with anyio.create_task_group() as self._tasks:
            self._tasks.start_soon(self._watch)
            for one in asked:
                self._ask_later(one, times=0)
            async with anyio.create_task_group() as asking:
                asking.start_soon(self._ask, asking)
                async with anyio.create_task_group() as workers:
                    for _ in range(self._width):
                        workers.start_soon(self._work, workers)
                self._feed.rows_over()
            self._tasks.cancel_scope.cancel()
        # What the account holds now is evidence for rows in doubt; without it there is less of it, and that is all.
        if not self._is_stopping:
            try:
                await self._account.look()
            except JournalError:
                raise
            except Exception as error:
                _log.debug("%s: the balance could not be looked up at the end: %r", self.panel, error)
        if self._stopped is not None:
            await self._tell(self._stopped)

    async def _start(self, *, in_doubt: int, asked_again: int) -> None:
        """Look at the account before the first row. A panel that does not act is waited for, as it is later on."""
        try:
            with anyio.CancelScope() as scope, self._called_off(scope):
                await self._account.begin()
        except (Unavailable, Malformed) as error:
            if error.retryable:
                self._breaker.fault(None, str(error), is_sure=True)
            else:
                self._give_up(type(error).__name__, str(error))
        except JournalError:
            raise
        except Exception as error:
            self._give_up(type(error).__name__, str(error) or repr(error))
        balance = self._account.balance
        await self._tell(
            PanelStarted(
                panel=self.panel,
                to_send=self._pending,
                in_doubt=in_doubt,
                asked_again=asked_again,
                balance=None if balance is None else balance.amount,
                currency=None if balance is None else balance.currency,
            )
        )

    async def _watch(self) -> None:
        """Look after the panel's health, and after the reserve."""
        async with anyio.create_task_group() as tasks:
            if self._ledger.budget.reserve is not None:
                tasks.start_soon(self._account.keep_looking)
            error = await self._breaker.watch()
            if error is not None:
                self._give_up(type(error).__name__, str(error))

    # --------------------------------------------------------------------------------------------------- the rows

    async def _work(self, tasks: TaskGroup) -> None:
        while (entry := await self._feed.next()) is not None:
            try:
                # Rows can follow each other without a pause at which a cancelled task would notice it.
                await anyio.lowlevel.checkpoint_if_cancelled()
                while self._to_tell > _TO_TELL and not self._is_stopping:
                    # A slow reader of events slows the work down, and loses none.
                    await self._feed.changed()
                await self._place(entry, tasks)
            finally:
                self._feed.done()

    async def _place(self, entry: Entry, tasks: TaskGroup) -> None:
        cost = await self._cost(entry)
        if (reason := self._ledger.budget.holds(cost)) is not None:
            await self._tell(RowHeld(panel=self.panel, entry=entry, reason=reason))
            return
        if not await self._may_go(entry, cost):
            return
        self._ledger.hold(cost)
        paid: Decimal | None = Decimal(0)
        try:
            paid = await self._send(entry if cost == entry.cost else evolve(entry, cost=cost), tasks)
        finally:
            self._ledger.let_go(cost, paid=paid, at=self._clock.wall())
            self._feed.wake()

    async def _may_go(self, entry: Entry, cost: Decimal | None) -> bool:
        """Wait until there is money for the row, and the panel acts; False if it is not to be sent."""
        while await self._is_affordable(cost) and await self._breaker.enter(entry.number):
            if self._ledger.stops(cost) is None:
                return True
            # Others have spent it meanwhile. Nothing is waited for with the one row that a panel in trouble is tried
            # with in hand: what would end the wait may be a row that waits for just that.
            self._breaker.drop(entry.number)
        return False

    async def _is_affordable(self, cost: Decimal | None) -> bool:
        has_looked = self._ledger.budget.reserve is None
        while not self._is_stopping and (reason := self._ledger.stops(cost)) is not None:
            if not self._ledger.is_idle or self._feed.expects:
                # What is in the air or in doubt may be refused yet, and its money be free again.
                await self._feed.changed()
            elif not has_looked:
                # Our count errs on the safe side: a figure from before a payment has it taken off twice.
                has_looked = True
                with anyio.CancelScope() as scope, self._called_off(scope):
                    await self._account.look_again()
            else:
                if self._stopped is None:
                    self._stopped = PanelStopped(panel=self.panel, error="MoneyGuard", reason=reason)
                self._feed.end_rows()
                return False
        return not self._is_stopping

    async def _cost(self, entry: Entry) -> Decimal | None:
        """What it costs by today's catalog."""
        cost = self._account.cost(entry)
        if cost != entry.cost:
            await self._tell(PriceChanged(panel=self.panel, entry=entry, cost=cost))
        return cost

    async def _send(self, entry: Entry, tasks: TaskGroup) -> Decimal | None:
        """Send the row once. Returns what it has cost, as far as that is known, and 0 if it was not placed."""
        with anyio.CancelScope() as waiting, anyio.CancelScope() as in_air:

            async def intend(request_id: str | None) -> None:
                nonlocal entry
                # From here on the row is finished, whatever is called off.
                in_air.shield = True
                at = self._clock.wall()
                until = None if request_id is None else at + self._pace.repeat_within
                await self._journal.send(entry, request_id=request_id, at=at, repeat_until=until)
                entry = evolve(entry, state=RowState.SENDING, request_id=request_id, repeat_until=until, sent_at=at)

            async def before_send(order: AnyOrder, request_id: str | None) -> None:
                if entry.state is RowState.PENDING:
                    if self._is_stopping or not self._breaker.admits(entry.number):
                        raise _NotNow
                    await intend(request_id)

            with self._called_off(waiting):
                verdict = await self._add(entry, before_send)
            if verdict is not None:
                if entry.state is RowState.PENDING and isinstance(verdict.outcome, (Placed, InDoubt)):
                    # It was sent, and nobody wrote it down before.
                    await intend(entry.request_id)
                    verdict = evolve(verdict, stops=_NO_HOOK)
                return self._end(entry, verdict, tasks)
        # Its turn has not come, or not yet.
        self._breaker.drop(entry.number)
        self._feed.put_back(entry, is_fault=False)
        return Decimal(0)

    async def _add(
        self, entry: Entry, before_send: Callable[..., Awaitable[None]], *, resume: bool = False
    ) -> Verdict | None:
        """What became of one placement; None if it was not sent."""
        assert entry.order is not None  # noqa: S101 (only INVALID rows have none)
        request_id = entry.request_id
        if request_id is None and self._is_keyed:
            request_id = self._journal.request_id(entry)
        was_sent = resume

        async def noted(order: AnyOrder, request_id: str | None) -> None:
            nonlocal was_sent
            await before_send(order, request_id)
            was_sent = True

        try:
            receipt = await self._provider.add_order(
                entry.order, request_id=request_id, resume=resume, before_send=noted
            )
            return _read(receipt)
        except _NotNow:
            return None
        except JournalError as error:
            # The intent could not be written: nothing was sent, and nothing can be. It is no error of the panel's.
            error.provider = error.operation = error.request_id = None
            raise
        except Exception as error:
            return judge(error, was_sent=was_sent)

    def _called_off(self, scope: anyio.CancelScope) -> _Registered:
        return _Registered(self._waiting, scope)

    def _end(self, entry: Entry, verdict: Verdict, tasks: TaskGroup) -> Decimal | None:
        """Put the row's outcome in the journal's line, and draw the consequences for the panel."""
        outcome, was_sent = verdict.outcome, entry.state is not RowState.PENDING
        at = self._clock.wall()
        if was_sent or not isinstance(outcome, NotPlaced):
            self._to_tell += 1
            tasks.start_soon(self._conclude, entry, verdict, at, self._journal.settle(entry, outcome, at=at))
        if verdict.stops is not None:
            self._breaker.drop(entry.number)
            self._give_up(*verdict.stops)
        elif isinstance(outcome, (Placed, RefusedRow)):
            self._breaker.good(entry.number)
        else:
            self._breaker.fault(
                entry.number, outcome.reason or "it does not act", is_sure=isinstance(outcome, NotPlaced)
            )
        if isinstance(outcome, NotPlaced):
            kept = None if outcome.is_answer else entry.request_id
            sends = entry.sends + was_sent
            self._feed.put_back(evolve(entry, state=RowState.PENDING, request_id=kept, sends=sends))
        if isinstance(outcome, InDoubt):
            if self._may_ask(entry):
                self._ask_later(entry, times=0)
            return entry.cost
        return entry.cost if isinstance(outcome, Placed) and outcome.receipt.charge is None else _charge(verdict)

    async def _conclude(self, entry: Entry, verdict: Verdict, at: float, saved: Awaitable[None]) -> None:
        """Tell a row's outcome once it is durable."""
        with anyio.CancelScope(shield=True):
            try:
                await saved
                await self._tell_outcome(entry, verdict.outcome, at)
            except JournalError as failure:
                reason = str(failure)
                await self._tell(RowNotSaved(panel=self.panel, entry=entry, outcome=verdict.outcome, reason=reason))
                raise
            finally:
                self._to_tell -= 1
                self._feed.wake()

    async def _tell_outcome(self, entry: Entry, outcome: Outcome, at: float) -> None:
        match outcome:
            case Placed(receipt):
                done = evolve(entry, state=RowState.DONE, ended_at=at, order_id=receipt.order, charge=receipt.charge)
                await self._tell(RowPlaced(panel=self.panel, entry=done, receipt=receipt))
            case RefusedRow(error, reason):
                refused = evolve(entry, state=RowState.REFUSED, ended_at=at, error=error, reason=reason)
                await self._tell(RowRefused(panel=self.panel, entry=refused))
            case InDoubt(error, reason):
                doubt = evolve(entry, state=RowState.DOUBT, ended_at=at, error=error, reason=reason)
                will_ask = self._may_ask(doubt) and not self._is_stopping
                await self._tell(RowInDoubt(panel=self.panel, entry=doubt, asked_again=will_ask))
            case NotPlaced():
                pass

    # ---------------------------------------------------------------------------------- rows in doubt, asked again

    def _may_ask(self, entry: Entry) -> bool:
        """Whether the panel can be asked about the row: by sending it again with its request_id, within its time."""
        if not self._is_keyed or entry.request_id is None or entry.repeat_until is None or entry.sent_at is None:
            return False
        return entry.sent_at <= self._clock.wall() < entry.repeat_until

    def _ask_later(self, entry: Entry, *, times: int) -> None:
        if self._tasks is not None and times < len(_ASK_AFTER):
            self._feed.expect()
            self._tasks.start_soon(self._ripen, entry, times)

    async def _ripen(self, entry: Entry, times: int) -> None:
        await self._clock.sleep(_ASK_AFTER[times])
        self._feed.put_ripe(evolve(entry, state=RowState.DOUBT), times)

    async def _ask(self, tasks: TaskGroup) -> None:
        """Ask about rows in doubt, one after the other."""
        while (entry := await self._feed.next_ripe()) is not None:
            try:
                await anyio.lowlevel.checkpoint_if_cancelled()
                await self._ask_about(entry, tasks)
            finally:
                self._feed.ripe_done()

    async def _ask_about(self, entry: Entry, tasks: TaskGroup) -> None:
        """Send a row in doubt again, with its own request_id: the panel gives the receipt that was lost."""
        times = self._feed.times_asked(entry)
        if not await self._breaker.enter(entry.number):
            return
        with anyio.CancelScope() as waiting, anyio.CancelScope() as in_air:

            async def before_send(order: AnyOrder, request_id: str | None) -> None:
                # Asked once more, after all waits: from a certain time on the panel may have forgotten the id.
                if self._is_stopping or not self._breaker.admits(entry.number) or not self._may_ask(entry):
                    raise _NotNow
                in_air.shield = True
                # When it was last sent is evidence, too.
                again = InDoubt(entry.error or "OutcomeUnknown", entry.reason or "it was asked about again")
                await self._journal.settle(entry, again, at=self._clock.wall())

            with self._called_off(waiting):
                verdict = await self._add(entry, before_send, resume=True)
            if verdict is None:
                self._breaker.drop(entry.number)
                if self._may_ask(entry):
                    self._ask_later(entry, times=times)
            elif isinstance(verdict.outcome, InDoubt) or (isinstance(verdict.outcome, NotPlaced) and not verdict.stops):
                # This time it was not acted upon: the first time it may have been.
                reason = verdict.outcome.reason or "it does not act"
                self._breaker.fault(entry.number, reason, is_sure=isinstance(verdict.outcome, NotPlaced))
                if verdict.stops is not None:
                    self._give_up(*verdict.stops)
                self._ask_later(entry, times=times + 1)
            else:
                paid = self._end(entry, verdict, tasks)
                self._ledger.settle(entry.cost, paid=paid, at=self._clock.wall())


def _read(receipt: object) -> Verdict:
    """What a provider gave for an order; one that is no receipt tells nothing of what happened."""
    if isinstance(receipt, Receipt) and (receipt.charge is None or isinstance(receipt.charge, Decimal)):
        return Verdict(Placed(receipt))
    reason = f"the provider gave {receipt!r:.200} for a receipt"
    return Verdict(InDoubt("ProviderError", reason), ("ProviderError", reason))


def _charge(verdict: Verdict) -> Decimal:
    return verdict.outcome.receipt.charge or Decimal(0) if isinstance(verdict.outcome, Placed) else Decimal(0)


class _Registered:
    """Keeps a scope among those that are called off when the lane stops."""

    def __init__(self, scopes: set[anyio.CancelScope], scope: anyio.CancelScope) -> None:
        self._scopes, self._scope = scopes, scope

    def __enter__(self) -> None:
        self._scopes.add(self._scope)

    def __exit__(self, *_: object) -> None:
        self._scopes.discard(self._scope)
