"""Which rows in doubt explain what is missing in an account. Pure.

The rules:

* every choice of rows is tried, rows of one price being alike, and only if a single one fits is anything said;
* a price that is finer than the account's unit fits with either neighbour, see `smmclient.bulk.unit`;
* an order in doubt may have been done in part, and have got money back that nobody can look up: where that could make
  the same sum by chance, nothing is said either.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Self

from attrs import frozen

from smmclient.bulk.entry import Entry
from smmclient.bulk.unit import Unit, without_noise
from smmclient.exact import EXACT, total

__all__ = ["Choice", "explain"]

#: Choices that are tried; beyond that nothing is said.
_MOST = 1 << 16
#: How likely it may be that an order done in part has made the sum.
_CHANCE = 0.005


@frozen
class Choice:
    """What explains a missing sum: the rows ``paid``, ``not_paid``, or only how many, where ``count`` is not None."""

    paid: frozenset[int]
    not_paid: frozenset[int]
    count: int | None
    note: str


@frozen
class _Alike:
    """Rows of one price."""

    price: Decimal
    low: Decimal
    high: Decimal
    rows: Sequence[Entry]
    #: In how many different sums money of one of them can come back.
    parts: int

    @classmethod
    def of(cls, price: Decimal, rows: Sequence[Entry], unit: Unit) -> Self:
        """The rows of that price, in an account of that unit."""
        low, high = unit.bounds(price)
        units = min((one.order.units or 1) if one.order is not None else 1 for one in rows)
        return cls(price, low, high, rows, max(1, min(units, int(high.scaleb(unit.decimals)))))


def explain(low: Decimal, high: Decimal, doubts: Sequence[Entry], unit: Unit, *, partial: float) -> Choice:
    """What explains a sum between ``low`` and ``high``, told of rows by their number.

    ``partial`` is how likely an order is to be done in part only. Rows that cost nothing are never told of.
    """
    alike = _group(doubts, unit)
    if math.prod(len(one.rows) + 1 for one in alike) > _MOST:
        return _nothing("there are too many rows in doubt to try every choice")
    fitting = [counts for counts in _choices(alike) if _fits(counts, alike, low, high)]
    if not fitting:
        return _nothing(
            "no choice of rows in doubt explains it: the account was used, filled or refunded meanwhile, or a row in "
            "doubt was placed and got money back"
        )
    if len(fitting) > 1:
        counts = {sum(one) for one in fitting}
        return _nothing("several choices of rows explain it", counts.pop() if len(counts) == 1 else None)
    (found,) = fitting
    rows = sum(len(one.rows) for one in alike)
    if 0 < sum(found) < rows and _chance(found, alike, low, high) * partial > _CHANCE:
        return _nothing("a row in doubt that was placed, and done in part, could make the same sum")
    return _told(found, alike, rows)


def _group(doubts: Sequence[Entry], unit: Unit) -> list[_Alike]:
    prices: dict[Decimal, list[Entry]] = {}
    for one in doubts:
        if one.cost:
            prices.setdefault(without_noise(one.cost), []).append(one)
    return [_Alike.of(price, rows, unit) for price, rows in prices.items()]


def _choices(alike: Sequence[_Alike]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(len(one.rows) + 1) for one in alike))


def _fits(counts: Sequence[int], alike: Sequence[_Alike], low: Decimal, high: Decimal) -> bool:
    return _times(counts, [one.low for one in alike]) <= high and _times(counts, [one.high for one in alike]) >= low


def _times(counts: Sequence[int], prices: Sequence[Decimal]) -> Decimal:
    return total(EXACT.multiply(price, count) for count, price in zip(counts, prices, strict=True) if count)


def _chance(found: Sequence[int], alike: Sequence[_Alike], low: Decimal, high: Decimal) -> float:
    """How likely another choice has made the sum, if one of its orders got a part of its money back.

    One that got all of it back is no matter: it has cost nothing, as if it had not been placed.
    """
    chance = 0.0
    for counts in _choices(alike):
        most = EXACT.subtract(_times(counts, [one.high for one in alike]), low)
        least = EXACT.subtract(_times(counts, [one.low for one in alike]), high)
        for count, one in zip(counts, alike, strict=True):
            # What came back of it lies between the two, and is one of so many sums.
            if count and most > 0 and least < one.price:
                sums = 1 + float((most - max(least, Decimal(0))) / one.price) * one.parts
                chance += _ways(counts, alike) * count * min(1.0, sums / one.parts)
    return chance / _ways(found, alike)


def _ways(counts: Sequence[int], alike: Sequence[_Alike]) -> int:
    return math.prod(math.comb(len(one.rows), count) for count, one in zip(counts, alike, strict=True))


def _told(found: Sequence[int], alike: Sequence[_Alike], rows: int) -> Choice:
    paid: set[int] = set()
    not_paid: set[int] = set()
    is_clear = True
    for count, one in zip(found, alike, strict=True):
        numbers = {row.number for row in one.rows}
        if count == 0:
            not_paid |= numbers
        elif count == len(one.rows):
            paid |= numbers
        else:
            is_clear = False
    count = sum(found)
    if not count:
        note = "nothing is missing: none was charged, or all that was came back"
    elif is_clear:
        note = f"what is missing is the price of {count} of {rows}"
    else:
        note = f"what is missing is the price of {count} of {rows}, and their prices do not tell which"
    return Choice(frozenset(paid), frozenset(not_paid), count, note)


def _nothing(note: str, count: int | None = None) -> Choice:
    return Choice(frozenset(), frozenset(), count, note)
