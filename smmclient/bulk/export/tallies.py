"""Figures that stay small however many rows are counted: sums by currency, bins of time, buckets of latency."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Generic, TypeVar

from attrs import define, field

from smmclient.bulk.entry import RowState
from smmclient.exact import EXACT

__all__ = ["EXACT", "Bin", "First", "Latencies", "Sum", "Tally", "Timeline"]

_MOST_CURRENCIES = 8


@define
class Sum:
    """Money by currency; ``""`` where none was told. ``unknown`` counts the rows whose amount nobody knows."""

    known: dict[str, Decimal] = field(factory=dict)
    unknown: int = 0

    def add(self, amount: Decimal | None, currency: str) -> None:
        """Count one more row in."""
        if amount is None or (currency not in self.known and len(self.known) >= _MOST_CURRENCIES):
            self.unknown += 1
        else:
            self.known[currency] = EXACT.add(self.known.get(currency, Decimal(0)), amount)

    def named(self, currency: str) -> dict[str, Decimal]:
        """The sums, with what was told without a currency counted as that one."""
        return add_up(self.known, currency)


def add_up(amounts: Mapping[str, Decimal], currency: str) -> dict[str, Decimal]:
    """The amounts by currency, with those without one counted as ``currency``."""
    sums: dict[str, Decimal] = {}
    for name, amount in amounts.items():
        sums[name or currency] = EXACT.add(sums.get(name or currency, Decimal(0)), amount)
    return sums


@define
class Tally:
    """What became of some rows, and of their money. ``at_risk`` is the price of those in doubt."""

    states: Counter[RowState] = field(factory=Counter)
    spent: Sum = field(factory=Sum)
    returned: Sum = field(factory=Sum)
    at_risk: Sum = field(factory=Sum)

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return self.states.total()

    @property
    def left(self) -> int:
        """How many rows have no outcome yet."""
        return self.states[RowState.PENDING] + self.states[RowState.SENDING]


T = TypeVar("T")


@define
class First(Generic[T]):
    """The first so many, and how many there were in all."""

    most: int
    kept: list[T] = field(factory=list)
    total: int = 0

    def add(self, item: T) -> None:
        """Count one more, and keep it while there is room."""
        self.total += 1
        if len(self.kept) < self.most:
            self.kept.append(item)


@define
class Bin:
    """What was sent in a stretch of time. ``spent`` is by panel and currency."""

    placed: int = 0
    refused: int = 0
    doubt: int = 0
    spent: dict[tuple[str, str], Decimal] = field(factory=dict)

    def pay(self, purse: tuple[str, str], amount: Decimal) -> None:
        """Count the money in."""
        self.spent[purse] = EXACT.add(self.spent.get(purse, Decimal(0)), amount)

    def take_in(self, other: Bin) -> None:
        """Count in all that another bin has."""
        self.placed += other.placed
        self.refused += other.refused
        self.doubt += other.doubt
        for purse, amount in other.spent.items():
            self.pay(purse, amount)


#: Widths in seconds, each a multiple of the one before, so that whole bins fall together.
_WIDTHS = (1, 2, 10, 30, 60, 120, 600, 1800, 3600, 7200, 21600, 43200, 86400)


@define
class Timeline:
    """Bins of one width that grows when there are too many, so that one pass does, in whatever order rows come."""

    most: int = 120
    width: int = _WIDTHS[0]
    bins: dict[int, Bin] = field(factory=dict)

    def at(self, seconds: float) -> Bin:
        """The bin of that moment."""
        while True:
            index = math.floor(seconds / self.width)
            if index in self.bins:
                return self.bins[index]
            if max(index, *self.bins, index) - min(index, *self.bins, index) < self.most:
                return self.bins.setdefault(index, Bin())
            self._widen()

    def span(self) -> range:
        """The indexes from the first bin to the last; times ``width`` they are seconds since the epoch."""
        return range(min(self.bins), max(self.bins) + 1) if self.bins else range(0)

    def _widen(self) -> None:
        wider = next((width for width in _WIDTHS if width > self.width), self.width * 2)
        bins, self.bins = self.bins, {}
        for index, one in bins.items():
            self.bins.setdefault(index * self.width // wider, Bin()).take_in(one)
        self.width = wider


_PER_DECADE = 24
_SHORTEST = 0.001
_BUCKETS = 8 * _PER_DECADE


@define
class Latencies:
    """Durations from a millisecond to a day, in buckets that are each 10 % wider than the one before."""

    counts: list[int] = field(factory=lambda: [0] * _BUCKETS)

    def add(self, seconds: float) -> None:
        """Count one in."""
        place = math.floor(math.log10(seconds / _SHORTEST) * _PER_DECADE) if seconds > _SHORTEST else 0
        self.counts[min(max(place, 0), _BUCKETS - 1)] += 1

    @property
    def total(self) -> int:
        """How many were counted."""
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """The latency that this share of all stayed within, to 5 %; None where there are none."""
        wanted, seen = max(math.ceil(share * self.total), 1), 0
        for place, count in enumerate(self.counts):
            seen += count
            if seen >= wanted:
                return _SHORTEST * math.pow(10, (place + 0.5) / _PER_DECADE)
        return None

    def buckets(self, joined: int = 2) -> list[tuple[float, float, int]]:
        """(from, to, count) over the decades that were met, with ``joined`` buckets made one."""
        met = [place for place, count in enumerate(self.counts) if count]
        if not met:
            return []
        start = met[0] // _PER_DECADE * _PER_DECADE
        stop = (met[-1] // _PER_DECADE + 1) * _PER_DECADE
        return [
            (
                _SHORTEST * 10.0 ** (place / _PER_DECADE),
                _SHORTEST * 10.0 ** ((place + joined) / _PER_DECADE),
                sum(self.counts[place : place + joined]),
            )
            for place in range(start, stop, joined)
        ]
