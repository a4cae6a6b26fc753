"""Panels that are a PHP script written by hand, with the catalogs that come with age."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from types import MappingProxyType

import msgspec

from ..messy import MESSY
from ..values import Account, Order, Reason, Refill, Service, State
from .convention import Dialect
from .forms import Body, discounted
from .refusals import refusals_with


class Php(Dialect):
    """PHP by hand: JSON that calls itself HTML, thousands separators, misspelt texts, and a messy catalog.

    From the sources of bot panels in Uzbekistan and of a Vietnamese panel; separators from a panel server that was
    run; the catalog's oddities from dumps of real ones. A refill is answered with 1, as two panels document:
    a ticket was taken, and there is no id to ask for.
    """

    content_type = "text/html; charset=UTF-8"
    currency = "UZS"
    exchange = Decimal(12_500)
    smallest = Decimal(1)
    opening_balance = Decimal(1_250_000)

    # Both words are those of panels that were read or run, though not of these.
    words = MappingProxyType({**Dialect.words, State.CANCELED: "Cancelled"})
    failed_word = "Refunded"
    refusals = refusals_with(
        {
            Reason.INVALID_KEY: "Incorrect API key",
            Reason.MISSING: "Missing parameters",
            # It means more.
            Reason.QUANTITY_ABOVE: "Quantity less than maximum {limit}",
            Reason.NOT_CANCELABLE: "Order cannot be cancelled",
        }
    )

    def refill_id(self, number: int, now: float, chance: Random) -> str:
        """Return an id that no customer ever sees."""
        return f"ticket-{number}"

    def shown_refill(self, refill: Refill) -> int:
        """Return 1."""
        return 1

    def refilled(self, refill: Refill) -> Body:
        """Return 1, whichever refill it is."""
        return {"refill": 1}

    def catalog(self) -> Mapping[int, Service]:
        """Return the services, and behind them those with all that is odd in real catalogs."""
        return {**super().catalog(), **MESSY}

    def amount(self, amount: Decimal) -> str:
        """Return the amount with thousands separators and five decimals."""
        return f"{amount:,.5f}"

    def service_row(self, service: Service, account: Account) -> dict[str, Body]:
        """Return a row whose types depend on who typed it in."""
        rate = discounted(service.rate, account.discount)
        row: dict[str, Body] = {
            "service": str(service.id),
            "name": service.name,
            "type": service.type,
            "category": service.category,
            # Prices with more digits than the text has can only be numbers.
            "rate": _number(rate) if service.id % 2 or rate != round(rate, 5) else self.amount(rate),
            "min": service.min if service.id % 3 else str(service.min),
            "max": service.max if service.id % 3 == 1 else str(service.max),
        }
        if not service.name:
            # A row with two ids, a null name and without a type, as one panel documents.
            row = {"ID": str(service.id + 45), **row, "name": None, "rate": self.amount(rate)}
            row |= {"min": str(service.min), "max": str(service.max), "currency": self.currency}
            del row["type"], row["category"]
            return row | _flags(service, 1)
        return row | _flags(service, service.id % 5)

    def added(self, order: Order) -> Body:
        """Return the id as a number, and what was charged as another."""
        return {"order": self.shown_id(order.id), "charge": int(order.charge), "currency": self.currency}


def _number(rate: Decimal) -> Body:
    """Return the rate as a number; a tiny one as programs write it, 1e-06."""
    return msgspec.Raw(repr(float(rate)).encode()) if 0 < rate < Decimal("0.0001") else rate


def _flags(service: Service, manner: int) -> dict[str, Body]:
    """Return the flags in one of the ways that panels write them; one way is not to."""
    flags: dict[str, Body] = {}
    for name, is_set in (("dripfeed", service.dripfeed), ("refill", service.refill), ("cancel", service.cancel)):
        flags[name] = (is_set, str(int(is_set)), int(is_set), str(is_set).lower(), is_set)[manner]
    if manner == 4:
        del flags["cancel"], flags["dripfeed"]
        # The terms of the refill in place of a yes.
        flags["refill"] = "30 дней" if service.refill else False
    return flags
