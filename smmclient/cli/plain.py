"""Values as plain JSON, and panel text that is safe to print. Pure.

In JSON, money is text (no program may read it as a float), ids are text, enums are their value, and every
character outside ASCII is escaped, so that nothing a panel sends can act on a terminal.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import json
from decimal import Decimal
from typing import TYPE_CHECKING

from attrs import evolve, fields, has

from smmclient.catalog import Catalog
from smmclient.errors import SMMError
from smmclient.texts import clean

if TYPE_CHECKING:
    from attrs import AttrsInstance
    from cattrs import Converter

__all__ = ["clean", "money", "problem", "to_json"]


#: No sum of money that anybody has is longer.
_MOST_DIGITS = 60


def money(amount: Decimal | None, currency: str | None = None) -> str:
    """The amount in plain digits, never ``1E-6``, with its currency; empty where it is not known.

    >>> money(Decimal("1E-6"), "USD")
    '0.000001 USD'
    """
    if amount is None:
        return ""
    # What is no amount of any money, such as 1E+99999999, would be written with as many digits.
    plain = f"{amount:f}" if amount.is_finite() and abs(amount.adjusted()) <= _MOST_DIGITS else str(amount)
    return f"{plain} {clean(currency)}" if currency else plain


def problem(error: SMMError, *, exit_code: int) -> dict[str, object]:
    """What went wrong as the value of ``"error"``: class, message, which call, and what the class knows more."""
    # The class as `smmclient.errors` has it, so that programs can tell; a provider may raise one of its own.
    family = next(cls.__name__ for cls in type(error).__mro__ if cls.__module__ == SMMError.__module__)
    told: dict[str, object] = {"type": family, "message": error.message, "exit_code": exit_code}
    told["retryable"] = error.retryable
    for name in (
        "provider",
        "operation",
        "request_id",
        "safe_to_repeat",
        "text",
        "http_status",
        "retry_after",
        "denied_by",
        "excerpt",
    ):
        if (value := getattr(error, name, None)) is not None:
            told[name] = value
    return told


def to_json(value: object, *, indent: int | None = 2) -> str:
    """The value as JSON text in ASCII; ``raw`` replies are left out.

    >>> from smmclient.model import Receipt
    >>> to_json(Receipt("ord_1", charge=Decimal("0.50")), indent=None)
    '{"order": "ord_1", "request_id": null, "charge": "0.50", "original_price": null, "discount": null}'
    """
    return json.dumps(_converter().unstructure(value), indent=indent, allow_nan=False)


@functools.cache
def _converter() -> Converter:
    from cattrs import Converter

    converter = Converter()

    def without_raw(value: AttrsInstance) -> dict[str, object]:
        shown = (one for one in fields(type(value)) if one.init and one.name != "raw")
        return {one.name: converter.unstructure(getattr(value, one.name)) for one in shown}

    converter.register_unstructure_hook(Decimal, money)
    converter.register_unstructure_hook(enum.Enum, lambda member: member.value)
    converter.register_unstructure_hook(dt.date, lambda date: date.isoformat())
    converter.register_unstructure_hook_func(has, without_raw)
    # A Catalog is a Sequence too: said outright, or it would be written as a bare list.
    converter.register_unstructure_hook(Catalog, lambda one: without_raw(evolve(one, services=tuple(one))))
    return converter
