"""From the options of ``smm order`` to an order, and what it would cost. Pure."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Union, get_args, get_origin, get_type_hints

from attrs import NOTHING, fields

import smmclient.orders as kinds
from smmclient.cli.outcome import CallError
from smmclient.errors import InvalidOrder
from smmclient.model import Catalog
from smmclient.orders import AnyOrder, Order, RawOrder

__all__ = ["build_order", "check_bounds", "check_charge", "cost", "kind_names", "parse_fields"]

_KINDS: dict[str, type[AnyOrder]] = {
    name.removesuffix("Order").casefold() or "default": getattr(kinds, name)
    for name in kinds.__all__
    if name != "AnyOrder"
}
_NOT_LETTERS = re.compile(r"[^a-z]")


def kind_names() -> list[str]:
    """The short names that ``--type`` takes; the panel's own type names are taken too."""
    return sorted(_KINDS)


def parse_fields(given: Sequence[str]) -> dict[str, str]:
    """The fields of ``name=value`` texts; a name that is given again adds a line."""
    parsed: dict[str, str] = {}
    for text in given:
        name, found, value = text.partition("=")
        if not found or not name:
            raise InvalidOrder(f"--field takes name=value, not {text[:40]!r}")
        parsed[name] = f"{parsed[name]}\n{value}" if name in parsed else value
    return parsed


def build_order(kind: str | None, service: str, given: Mapping[str, str], coupon: str | None) -> AnyOrder:
    """The order of that kind; without a kind, an `Order` unless there are fields that it has not: then a `RawOrder`."""
    if kind is None:
        kind = "default" if given.keys() <= {one.name for one in fields(Order)} else "raw"
    order_class = _find_kind(kind)
    if order_class is RawOrder:
        return RawOrder(service, given, coupon=coupon)
    known = {one.name: one for one in fields(order_class) if one.name not in ("service", "coupon")}
    if unknown := given.keys() - known.keys():
        raise InvalidOrder(
            f"{', '.join(sorted(unknown))}: not a field of {order_class.type} orders, which have {', '.join(known)}"
        )
    if missing := [name for name, one in known.items() if one.default is NOTHING and name not in given]:
        raise InvalidOrder(f"{order_class.type} orders need {' and '.join(_option(name) for name in missing)}")
    hints = get_type_hints(order_class)
    values: dict[str, object] = {name: _value(name, text, hints[name]) for name, text in given.items()}
    make: Callable[..., AnyOrder] = order_class
    return make(service, **values, coupon=coupon)


def cost(order: AnyOrder, catalog: Catalog) -> Decimal | None:
    """What the order costs by the catalog; None where that cannot be known. An unknown service is an `InvalidOrder`."""
    service = catalog.get(order.service)
    if service is None:
        raise InvalidOrder(f"the catalog has no service {order.service}")
    return service.cost(order)


def check_bounds(order: AnyOrder, catalog: Catalog) -> None:
    """Raise `InvalidOrder` where a run of the order is below the service's min or above its max."""
    service = catalog.get(order.service)
    units = order.units
    # Some catalogs have min above max; such bounds say nothing.
    if service is None or units is None or service.min > service.max:
        return
    per_run = units // (getattr(order, "runs", None) or 1)
    if not service.min <= per_run <= service.max:
        raise InvalidOrder(f"service {service.id} takes {service.min} to {service.max} units, not {per_run}")


def check_charge(charge: Decimal | None, most: Decimal) -> None:
    """Raise a `UsageError` where the order costs more than ``most``, or where nobody can know."""
    if charge is None:
        raise CallError(
            "--max-charge: what this order costs cannot be known from the catalog",
            hint="nothing was sent; leave --max-charge out to order at the panel's price",
        )
    if charge > most:
        raise CallError(
            f"--max-charge: the order costs {charge:f} by the catalog, more than {most:f}", hint="nothing was sent"
        )


def _find_kind(kind: str) -> type[AnyOrder]:
    wanted = _NOT_LETTERS.sub("", kind.casefold())
    for name, order_class in _KINDS.items():
        if wanted in (name, _NOT_LETTERS.sub("", order_class.type.casefold()), f"{name}order"):
            return order_class
    raise InvalidOrder(f"--type {kind!r} is not known; there are {', '.join(kind_names())}")


def _option(name: str) -> str:
    return f"--{name}" if name in ("link", "quantity", "runs", "interval") else f"--field {name}=…"


def _value(name: str, text: str, annotation: object) -> object:
    if not _is_whole(annotation):
        return text
    if not (text.isascii() and text.isdigit()):
        raise InvalidOrder(f"{name} must be a whole number, not {text[:40]!r}")
    return int(text)


def _is_whole(annotation: object) -> bool:
    # ``int`` and ``int | None``; an ``int | str`` (a poll's answer) is sent as it is written.
    if get_origin(annotation) in (Union, types.UnionType):
        return int in get_args(annotation) and str not in get_args(annotation)
    return annotation is int
