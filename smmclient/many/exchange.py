"""Amounts of one currency in another, at rates that the caller gives. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Self

from attrs import frozen

from smmclient.errors import UsageError
from smmclient.exact import EXACT

__all__ = ["Exchange", "currency_code"]

#: ISO codes, and coins such as USDT.
_CODE = re.compile(r"[A-Z]{3,5}")
_LONGEST_RATE = 40


def currency_code(told: str | None) -> str | None:
    """The currency that a panel names, as a code; None for anything else: a bare ``$`` is several currencies.

    >>> currency_code(" usd "), currency_code("$")
    ('USD', None)
    """
    code = (told or "").strip().upper()
    return code if _CODE.fullmatch(code) else None


@frozen
class Exchange:
    """What one unit of each currency in ``rates`` is worth in ``base``."""

    base: str
    rates: Mapping[str, Decimal]

    @classmethod
    def of(cls, base: str | None, rates: Mapping[str, Decimal] | None) -> Self | None:
        """The exchange that a caller's ``base`` and ``rates`` are; None if there is neither. Raises `UsageError`."""
        if base is None and rates is None:
            return None
        if base is None or rates is None:
            raise UsageError("base and rates go together: base='USD', rates={'VND': Decimal('0.000039')}")
        if not isinstance(rates, Mapping):
            raise UsageError(f"rates are a mapping such as {{'VND': Decimal('0.000039')}}, not {rates!r:.100}")
        checked = {_code(name): _rate(name, rate) for name, rate in rates.items()}
        if len(checked) < len(rates) or (base := _code(base)) in checked:
            raise UsageError("a currency has two rates; the base needs none")
        return cls(base, checked)

    def knows(self, currency: str | None) -> bool:
        """Whether amounts in that currency can be put into the base's."""
        return currency is not None and (currency == self.base or currency in self.rates)

    def convert(self, amount: Decimal, currency: str | None) -> Decimal | None:
        """The amount in the base's currency, exact; None where no rate says what it is."""
        if currency is None or not self.knows(currency):
            return None
        return amount if currency == self.base else EXACT.multiply(amount, self.rates[currency])


def _code(name: object) -> str:
    code = currency_code(name) if isinstance(name, str) else None
    if code is None:
        raise UsageError(f"a currency is a code such as 'USD', not {name!r}")
    return code


def _rate(name: str, rate: object) -> Decimal:
    # A float has lost digits before it gets here.
    if isinstance(rate, bool) or not isinstance(rate, (Decimal, int)):
        raise UsageError(f"the rate of {name} must be a Decimal, not {type(rate).__name__}")
    rate = Decimal(rate)
    if not rate.is_finite() or rate <= 0 or len(rate.as_tuple().digits) > _LONGEST_RATE:
        raise UsageError(f"the rate of {name} must be above 0, with at most {_LONGEST_RATE} digits, not {rate:.10}")
    return rate
