"""Places what is pending in a journal: each panel's rows in the order of the file, no panel held up by another."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import anyio
from attrs import frozen

from smmclient.bulk.account import bind_accounts
from smmclient.bulk.budget import Budget, Ledger
from smmclient.bulk.entry import RowState
from smmclient.bulk.journal import Journal, Tally
from smmclient.bulk.lane import Lane
from smmclient.bulk.stage import Stage
from smmclient.errors import UsageError
from smmclient.exact import total
from smmclient.provider import Provider

__all__ = ["Pace", "Runner"]

_SPENT = (RowState.DONE, RowState.DOUBT, RowState.SENDING)


@frozen(kw_only=True)
class Pace:
    """How a run goes about trouble. Seconds.

    ``repeat_within``: for how long after a row was sent the panel may be asked again with the same request_id. How long
    a panel remembers one is not documented: this is our choice, and on the safe side of a day or a night.
    ``patience``: how long a panel may fail to act before its rows are left for a later session.
    ``settle``: how long after a row was sent a balance can be trusted to tell whether it was paid for.
    """

    repeat_within: float = 3600.0
    patience: float = 900.0
    settle: float = 60.0


class Runner(Stage):
    """Places the pending rows of a journal, and asks again about those in doubt where the panel has an id for it.

    ``panels`` are the providers by the name that the rows have. A ``budget`` is kept in the journal and holds in later
    sessions, too; without one the kept one does, and ``Budget()`` takes it off. It ends when nothing is left to be
    sent; what stops one panel (key refused, account suspended, funds gone, a money guard, an outage) is told, and
    leaves its rows pending. Raises `JournalError` classes when the journal fails: rows are not sent then.
    """

    def __init__(
        self,
        journal: Journal,
        panels: Mapping[str, Provider],
        *,
        budget: Budget | None = None,
        pace: Pace | None = None,
        is_same_account: bool = False,
    ) -> None:
        super().__init__()
        self._journal, self._panels = journal, panels
        self._budget, self._pace = budget, pace or Pace()
        self._is_same_account = is_same_account
        self._lanes: list[Lane] = []
        self._is_stopped = False

    def stop(self) -> None:
        """Send nothing more; what is in the air is finished, and the rest stays pending."""
        self._is_stopped = True
        for lane in self._lanes:
            lane.stop()

    async def _keep_budget(self) -> Budget:
        if self._budget is None:
            return await self._journal.budget()
        await self._journal.keep_budget(self._budget)
        return self._budget

    async def _work(self) -> None:
        tallies = await self._journal.tallies()
        open_rows = {one.panel for one in tallies if one.state in (RowState.PENDING, *_SPENT[1:]) and one.rows}
        if missing := sorted(open_rows - self._panels.keys()):
            raise UsageError(f"rows of {', '.join(missing)} are open, and no such panel was given")
        panels = {name: self._panels[name] for name in sorted(open_rows)}
        await bind_accounts(self._journal, panels, is_same_account=self._is_same_account)
        budget = await self._keep_budget()
        self._lanes = [
            Lane(
                name,
                provider,
                self._journal,
                pending=sum(one.rows for one in tallies if (one.panel, one.state) == (name, RowState.PENDING)),
                ledger=Ledger(budget, spent=_spent(tallies, name)),
                pace=self._pace,
                tell=self.tell,
            )
            for name, provider in panels.items()
        ]
        if self._is_stopped:
            return
        async with anyio.create_task_group() as tasks:
            for lane in self._lanes:
                tasks.start_soon(lane.run)


def _spent(tallies: list[Tally], panel: str) -> Decimal:
    return total(one.spent for one in tallies if one.panel == panel and one.state in _SPENT)
