"""How a dialect reads a form and writes an amount."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec
from attrs import field, frozen

from ..engine import Engine
from ..values import Reason, Refusal
from ..webhooks.outbox import Outbox

Body = object
"""Anything that JSON can carry; a Decimal is written as a number, NOTHING as no body at all."""

NOTHING = msgspec.Raw(b"")


@frozen(kw_only=True)
class Call:
    """One authenticated request: what was asked, by whom, and when."""

    engine: Engine
    outbox: Outbox = field(repr=False)
    account: str
    form: Mapping[str, str] = field(repr=False)
    now: float

    @property
    def key(self) -> str:
        """The key that the request was sent with."""
        return self.form.get("key", "").strip()

    def has(self, name: str) -> bool:
        """Return whether the field was sent with something in it."""
        return bool(self.form.get(name, "").strip())

    def text(self, name: str) -> str:
        """Return what the field holds; refuse the request if it was not sent or is blank."""
        value = self.form.get(name, "").strip()
        if not value:
            raise Refusal(Reason.MISSING, field=name)
        return value

    def number(self, name: str) -> int:
        """Return the whole number that the field holds; refuse anything else."""
        value = self.text(name)
        if not (value.isascii() and value.isdigit()) or len(value) > 18:
            raise Refusal(Reason.MALFORMED, field=name)
        return int(value)

    def ids(self, name: str, *, at_most: int, is_cut: bool = False) -> list[str]:
        """Return the ids of a comma-separated list, each once; too many are refused, or cut off without a word."""
        ids = list(dict.fromkeys(part.strip() for part in self.text(name).split(",") if part.strip()))
        if not ids:
            raise Refusal(Reason.MALFORMED, field=name)
        if len(ids) > at_most and is_cut:
            return ids[:at_most]
        if len(ids) > at_most:
            raise Refusal(Reason.TOO_MANY_IDS, field=name, limit=at_most)
        return ids


Handler = Callable[[Call], Body]


def money(amount: Decimal) -> str:
    """Return the amount as panels write it: plain digits, at least two of them after the point."""
    whole, _, fraction = f"{amount:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0'):0<2}"


def discounted(price: Decimal, percent: int) -> Decimal:
    """Return the price without the percentage."""
    return price * (100 - percent) / 100


def lines(call: Call, name: str) -> tuple[str, ...]:
    """Return the entries of a list, one per line, blank lines dropped."""
    return tuple(line.strip() for line in call.form.get(name, "").splitlines() if line.strip())
