"""Sums of money to the last digit, whatever a caller's own decimal context rounds to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal

__all__ = ["EXACT", "total"]

#: What all arithmetic with money is done in: no panel's figure has as many digits.
EXACT = Context(prec=100)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of the amounts; 0 if there are none."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result
