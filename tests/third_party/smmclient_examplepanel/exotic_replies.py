"""From Exotic Panel's JSON to the values of smmclient; `Unreadable` where it cannot be read without guessing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from smmclient.catalog import Catalog, Problem, Service
from smmclient.dialect import Unreadable
from smmclient.dialect.read import read_count, read_id, read_money, read_order_state
from smmclient.model import Cancellation, OrderStatus, Receipt

__all__ = ["field", "number_in", "read_cancellation", "read_catalog", "read_receipt", "read_status", "without_token"]

T = TypeVar("T")


def without_token(told: object, token: str) -> object:
    """What the panel said, with the token taken out."""
    if isinstance(told, str):
        return re.sub(re.escape(token), "***", told, flags=re.IGNORECASE)
    if isinstance(told, dict):
        return {name: without_token(value, token) for name, value in told.items()}
    return [without_token(value, token) for value in told] if isinstance(told, list) else told


def field(told: object, name: str) -> object:
    """What stands under that name; raises `Unreadable` where nothing does."""
    if not isinstance(told, dict) or told.get(name) is None:
        raise Unreadable(f"the reply says nothing of {name}")
    return told[name]


def number_in(read: Callable[[object], T | None], told: object, name: str) -> T:
    """The number under that name."""
    if (number := read(field(told, name))) is None:
        raise Unreadable(f"the reply has no {name}")
    return number


def read_receipt(told: object) -> Receipt:
    """The receipt of an order that was made."""
    return Receipt(read_id(field(told, "number")), charge=read_money(field(told, "cost")), raw=told)


def read_status(order: str, row: object) -> OrderStatus:
    """Where an order stands."""
    word = str(field(row, "stage"))
    left = number_in(read_count, row, "left")
    return OrderStatus(
        order, read_order_state(word), word, charge=number_in(read_money, row, "cost"), remains=left, raw=row
    )


def read_cancellation(order: str, row: object) -> Cancellation:
    """The acceptance of a cancel."""
    if field(row, "stage") != "stopping":
        raise Unreadable("the row does not say that it is stopping")
    return Cancellation(order, raw=row)


def read_catalog(told: object, fetched_at: float) -> Catalog:
    """The goods, and the rows that could not be read."""
    if not isinstance(told, list):
        raise Unreadable("the catalog is not a list")
    services: list[Service] = []
    problems: list[Problem] = []
    for number, row in enumerate(told, 1):
        try:
            services.append(_read_service(row))
        except Unreadable as error:
            problems.append(Problem(number, None, str(error), raw=row))
    return Catalog(tuple(services), tuple(problems), fetched_at=fetched_at)


def _read_service(row: object) -> Service:
    rate = number_in(read_money, row, "per_thousand")
    least, most = number_in(read_count, row, "from"), number_in(read_count, row, "to")
    name = str(field(row, "title"))
    return Service(read_id(field(row, "item")), name, "Default", None, rate, least, most, raw=row)
