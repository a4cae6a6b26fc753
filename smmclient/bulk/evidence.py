"""Rows in doubt, weighed against the balance: what should be in the account by our count, and what is.

A balance that was looked up while nothing of ours was in the air is a fixed point. Between two of them the account has
changed by what our rows cost. What is missing beyond that, to the last digit, is the price of rows in doubt
that were placed after all. It is evidence and no proof: somebody else may use the account.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from attrs import frozen

from smmclient.bulk.account import keep_balance
from smmclient.bulk.entry import Entry, RowState
from smmclient.bulk.journal import Checkpoint, Journal
from smmclient.bulk.resolve import note_cut_off
from smmclient.bulk.runner import Pace
from smmclient.errors import SMMError
from smmclient.exact import EXACT, total
from smmclient.model import Balance
from smmclient.pipeline.clock import Clock, SystemClock
from smmclient.provider import Provider

__all__ = ["Evidence", "Likely", "Weighed", "look_at_all", "seconds_to_wait", "weigh"]

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
        return EXACT.subtract(self.should_be, self.found)


async def seconds_to_wait(journal: Journal, panel: str, provider: Provider, *, pace: Pace | None = None) -> float:
    """How long until a look at the balance can tell of every row: the panel's cache, and time to charge."""
    clock: Clock = getattr(provider, "clock", None) or SystemClock()
    await note_cut_off(journal, panel)
    known = await journal.checkpoints(panel)
    late = (pace or Pace()).settle + max((one.balance.max_age for one in known), default=0.0)
    last = [entry.last_at or 0.0 async for entry in journal.entries(panel=panel, sent_since=clock.wall() - late)]
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
    for before, after, here in _spans(entries, fixed):
        if before is None or after is None:
            weighed += [Weighed(entry=one, likely=Likely.UNCLEAR, evidence=None) for one in here]
            continue
        paid, problem, caution = await _paid(journal, panel, before.fetched_at, after.fetched_at)
        evidence, verdicts = _compare(panel, before, after, paid, here, problem, caution)
        weighed += [Weighed(entry=one, likely=verdicts[one.number], evidence=evidence) for one in here]
    return weighed


def _spans(
    entries: Sequence[Entry], fixed: Sequence[Checkpoint]
) -> list[tuple[Balance | None, Balance | None, list[Entry]]]:
    """The rows by the fixed points around them: the last before one was sent, the first after all that became of it.

    Rows whose spans have time in common are taken together, because what is missing may be the price of any of them.
    """
    times = [one.balance.fetched_at for one in fixed]
    spans: list[tuple[int, int, list[Entry]]] = []
    for entry in sorted(entries, key=lambda one: (one.sent_at or 0.0, one.number)):
        first, last = entry.sent_at or 0.0, entry.last_at or 0.0
        start = max((n for n, at in enumerate(times) if at <= first), default=-1)
        end = min((n for n, at in enumerate(times) if at > last), default=len(times))
        if spans and start < spans[-1][1]:
            low, high, rows = spans.pop()
            spans.append((min(low, start), max(high, end), [*rows, entry]))
        else:
            spans.append((start, end, [entry]))
    return [
        (fixed[low].balance if low >= 0 else None, fixed[high].balance if high < len(fixed) else None, rows)
        for low, high, rows in spans
    ]


async def _paid(journal: Journal, panel: str, since: float, until: float) -> tuple[Decimal, str | None, str]:
    """What our rows cost between two moments, why that is not known if it is not, and what to be careful about."""
    paid, unpriced, doubtful, is_open = Decimal(0), 0, 0, False
    async for entry in journal.entries(states=(RowState.DONE,), panel=panel):
        sent, last = entry.sent_at or 0.0, entry.last_at or 0.0
        seen = entry.status_at or 0.0
        if sent >= until:
            continue
        is_open = is_open or entry.status is None or not entry.status.state.is_final
        is_inside = since <= sent and last < until
        # What came back came at a moment between two looks at the order: it has to be inside, or outside, as a whole.
        came_back = bool(entry.returned)
        if (last >= since and not is_inside) or (came_back and seen >= since and not (is_inside and seen < until)):
            doubtful += 1
        elif is_inside:
            price = entry.spent if came_back else entry.price
            unpriced += price is None
            paid = EXACT.add(paid, price or Decimal(0))
    problem = None
    if unpriced:
        problem = f"the cost of {unpriced} placed rows is not known"
    elif doubtful:
        problem = f"of {doubtful} orders it is not known when they were paid for, or when money came back"
    return paid, problem, "; orders are open: money that came back would be mistaken" if is_open else ""


def _compare(
    panel: str,
    before: Balance,
    after: Balance,
    paid: Decimal,
    doubts: Sequence[Entry],
    problem: str | None,
    caution: str = "",
) -> tuple[Evidence, Mapping[int, Likely]]:
    should_be = EXACT.subtract(before.amount, paid)
    missing = EXACT.subtract(should_be, after.amount)
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
        note = f"{_note(missing, doubts, verdicts, placed)}{caution}"
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
            if total(one.cost or Decimal(0) for one in some) == missing:
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
        await note_cut_off(journal, name)
        try:
            await keep_balance(journal, name, panels[name], settle=(pace or Pace()).settle)
        except SMMError as error:
            failed[name] = error
    return failed
