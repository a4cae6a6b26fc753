"""What a panel's account holds, looked up before, during and after a run: for the reserve, and as evidence."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal

from smmclient.bulk.budget import Ledger
from smmclient.bulk.entry import Entry, RowState
from smmclient.bulk.journal import Bound, Journal
from smmclient.catalog import Catalog
from smmclient.model import Balance
from smmclient.pipeline.clock import Clock
from smmclient.provider import Provider

__all__ = ["AccountWatch", "bind_accounts", "keep_balance"]

_LOOK_AGAIN = 60.0
#: The oldest figure that a panel may hand out for its balance; NotPanel's is up to 30 s old.
_OLDEST = 60.0
_PAID = (RowState.DONE, RowState.SENDING, RowState.DOUBT)


async def bind_accounts(journal: Journal, panels: Mapping[str, Provider], *, is_same_account: bool) -> None:
    """Bind a run to the accounts of its panels, by the names that its rows have; see `Journal.bind`."""
    if is_same_account:
        # A key that does not even work is nobody's: the run is not bound to it.
        for provider in panels.values():
            await provider.balance(refresh=True)
    bound = [Bound.of(name, provider) for name, provider in panels.items()]
    await journal.bind(bound, is_same_account=is_same_account)


async def keep_balance(journal: Journal, panel: str, provider: Provider, *, settle: float) -> Balance:
    """Look up a panel's balance and keep it in the journal: as a fixed point, if nothing of ours can be missing in it.

    An order can be if it was sent since the moment that the figure may stand for, or ``settle`` seconds before: a
    panel may be slow to charge.
    """
    balance = await provider.balance(refresh=True)
    as_of = balance.fetched_at - balance.max_age - settle
    is_settled = True
    async for _ in journal.entries(panel=panel, sent_since=as_of):
        is_settled = False
        break
    await journal.checkpoint(panel, balance, is_settled=is_settled)
    return balance


class AccountWatch:
    """One panel's account and prices."""

    def __init__(
        self, panel: str, provider: Provider, journal: Journal, *, ledger: Ledger, settle: float, clock: Clock
    ) -> None:
        self._panel, self._provider, self._journal = panel, provider, journal
        self._ledger, self._settle, self._clock = ledger, settle, clock
        self._catalog: Catalog | None = None
        self.balance: Balance | None = None

    async def begin(self) -> None:
        """Look up prices and balance before the first row."""
        # The balance may be of a moment ago, and not know yet of what an earlier session paid, or may have paid.
        recent = self._clock.wall() - self._settle - _OLDEST
        async for one in self._journal.entries(states=_PAID, panel=self._panel, sent_since=recent):
            self._ledger.note(one.price, at=max(one.sent_at or 0.0, one.ended_at or 0.0))
        await self.look()

    async def look_again(self) -> None:
        """Look up the balance once it can know of everything that was paid."""
        await self._clock.sleep(0.0 if self.balance is None else self.balance.max_age)
        await self._look_at_money()

    async def _look_at_money(self) -> None:
        # What cannot be looked up leaves our own count standing, which errs on the safe side.
        with suppress(Exception):
            self._ledger.look(await self._provider.balance(refresh=True))

    async def look(self) -> None:
        """Look up the balance, and keep it in the journal and in our count."""
        if self._catalog is None:
            self._catalog = await self._provider.services(refresh=True)
        balance = await keep_balance(self._journal, self._panel, self._provider, settle=self._settle)
        self._ledger.look(balance)
        self.balance = balance

    async def keep_looking(self) -> None:
        """Look again and again, for the reserve: others may use the account, or fill it."""
        while True:
            await self._clock.sleep(_LOOK_AGAIN)
            await self._look_at_money()

    def cost(self, entry: Entry) -> Decimal | None:
        """What a row costs by today's catalog, or else by the one that it was checked against."""
        service = None
        if entry.order is not None and self._catalog is not None:
            service = self._catalog.get(entry.order.service)
        return entry.cost if service is None or entry.order is None else service.cost(entry.order)
