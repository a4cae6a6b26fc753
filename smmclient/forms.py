"""Orders from texts and back: what a command line, a file of orders and a journal hold. Pure.

The texts are the parameters of ``action=add``: `AnyOrder.parameters` writes them, `build_order` reads them.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import Callable, Mapping
from typing import Union, cast, get_args, get_origin, get_type_hints

from attrs import NOTHING, fields

import smmclient.orders as kinds
from smmclient.catalog import Service
from smmclient.errors import InvalidOrder
from smmclient.orders import AnyOrder, RawOrder

__all__ = ["FIELDS", "build_order", "check_bounds", "kind_names", "kind_of", "kind_of_type"]

_KINDS: dict[str, type[AnyOrder]] = {
    name.removesuffix("Order").casefold() or "default": getattr(kinds, name)
    for name in kinds.__all__
    if name != "AnyOrder"
}
_NAMES = {order_class: name for name, order_class in _KINDS.items()}

#: Every field of every kind but `RawOrder`, in the order in which they are met first.
FIELDS: tuple[str, ...] = tuple(
    dict.fromkeys(one.name for kind in _KINDS.values() if kind is not RawOrder for one in fields(kind))
)


def kind_names() -> list[str]:
    """The short names of the kinds, such as ``default`` and ``comments``."""
    return sorted(_KINDS)


def kind_of(order: AnyOrder) -> str:
    """The short name of an order's kind; with its `AnyOrder.parameters` it makes the order again."""
    return _NAMES[type(order)]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


_KIND_BY_NAME = {
    **{_plain(order_class.type): kind for kind, order_class in _KINDS.items() if order_class.type},
    **{spelled: kind for kind in _KINDS for spelled in (kind, f"{kind}order")},
    # Seen in catalogs; a drip-feed is a Default order with runs.
    "customcomment": "comments",
    "dripfeed": "default",
}


@functools.lru_cache(maxsize=1024)
def kind_of_type(name: str) -> str | None:
    """The short name of a kind by its own or by the panel's name of a service type; None if no kind has it for certain.

    Case, blanks and punctuation make no difference. Numbers say nothing: panels number their types differently.

    >>> kind_of_type("Custom Comments"), kind_of_type("custom_comments"), kind_of_type("Likes spread")
    ('comments', 'comments', None)
    """
    return _KIND_BY_NAME.get(_plain(name))


def build_order(kind: str | None, given: Mapping[str, str]) -> AnyOrder:
    """The order of that kind with those parameters, ``service`` among them.

    Without a kind it is an `Order`, unless there are parameters that it has not: then a `RawOrder`. Raises
    `InvalidOrder`, whose ``field`` says which.
    """
    service = given.get("service", "")
    rest = {name: text for name, text in given.items() if name not in ("service", "coupon")}
    if kind is None:
        kind = "default" if rest.keys() <= _known("default").keys() else "raw"
    if (name := kind_of_type(kind)) is None:
        raise InvalidOrder(f"type {kind!r} is not known; there are {', '.join(kind_names())}", field="type")
    order_class = _KINDS[name]
    if order_class is RawOrder:
        return RawOrder(service, rest, coupon=given.get("coupon"))
    known = _known(name)
    if unknown := sorted(rest.keys() - known.keys()):
        raise InvalidOrder(
            f"{', '.join(unknown)}: not a field of {order_class.type} orders, which have {', '.join(known)}",
            field=unknown[0],
        )
    if missing := [one for one, is_needed in known.items() if is_needed and one not in rest]:
        raise InvalidOrder(f"{order_class.type} orders need {' and '.join(missing)}", field=missing[0])
    whole = _whole_fields(name)
    values: dict[str, object] = {one: _count(one, text) if one in whole else text for one, text in rest.items()}
    make = cast("Callable[..., AnyOrder]", order_class)
    return make(service, **values, coupon=given.get("coupon"))


def check_bounds(order: AnyOrder, service: Service) -> None:
    """Raise `InvalidOrder` where a run of the order is below the service's min or above its max."""
    units = order.units
    # Some catalogs have min above max; such bounds say nothing.
    if units is None or service.min > service.max:
        return
    per_run = units // (getattr(order, "runs", None) or 1)
    if not service.min <= per_run <= service.max:
        raise InvalidOrder(
            f"service {service.id} takes {service.min} to {service.max} units, not {per_run}", field=order.counted_by
        )


@functools.cache
def _known(kind: str) -> dict[str, bool]:
    """The fields of a kind but for service and coupon, and whether each is needed."""
    return {one.name: one.default is NOTHING for one in fields(_KINDS[kind]) if one.name not in ("service", "coupon")}


@functools.cache
def _whole_fields(kind: str) -> frozenset[str]:
    hints = get_type_hints(_KINDS[kind])
    return frozenset(name for name in _known(kind) if _is_whole(hints[name]))


def _is_whole(annotation: object) -> bool:
    # ``int`` and ``int | None``; an ``int | str`` (a poll's answer) is sent as it is written.
    if get_origin(annotation) in (Union, types.UnionType):
        return int in get_args(annotation) and str not in get_args(annotation)
    return annotation is int


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InvalidOrder(f"{name} must be a whole number, not {text[:40]!r}", field=name)
    return int(text)
