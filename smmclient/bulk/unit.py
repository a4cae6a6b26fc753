"""The unit that a panel keeps an account in, told by the decimals of its balances. Pure.

A catalog price can be finer than that: 292.50 for an order that is charged 292, 293 or 292.5, and no panel says which.
So an amount stands between its two neighbours in the unit; one that is whole in it stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Self

from attrs import frozen

from smmclient.bulk.entry import Entry
from smmclient.exact import EXACT

__all__ = ["Unit", "without_noise"]

#: No panel's balance has more decimals; what floats leave behind has.
_DECIMALS = 8
_SMALLEST = Decimal(1).scaleb(-_DECIMALS)
#: What a float can be wrong by, as a part of the amount; with room for a few sums.
_NOISE = Decimal("1E-14")


def without_noise(amount: Decimal) -> Decimal:
    """The amount without the digits that a panel's floats have left on it, and with all others.

    >>> without_noise(Decimal("0.01007262000000000115")), without_noise(Decimal("0.0000000049"))
    (Decimal('0.01007262'), Decimal('4.9E-9'))
    """
    if _decimals(amount) <= _DECIMALS:
        return amount
    rounded = amount.quantize(_SMALLEST, context=EXACT)
    return rounded if abs(EXACT.subtract(amount, rounded)) <= EXACT.multiply(abs(amount), _NOISE) else amount


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


@frozen
class Unit:
    """The smallest amount of an account, as a number of decimals."""

    decimals: int

    @classmethod
    def of(cls, balances: Iterable[Decimal], charges: Iterable[Decimal] = ()) -> Self:
        """The finest unit that the panel's balances and charges show, zeros at the end left out.

        It is never finer than the balances are written: they may be rounded. Too coarse a unit, because all happen
        to be round, leaves more choices open and rules out none that is true.
        """
        shown = [without_noise(one) for one in balances]
        used = [*shown, *(without_noise(one) for one in charges)]
        finest = max((_decimals(one.normalize(EXACT)) for one in used), default=_DECIMALS)
        return cls(min(finest, max(map(_decimals, shown), default=_DECIMALS)))

    def bounds(self, amount: Decimal) -> tuple[Decimal, Decimal]:
        """The two amounts in the unit between which it lies; twice the same where it is one of them.

        >>> Unit(0).bounds(Decimal("292.50")), Unit(2).bounds(Decimal("0.090"))
        ((Decimal('292'), Decimal('293')), (Decimal('0.09'), Decimal('0.09')))
        """
        smallest, plain = Decimal(1).scaleb(-self.decimals), without_noise(amount)
        low = plain.quantize(smallest, rounding=ROUND_FLOOR, context=EXACT)
        return low, plain.quantize(smallest, rounding=ROUND_CEILING, context=EXACT)

    def finer(self, amount: Decimal) -> Unit:
        """The finer one of this unit and that of the amount."""
        return max(self, Unit.of([amount]), key=lambda one: one.decimals)

    def is_told(self, entry: Entry) -> bool:
        """Whether the price of a placed row is known: from its receipt, or from a catalog no finer than the unit."""
        if entry.charge is not None or entry.cost is None:
            return entry.charge is not None
        least, most = self.bounds(entry.cost)
        return least == most
