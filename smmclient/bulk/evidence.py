"""Rows in doubt, weighed against the balance: what should be in the account by our count, and what is.

A balance that was looked up while nothing of ours was in the air is a fixed point. Between two of them the account has
changed by what our rows cost. What is missing beyond that, to the last digit, is the price of rows in doubt
that were placed after all. It is evidence and no proof: somebody else may use the account.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal

from attrs import frozen

from smmclient.bulk.account import keep_balance
from smmclient.bulk.entry import Entry, RowState
from smmclient.bulk.journal import Checkpoint, Journal
from smmclient.bulk.runner import Pace
from smmclient.errors import SMMError
from smmclient.model import Balance
from smmclient.pipeline.clock import Clock, SystemClock
from smmclient.provider import Provider

__all__ = ["Evidence", "Likely", "Weighed", "look_at_all", "seconds_to_wait", "weigh"]

_EXACT = Context(prec=100)
#: Rows whose combinations are tried; beyond that only equal prices are counted.
_MOST = 16


class Likely(enum.Enum):
    """What the balance says of a row in doubt."""

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
    #: How many of the rows in doubt were placed, where their prices tell no more than that.
    placed: int | None
    note: str

    @property
    def missing(self) -> Decimal:
        """What is gone and not accounted for."""
        return _EXACT.subtract(self.should_be, self.found)


async def seconds_to_wait(journal: Journal, panel: str, provider: Provider, *, pace: Pace | None = None) -> float:
    """How long until a look at the balance can tell of every row: the panel's cache, and time to charge."""
    clock: Clock = getattr(provider, "clock", None) or SystemClock()
    known = await journal.checkpoints(panel)
    late = (pace or Pace()).settle + max((one.balance.max_age for one in known), default=0.0)
    last = [entry.sent_at or 0.0 async for entry in journal.entries(panel=panel, sent_since=clock.wall() - late)]
    return max(0.0, max(last) + late - clock.wall()) if last else 0.0


async def weigh(journal: Journal) -> list[Weighed]:
    """Every row in doubt, in the order of the file, with what the balances in the journal say of it."""
    doubts: dict[str, list[Entry]] = {}
    async for entry in journal.entries(states=(RowState.SENDING, RowState.DOUBT)):
        doubts.setdefault(entry.panel, []).append(entry)
    weighed: list[Weighed] = []
    for panel, entries in doubts.items():
        fixed = [one for one in await journal.checkpoints(panel) if one.is_settled]
        weighed += await _weigh_panel(journal, panel, entries, fixed)
    return sorted(weighed, key=lambda one: one.entry.number)


async def _weigh_panel(
    journal: Journal, panel: str, entries: Sequence[Entry], fixed: Sequence[Checkpoint]
) -> list[Weighed]:
    weighed: list[Weighed] = []
    left = list(entries)
    for before, after in itertools.pairwise(fixed):
        since, until = before.balance.fetched_at, after.balance.fetched_at
        here = [one for one in left if one.sent_at is not None and since <= one.sent_at < until]
        if not here:
            continue
        left = [one for one in left if one not in here]
        paid, problem = await _paid(journal, panel, since, until)
        evidence, verdicts = _compare(panel, before.balance, after.balance, paid, here, problem)
        weighed += [Weighed(entry=one, likely=verdicts[one.number], evidence=evidence) for one in here]
    weighed += [Weighed(entry=one, likely=Likely.UNCLEAR, evidence=None) for one in left]
    return weighed


async def _paid(journal: Journal, panel: str, since: float, until: float) -> tuple[Decimal, str | None]:
    """What the rows that were placed in that time cost, as far as it had come at its end."""
    paid, unpriced = Decimal(0), 0
    async for entry in journal.entries(states=(RowState.DONE,), panel=panel, sent_since=since):
        if entry.sent_at is None or entry.sent_at >= until:
            continue
        is_seen = entry.status_at is not None and entry.status_at < until
        price = entry.spent if is_seen else entry.price
        if price is None:
            unpriced += 1
        else:
            paid = _EXACT.add(paid, price)
    return paid, f"the cost of {unpriced} placed rows is not known" if unpriced else None


def _compare(
    panel: str, before: Balance, after: Balance, paid: Decimal, doubts: Sequence[Entry], problem: str | None
) -> tuple[Evidence, Mapping[int, Likely]]:
    should_be = _EXACT.subtract(before.amount, paid)
    missing = _EXACT.subtract(should_be, after.amount)
    unclear = dict.fromkeys((one.number for one in doubts), Likely.UNCLEAR)
    verdicts: Mapping[int, Likely] = unclear
    placed: int | None = None
    if problem is None and any(one.cost is None for one in doubts):
        problem = "what a row in doubt costs is not known"
    if problem is None and before.currency != after.currency:
        problem = "the currency has changed"
    note = problem or ""
    if problem is None:
        verdicts, placed = _explain(missing, doubts)
        note = _note(missing, doubts, verdicts, placed)
    evidence = Evidence(
        panel=panel,
        since=before.fetched_at,
        until=after.fetched_at,
        should_be=should_be,
        found=after.amount,
        currency=after.currency,
        placed=placed,
        note=note,
    )
    return evidence, verdicts


def _explain(missing: Decimal, doubts: Sequence[Entry]) -> tuple[Mapping[int, Likely], int | None]:
    """Which rows in doubt explain what is missing, and how many of them, as far as there is but one answer."""
    unclear = dict.fromkeys((one.number for one in doubts), Likely.UNCLEAR)
    free = [one for one in doubts if not one.cost]
    priced = [one for one in doubts if one.cost]
    answers = list(itertools.islice(_combinations(missing, priced), 2)) if len(priced) <= _MOST else []
    if len(answers) == 1:
        told = {one.number: Likely.PLACED if one in answers[0] else Likely.NOT_PLACED for one in priced}
        # What costs nothing leaves no trace.
        return {**told, **dict.fromkeys((one.number for one in free), Likely.UNCLEAR)}, len(answers[0])
    prices = {one.cost for one in priced}
    if len(prices) == 1 and (price := prices.pop()):
        count, rest = divmod(missing, price)
        if not rest and 0 <= count <= len(priced):
            if count in (0, len(priced)):
                likely = Likely.PLACED if count else Likely.NOT_PLACED
                return {**unclear, **dict.fromkeys((one.number for one in priced), likely)}, int(count)
            return unclear, int(count)
    return unclear, None


def _combinations(missing: Decimal, doubts: Sequence[Entry]) -> Iterable[tuple[Entry, ...]]:
    for size in range(len(doubts) + 1):
        for some in itertools.combinations(doubts, size):
            total = Decimal(0)
            for one in some:
                total = _EXACT.add(total, one.cost or Decimal(0))
            if total == missing:
                yield some


def _note(missing: Decimal, doubts: Sequence[Entry], verdicts: Mapping[int, Likely], placed: int | None) -> str:
    if placed is None:
        return "no choice of rows in doubt explains it: the account was used, filled or refunded meanwhile, or rounded"
    if Likely.UNCLEAR in verdicts.values() and placed:
        return f"{placed} of {len(doubts)} were placed, and their prices do not tell which"
    if not missing:
        return "nothing is missing: none was charged"
    return f"what is missing is the price of {placed} of {len(doubts)}"


async def look_at_all(
    journal: Journal, panels: Mapping[str, Provider], *, pace: Pace | None = None
) -> dict[str, SMMError]:
    """Look at the balance of each panel that has rows in doubt; returns what failed, by panel."""
    failed: dict[str, SMMError] = {}
    names = {one.panel async for one in journal.entries(states=(RowState.SENDING, RowState.DOUBT))}
    for name in sorted(names):
        try:
            await keep_balance(journal, name, panels[name], settle=(pace or Pace()).settle)
        except SMMError as error:
            failed[name] = error
    return failed
