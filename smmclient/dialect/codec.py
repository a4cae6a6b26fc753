"""From decoded JSON to the values of `smmclient.model`, for every shape that panels were seen to answer with."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

from smmclient.dialect.classify import order_in, order_row, says_no
from smmclient.dialect.read import (
    Unreadable,
    read_count,
    read_id,
    read_money,
    read_order_state,
    read_refill_state,
    read_text,
)
from smmclient.dialect.structure import structure
from smmclient.errors import NotCancelable, NotRefillable, UnknownRefill
from smmclient.model import (
    Cancellation,
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
    "read_status",
    "unwrap",
]

T = TypeVar("T")


def unwrap(payload: object, *names: str) -> object:
    """What stands under the first of the names, where the payload is an object that has one."""
    if isinstance(payload, dict):
        for name in names:
            if isinstance(inner := payload.get(name), (dict, list)):
                return inner
    return payload


# ------------------------------------------------------------------------------------------- add and balance


def read_receipt(payload: object, *, request_id: str | None, charge_field: str) -> Receipt:
    """The receipt of a placed order. Prices that cannot be read are None: the order stands all the same."""
    order = read_id(order_in(payload))
    if order.strip("0") == "" or not any(map(str.isdigit, order)):
        # {"order": "success"}
        raise Unreadable(f"the reply has {order[:40]!r} for an order id")
    row = order_row(payload)
    if says_no(row) or (payload is not row and isinstance(payload, dict) and says_no(payload)):
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
    try:
        return OrderStatus(
            order,
            read_order_state(word),
            word.strip(),
            read_money(row.get("charge")),
            read_count(row.get("start_count")),
            read_count(row.get("remains")),
            read_text(row.get("currency")),
            row,
        )
    except Unreadable:
        # Once more, the slow way: it names the field.
        return structure({**row, "order": order, "state": word, "raw_state": word, "raw": row}, OrderStatus)


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
