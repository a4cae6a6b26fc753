"""Figures in words for the page: amounts, durations, counts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from smmclient.bulk.export.digest import Purse

__all__ = ["amount", "amounts", "count_of", "duration", "purse_name", "seconds"]

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def amount(value: Decimal) -> str:
    """The amount, every digit of it, at least two decimals, in groups of three with thin spaces between.

    >>> amount(Decimal("12.500")), amount(Decimal("1E-6"))
    ('12.50', '0.000001')
    """
    whole, _, decimals = f"{value:,f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}".replace(",", "\u202f")


def amounts(sums: Mapping[str, Decimal], unknown: int = 0) -> str:
    """The amounts by currency in one line, and of how many rows nobody knows it.

    >>> amounts({"USD": Decimal(3)}, 2)
    '3.00 USD; of 2 rows not known'
    """
    told = ", ".join(f"{amount(value)} {currency}".rstrip() for currency, value in sums.items())
    missing = f"of {count_of(unknown, 'row')} not known" if unknown else ""
    return "; ".join(filter(None, (told, missing)))


def purse_name(purse: Purse) -> str:
    """The currency, or whose account it is where no currency was told."""
    panel, currency = purse
    return currency or f"{panel}'s currency".removeprefix("'s ")


def count_of(count: int, what: str) -> str:
    """The count with its noun, in the plural where it needs one."""
    return f"{count:,} {what}{'' if count == 1 else 's'}".replace(",", "\u202f")


def seconds(value: float) -> str:
    """A latency to three digits."""
    if value < 1:
        return f"{float(f'{value * 1000:.3g}'):.10g} ms"
    return f"{float(f'{value:.3g}'):.10g} s" if value < 100 else duration(value)


def duration(value: float) -> str:
    """A length of time in its two largest units.

    >>> duration(5400), duration(61.5), duration(0.4)
    ('1 h 30 min', '1 min 1 s', '< 1 s')
    """
    left = int(value)
    parts: list[str] = []
    for size, name in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return " ".join(parts[:2]) or "< 1 s"
