"""Money guards, against our own running count. Pure."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from attrs import Attribute, field, frozen

from smmclient.errors import ConfigError
from smmclient.exact import EXACT
from smmclient.model import Balance

__all__ = ["Budget", "Ledger"]


def _amount(budget: object, at: Attribute[Decimal | None], amount: object) -> None:
    if amount is not None and not (isinstance(amount, Decimal) and amount.is_finite() and amount >= 0):
        raise ConfigError(f"{at.name} must be a Decimal of 0 or more, not {amount!r}")


@frozen(kw_only=True)
class Budget:
    """What a run may spend on each panel, in that panel's currency; None: no bound.

    ``max_spend`` is for the whole run, over all its sessions; rows in doubt count as spent. ``max_order`` is for one
    row: one that costs more is held. ``reserve`` must remain in the account. With any of them, a row whose cost nobody
    can know is held, too.
    """

    max_spend: Decimal | None = field(default=None, validator=_amount)
    max_order: Decimal | None = field(default=None, validator=_amount)
    reserve: Decimal | None = field(default=None, validator=_amount)

    @property
    def is_set(self) -> bool:
        """Whether there is any guard."""
        return any(amount is not None for amount in (self.max_spend, self.max_order, self.reserve))

    def holds(self, cost: Decimal | None) -> str | None:
        """Why a row of that cost is not sent, whatever was spent before; None if nothing speaks against it."""
        if cost is None and self.is_set:
            return "what it costs cannot be known, and there is a money guard"
        if cost is not None and self.max_order is not None and cost > self.max_order:
            return f"it costs {cost:f}, more than the {self.max_order:f} that one order may cost"
        return None


class Ledger:
    """One panel's running count: what was spent, what is in the air, and what should be left."""

    def __init__(self, budget: Budget, *, spent: Decimal) -> None:
        self.budget = budget
        #: Spent by the run so far, in doubt included.
        self.spent = spent
        self._in_air = Decimal(0)
        self._rows_in_air = 0
        self._left: Decimal | None = None
        #: What was paid lately, and when: the panel's figure may be older than that.
        self._paid: deque[tuple[float, Decimal]] = deque(maxlen=100_000)

    @property
    def left(self) -> Decimal | None:
        """What should be in the account by our count, what is in the air taken off; None: not looked up."""
        return None if self._left is None else EXACT.subtract(self._left, self._in_air)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in the air."""
        return not self._rows_in_air

    def look(self, balance: Balance) -> None:
        """Take note of the panel's own figure, less what was paid since the moment that it may stand for."""
        as_of = balance.fetched_at - balance.max_age
        while self._paid and self._paid[0][0] <= as_of:
            self._paid.popleft()
        self._left = balance.amount
        for _, paid in self._paid:
            self._left = EXACT.subtract(self._left, paid)

    def note(self, paid: Decimal | None, *, at: float) -> None:
        """An order of an earlier session was paid for at that time."""
        self._paid.append((at, paid or Decimal(0)))

    def stops(self, cost: Decimal | None) -> str | None:
        """Why no more may be spent, beginning with a row of that cost; None if it may be sent."""
        price = cost or Decimal(0)
        if self.budget.max_spend is not None:
            after = EXACT.add(EXACT.add(self.spent, self._in_air), price)
            if after > self.budget.max_spend:
                return (
                    f"the next order would bring the run to {after:f}, more than --max-spend {self.budget.max_spend:f}"
                )
        if self.budget.reserve is not None and self.left is not None:
            after = EXACT.subtract(self.left, price)
            if after < self.budget.reserve:
                return (
                    f"the next order would leave {after:f} in the account, less than --reserve {self.budget.reserve:f}"
                )
        return None

    def hold(self, cost: Decimal | None) -> None:
        """A row of that cost is about to be sent."""
        self._in_air = EXACT.add(self._in_air, cost or Decimal(0))
        self._rows_in_air += 1

    def let_go(self, cost: Decimal | None, *, paid: Decimal | None, at: float) -> None:
        """It is over: ``paid`` is what it has cost, 0 if it was not placed."""
        self._in_air = EXACT.subtract(self._in_air, cost or Decimal(0))
        self._rows_in_air -= 1
        price = paid or Decimal(0)
        self.spent = EXACT.add(self.spent, price)
        if price and self.budget.reserve is not None:
            self._paid.append((at, price))
        if self._left is not None:
            self._left = EXACT.subtract(self._left, price)

    def settle(self, cost: Decimal | None, *, paid: Decimal | None, at: float) -> None:
        """A row in doubt, which was counted as spent at its cost, has cost ``paid``.

        It may have been paid for just now: the figure of the balance is taken not to know of it.
        """
        price = paid or Decimal(0)
        self.spent = EXACT.add(EXACT.subtract(self.spent, cost or Decimal(0)), price)
        if price and self.budget.reserve is not None:
            self._paid.append((at, price))
            if self._left is not None:
                self._left = EXACT.subtract(self._left, price)
