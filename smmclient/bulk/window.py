"""What placed orders have cost between two looks at a balance, and why that is not known where it is not. Pure.

An order's money moves twice at most: when it is placed, and when it ends in another way than completed. The first
lies between its sending and its receipt. The second is behind us once a look at the order has found it final; a
balance knows of it from a while after that, as with a charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Self

from attrs import frozen

from smmclient.bulk.entry import Entry
from smmclient.bulk.unit import Unit
from smmclient.exact import EXACT
from smmclient.model import Balance, OrderState

__all__ = ["Moved", "Spending", "spending"]


@frozen(kw_only=True)
class Moved:
    """The money of one placed order: when it went, when it was known what is left, and what it has cost."""

    sent_at: float
    last_at: float
    #: When it was known to be final; None: it is not.
    final_at: float | None
    is_completed: bool
    #: What it has cost so far; None: nobody knows.
    cost: Decimal | None
    #: What it cost when it was placed.
    price: Decimal | None

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """The money of a row that was placed."""
        status = entry.status
        is_final = status is not None and status.state.is_final
        return cls(
            sent_at=entry.sent_at or 0.0,
            last_at=entry.last_at or 0.0,
            final_at=entry.status_at if is_final else None,
            is_completed=status is not None and status.state is OrderState.COMPLETED,
            cost=entry.spent if status is None or status.charge is not None or not _gives_back(status.state) else None,
            price=entry.price,
        )

    def is_told_by(self, look: Balance, settle: float) -> bool:
        """Whether it was final, and known to be, when that look was taken, and nothing of it can be missing there."""
        if self.final_at is None:
            return False
        late = 0.0 if self.is_completed else look.max_age + settle
        return self.final_at + late <= look.fetched_at

    def is_in_part(self) -> bool:
        """Whether a part of the money came back."""
        return self.final_at is not None and not self.is_completed and bool(self.cost)

    def is_ambiguous(self, unit: Unit) -> bool:
        """Whether the panel's charge does not go with how the order ended, so that it may not be what was paid.

        That is the whole price for an order that gave money back, and nothing for one that was completed.
        """
        if self.price is None or self.cost is None:
            return self.cost is None or not self.is_completed
        least = unit.bounds(self.price)[0]
        if self.is_completed:
            return not self.cost and bool(least)
        return bool(self.cost) and self.cost >= least


def _gives_back(state: OrderState) -> bool:
    return state.is_final and state is not OrderState.COMPLETED


@frozen(kw_only=True)
class Spending:
    """What orders cost between two looks: about ``paid``, surely between ``low`` and ``high``, unless ``problem``."""

    paid: Decimal
    low: Decimal
    high: Decimal
    problem: str | None


def spending(orders: Sequence[Moved], before: Balance, after: Balance, unit: Unit, *, settle: float) -> Spending:
    """What these orders of one panel have cost between the two looks."""
    since, until = before.fetched_at, after.fetched_at
    paid = low = high = Decimal(0)
    is_open = unknown = unpriced = 0
    for one in orders:
        if one.sent_at >= until:
            continue
        is_inside = since <= one.sent_at
        # Of a completed order nothing comes back: once it was paid for before the first look, it is of no matter.
        if one.last_at < since and (one.is_told_by(before, settle) or one.is_completed):
            continue
        if not one.is_told_by(after, settle):
            is_open += 1
        elif one.last_at >= until or not is_inside or one.is_ambiguous(unit):
            unknown += 1
        elif one.cost is None:
            unpriced += 1
        if is_inside and one.cost is not None:
            least, most = unit.bounds(one.cost)
            paid, low, high = EXACT.add(paid, one.cost), EXACT.add(low, least), EXACT.add(high, most)
    return Spending(paid=paid, low=low, high=high, problem=_problem(is_open, unknown, unpriced))


def _problem(is_open: int, unknown: int, unpriced: int) -> str | None:
    if is_open:
        return (
            f"{_orders(is_open)} not final, or not known to be for long enough when the balance was looked up: money "
            "that came back would be mistaken; follow the run to its end, then look again"
        )
    if unknown:
        return f"of {unknown} placed it is not known when they were paid for, or what came back of them"
    return f"the cost of {unpriced} placed rows is not known" if unpriced else None


def _orders(count: int) -> str:
    return "1 order was" if count == 1 else f"{count} orders were"
