"""From decoded JSON to the values of `smmclient.model`, for every shape that panels were seen to answer with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

import cattrs
from attrs import evolve

from smmclient.catalog import Problem, Service
from smmclient.dialect.classify import order_in, order_row, says_no
from smmclient.dialect.read import (
    Unreadable,
    read_count,
    read_flag,
    read_id,
    read_money,
    read_order_state,
    read_refill_state,
    read_text,
)
from smmclient.errors import NotCancelable, NotRefillable, UnknownRefill
from smmclient.model import (
    Cancellation,
    OrderState,
    OrderStatus,
    Receipt,
    Refill,
    RefillState,
    RefillStatus,
)

__all__ = [
    "read_balance",
    "read_cancellation",
    "read_receipt",
    "read_refill",
    "read_refill_status",
    "read_services",
    "read_status",
    "unwrap",
]

T = TypeVar("T")


def _needed(read: Callable[[object], T | None]) -> Callable[[object, object], T]:
    def structure(value: object, _: object) -> T:
        if (result := read(value)) is None:
            raise Unreadable("it is missing")
        return result

    return structure


_converter = cattrs.Converter()
_converter.register_structure_hook(Decimal, _needed(read_money))
_converter.register_structure_hook(int, _needed(read_count))
_converter.register_structure_hook(str, lambda value, _: read_text(value) or "")
_converter.register_structure_hook(Decimal | None, lambda value, _: read_money(value))
_converter.register_structure_hook(int | None, lambda value, _: read_count(value))
_converter.register_structure_hook(bool | None, lambda value, _: read_flag(value))
_converter.register_structure_hook(str | None, lambda value, _: read_text(value))
_converter.register_structure_hook(OrderState, lambda word, _: read_order_state(word))
_converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)


def _structure(fields: Mapping[str, object], kind: type[T]) -> T:
    """A value from a row's fields; `Unreadable` names the field that could not be read."""
    try:
        return _converter.structure(fields, kind)
    except cattrs.ClassValidationError as errors:
        groups, _ = errors.group_exceptions()
        error, note = groups[0]
        if isinstance(error, KeyError):
            raise _BadField(str(error.args[0]), "it is missing") from None
        if not isinstance(error, Unreadable):
            raise
        raise _BadField(note.name, str(error)) from None


class _BadField(Unreadable):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


def unwrap(payload: object, *names: str) -> object:
    """What stands under the first of the names, where the payload is an object that has one."""
    if isinstance(payload, dict):
        for name in names:
            if isinstance(inner := payload.get(name), (dict, list)):
                return inner
    return payload


# ---------------------------------------------------------------------------------------------------- services

_SERVICE_IDS = ("service", "serviceId", "id", "ID")


def read_services(
    payload: object, *, packages_bill_min: bool = False
) -> tuple[tuple[Service, ...], tuple[Problem, ...]]:
    """The services and the rows that could not be read."""
    rows = unwrap(payload, "services", "data", "value")
    if not isinstance(rows, list):
        raise Unreadable("the catalog is not a list")
    services: list[Service] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows, 1):
        try:
            services.append(_read_service(row, packages_bill_min=packages_bill_min))
        except _BadField as bad:
            problems.append(Problem(number, bad.name, bad.reason, raw=row))
        except Unreadable as bad:
            problems.append(Problem(number, None, str(bad), raw=row))
    return tuple(services), tuple(problems)


def _read_service(row: object, *, packages_bill_min: bool) -> Service:
    if not isinstance(row, dict):
        raise Unreadable("the row is not an object")
    given = next((row[name] for name in _SERVICE_IDS if row.get(name) is not None), None)
    try:
        service_id = read_id(given)
    except Unreadable as error:
        raise _BadField("service", str(error)) from None
    fields = {"name": None, "type": None, "category": None, **row, "id": service_id, "raw": row}
    fields["package_units"] = row.get("min") if packages_bill_min else None
    if row.get("rate1K") is not None:
        # One panel tells the price of a single unit in "rate", and this beside it.
        fields["rate"] = row["rate1K"]
    return _structure(fields, Service)


# ------------------------------------------------------------------------------------------- add and balance


def read_receipt(payload: object, *, request_id: str | None, charge_field: str) -> Receipt:
    """The receipt of a placed order. Prices that cannot be read are None: the order stands all the same."""
    order = read_id(order_in(payload))
    if order.strip("0") == "":
        raise Unreadable("the reply has 0 for an order id")
    row = order_row(payload)
    if says_no(row) or (isinstance(payload, dict) and says_no(payload)):
        raise Unreadable("the reply has an order id, and calls itself a failure")
    return Receipt(
        order=order,
        request_id=request_id,
        charge=_price(row.get(charge_field)),
        original_price=_price(row.get("original_price")),
        discount=_price(row.get("discount")),
        raw=payload,
    )


def _price(value: object) -> Decimal | None:
    try:
        return read_money(value)
    except Unreadable:
        return None


def read_balance(payload: object) -> tuple[Decimal, str | None, object]:
    """The amount, its currency and the object they stand in."""
    payload = payload if isinstance(payload, dict) and "balance" in payload else unwrap(payload, "data")
    if not isinstance(payload, dict) or (amount := read_money(payload.get("balance"))) is None:
        raise Unreadable("the reply has no balance")
    return amount, read_text(payload.get("currency")), payload


# --------------------------------------------------------------------------------- one row about one order or refill


def read_status(order: str, row: object) -> OrderStatus:
    """The status of one order from its row."""
    row = {"status": row} if isinstance(row, str) else row
    if not isinstance(row, dict) or not isinstance(word := row.get("status"), str) or not word.strip():
        raise Unreadable("the row has no status")
    status = _structure({**row, "order": order, "state": word, "raw_state": word, "raw": None}, OrderStatus)
    return evolve(status, raw=row)


def read_refill(order: str, row: object) -> Refill:
    """The refill of one order from its row: an id, 1, or the order's own id."""
    if isinstance(row, dict):
        given = row.get("refill")
        several = row.get("refills")
        if given is None and isinstance(several, list) and len(several) == 1:
            given = several[0]
    else:
        given = row
    if given is True:
        return Refill(order, "true", raw=row)
    if given is False or given == 0 or given == "0":
        raise NotRefillable(f"the panel answered refill: {given}", raw=row)
    refill = read_id(given)
    if not any(map(str.isdigit, refill)):
        raise Unreadable(f"the panel answered refill: {refill}, which is no id")
    return Refill(order, refill, raw=row)


def read_refill_status(refill: str, row: object) -> RefillStatus:
    """The status of one refill from its row."""
    word = row.get("status") if isinstance(row, dict) else row
    if not isinstance(word, str) or not word.strip():
        raise Unreadable("the row has no status")
    state = read_refill_state(word)
    # [{"refill": "8", "status": "Not found"}]: one panel reports an unknown refill as a status.
    if state is RefillState.UNKNOWN and "not found" in word.casefold():
        raise UnknownRefill(word, raw=row)
    return RefillStatus(refill, state, word, raw=row)


#: Words that say that a cancel was accepted.
_ACCEPTED = frozenset(
    {"1", "true", "yes", "ok", "success", "accepted", "requested", "pending", "processing", "canceled", "cancelled"}
)


def read_cancellation(order: str, row: object) -> Cancellation:
    """The acceptance of one cancel from its row: 1, true, an id, ``"requested"``, or a flag of success."""
    answers = {"cancel": row} if not isinstance(row, dict) else row
    for name in ("cancel", "success", "ok", "status"):
        if (value := answers.get(name)) is None:
            continue
        if isinstance(value, str) and value.strip().casefold() in _ACCEPTED:
            return Cancellation(order, raw=row)
        if value is True or (name == "cancel" and _is_id(value)):
            # {"cancel": 45} is the id of a request, or of the order.
            return Cancellation(order, raw=row)
        if value is False or str(value).strip().casefold() in ("0", "false", "no"):
            raise NotCancelable(f"the panel answered {name}: {value}", raw=row)
        raise Unreadable(f"the panel answered {name}, but neither that it accepted the cancel nor that it did not")
    raise Unreadable("the row says neither that the cancel was accepted nor that it was not")


def _is_id(value: object) -> bool:
    try:
        text = read_id(value)
    except Unreadable:
        return False
    return text != "0" and any(map(str.isdigit, text))
