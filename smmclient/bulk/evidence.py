"""Rows in doubt, weighed against the balance: what should be in the account by our count, and what is.

A balance that was looked up while nothing of ours was in the air is a fixed point. Between two of them the account has
changed by what our rows cost. What is missing beyond that, to the last digit, is the price of rows in doubt
that were placed after all. It is evidence and no proof: somebody else may use the account.

Money comes back, too, and what came back of one order can hide what another one cost. So nothing is said while
any placed order of the panel is open, or was when the balance was looked up.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from attrs import field, frozen

from smmclient.bulk.account import keep_balance
from smmclient.bulk.entry import Entry, RowState
from smmclient.bulk.explain import explain
from smmclient.bulk.journal import Journal
from smmclient.bulk.resolve import note_cut_off
from smmclient.bulk.runner import Pace
from smmclient.bulk.unit import Unit
from smmclient.bulk.window import Moved, spending
from smmclient.errors import SMMError
from smmclient.exact import EXACT
from smmclient.model import Balance, OrderState
from smmclient.pipeline.clock import Clock, SystemClock
from smmclient.provider import Provider

__all__ = ["Evidence", "Likely", "Weighed", "look_at_all", "seconds_to_wait", "weigh"]

_IN_DOUBT = (RowState.SENDING, RowState.DOUBT)
_GAVE_BACK = tuple(one for one in OrderState if one.is_final and one is not OrderState.COMPLETED)


class Likely(enum.Enum):
    """What the balance says of a row in doubt.

    A row that is probably not placed has cost nothing: it can also have been placed and have got all its money back.
    """

    PLACED = "probably placed"
    NOT_PLACED = "probably not placed"
    UNCLEAR = "unclear"


@frozen(kw_only=True)
class Weighed:
    """A row in doubt, and what the balance says of it. ``evidence`` is None where there is none."""

    entry: Entry
    likely: Likely
    evidence: Evidence | None


@frozen(kw_only=True)
class Evidence:
    """Between two looks at a balance: what it ``should_be`` if no row in doubt was placed, and what it ``is``."""

    panel: str
    since: float
    until: float
    should_be: Decimal
    found: Decimal
    currency: str | None
    #: How many of the rows in doubt were paid for, where their prices tell no more than that.
    placed: int | None
    note: str
    #: What a verdict stands on; empty where none is given.
    caveat: str = ""

    @property
    def missing(self) -> Decimal:
        """What is gone and not accounted for."""
        return EXACT.subtract(self.should_be, self.found)


async def seconds_to_wait(journal: Journal, panel: str, provider: Provider, *, pace: Pace | None = None) -> float:
    """How long until a look at the balance can tell of every row: the panel's cache, and time to move the money."""
    clock: Clock = getattr(provider, "clock", None) or SystemClock()
    await note_cut_off(journal, panel)
    known = await journal.checkpoints(panel)
    late = (pace or Pace()).settle + max((one.balance.max_age for one in known), default=0.0)
    last = [entry.last_at or 0.0 async for entry in journal.entries(panel=panel, sent_since=clock.wall() - late)]
    gave = journal.entries(states=(RowState.DONE,), panel=panel, order_states=_GAVE_BACK)
    last += [entry.status_at or 0.0 async for entry in gave]
    return max(0.0, max(last) + late - clock.wall()) if last else 0.0


async def weigh(journal: Journal, *, pace: Pace | None = None) -> list[Weighed]:
    """Every row in doubt, in the order of the file, with what the balances in the journal say of it."""
    doubts: dict[str, list[Entry]] = {}
    async for entry in journal.entries(states=_IN_DOUBT):
        doubts.setdefault(entry.panel, []).append(entry)
    weighed: list[Weighed] = []
    for panel, rows in doubts.items():
        looks = await journal.checkpoints(panel)
        orders: list[Moved] = []
        charges: set[Decimal] = set()
        async for one in journal.entries(states=(RowState.DONE,), panel=panel):
            orders.append(Moved.of(one))
            final = None if one.status is None else one.status.charge
            charges |= {told for told in (one.charge, final) if told is not None}
        scale = _Scale(
            panel=panel,
            doubts=rows,
            orders=orders,
            looks=[one.balance for one in looks if one.is_settled],
            unit=Unit.of((one.balance.amount for one in looks), charges),
            settle=(pace or Pace()).settle,
        )
        weighed += [scale.weigh(one) for one in rows]
    return sorted(weighed, key=lambda one: one.entry.number)


@frozen
class _Found:
    """What the time between two looks tells; ``is_whole``: nothing that is known speaks against it."""

    evidence: Evidence
    verdicts: Mapping[int, Likely]
    is_whole: bool


@frozen(kw_only=True)
class _Scale:
    """One panel's rows in doubt, its placed orders, and the looks at its balance, oldest first."""

    panel: str
    doubts: Sequence[Entry]
    orders: Sequence[Moved]
    looks: Sequence[Balance]
    unit: Unit
    settle: float
    _found: dict[tuple[int, int], _Found] = field(factory=dict, init=False)

    def weigh(self, entry: Entry) -> Weighed:
        """What the narrowest time says in which all money is accounted for, or else what stands against it."""
        shown: _Found | None = None
        for start, end in self._times(entry):
            found = self._between(start, end)
            # The newest look tells best what is still to be done.
            shown = found if shown is None or found.is_whole or found.evidence.until > shown.evidence.until else shown
            if found.is_whole:
                break
        if shown is None:
            return Weighed(entry=entry, likely=Likely.UNCLEAR, evidence=None)
        return Weighed(entry=entry, likely=shown.verdicts.get(entry.number, Likely.UNCLEAR), evidence=shown.evidence)

    def _times(self, entry: Entry) -> Iterator[tuple[int, int]]:
        """Pairs of looks with all that became of the row between them, the narrowest first.

        They begin with the last look before the row was sent, the last one before any row in doubt, or the first.
        """
        first = min(one.sent_at or 0.0 for one in self.doubts)
        narrow = self._last_until(entry.sent_at or 0.0)
        if narrow is None:
            return
        for start in dict.fromkeys((narrow, self._last_until(first) or 0, 0)):
            for end in range(start + 1, len(self.looks)):
                if self.looks[end].fetched_at > (entry.last_at or 0.0):
                    yield start, end

    def _last_until(self, at: float) -> int | None:
        return max((n for n, look in enumerate(self.looks) if look.fetched_at <= at), default=None)

    def _between(self, start: int, end: int) -> _Found:
        if (start, end) not in self._found:
            self._found[start, end] = self._compare(self.looks[start], self.looks[end])
        return self._found[start, end]

    def _compare(self, before: Balance, after: Balance) -> _Found:
        spent = spending(self.orders, before, after, self.unit, settle=self.settle)
        doubts = [one for one in self.doubts if before.fetched_at <= (one.sent_at or 0.0) < after.fetched_at]
        problem = spent.problem or self._problem(before, after, doubts)
        should_be = EXACT.subtract(before.amount, spent.paid)
        verdicts: dict[int, Likely] = {}
        count: int | None = None
        note = problem or ""
        if problem is None:
            left = EXACT.subtract(before.amount, after.amount)
            low, high = EXACT.subtract(left, spent.high), EXACT.subtract(left, spent.low)
            choice = explain(low, high, doubts, self.unit, partial=self._share_in_part())
            verdicts |= dict.fromkeys(choice.paid, Likely.PLACED) | dict.fromkeys(choice.not_paid, Likely.NOT_PLACED)
            count, note = choice.count, choice.note
        evidence = Evidence(
            panel=self.panel,
            since=before.fetched_at,
            until=after.fetched_at,
            should_be=should_be,
            found=after.amount,
            currency=after.currency,
            placed=count,
            note=note,
            caveat=_CAVEAT if verdicts else "",
        )
        return _Found(evidence, verdicts, problem is None)

    def _problem(self, before: Balance, after: Balance, doubts: Sequence[Entry]) -> str | None:
        if before.currency != after.currency:
            return "the currency has changed"
        if any((one.sent_at or 0.0) < before.fetched_at for one in self.doubts):
            return "money of a row that was in doubt before may have come back meanwhile"
        if any((one.last_at or 0.0) >= after.fetched_at for one in doubts):
            return "a row in doubt was asked about, or sent, since the balance was looked up"
        return "what a row in doubt costs is not known" if any(one.cost is None for one in doubts) else None

    def _share_in_part(self) -> float:
        """How likely an order is to be done in part, by those that are final; never quite 0."""
        final = sum(one.final_at is not None for one in self.orders)
        return (sum(one.is_in_part() for one in self.orders) + 1) / (final + 2)


_CAVEAT = (
    "this holds if nothing else used, filled or refunded the account meanwhile, and is no proof: not placed can also "
    "mean placed and given back in full; look at the panel before you decide"
)


async def look_at_all(
    journal: Journal, panels: Mapping[str, Provider], *, pace: Pace | None = None
) -> dict[str, SMMError]:
    """Look at the balance of each panel that has rows in doubt; returns what failed, by panel."""
    failed: dict[str, SMMError] = {}
    names = {one.panel async for one in journal.entries(states=_IN_DOUBT)}
    for name in sorted(names):
        await note_cut_off(journal, name)
        try:
            await keep_balance(journal, name, panels[name], settle=(pace or Pace()).settle)
        except SMMError as error:
            failed[name] = error
    return failed
