"""What a delivery says, as events. Where its fields are is UNKNOWN at any panel, so the `Scheme` names them.

What cannot be read without a guess is None: the order is then to be asked about, and the event is still worth having.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal

from attrs import field, frozen

from smmclient.dialect.codec import read_status
from smmclient.dialect.read import Unreadable, read_id, read_json, read_money, read_text
from smmclient.errors import WebhookRejected
from smmclient.model import OrderState, OrderStatus
from smmclient.webhooks.scheme import Scheme
from smmclient.webhooks.signing import Verified
from smmclient.webhooks.times import read_time

__all__ = ["BalanceLow", "OrderEvent", "WebhookEvent", "identity", "parse"]

_OURS = Scheme()
_LONGEST_NAME = 100
#: One way to write each value; decimals as text.
_written = json.JSONEncoder(sort_keys=True, default=str).encode


@frozen
class WebhookEvent:
    """Something that the panel told: its word for it, its id, and when it was, as far as it said.

    ``id`` is the payload's, else the delivery's. ``sent_at`` is in seconds since the epoch. ``raw`` is the payload.
    """

    name: str
    id: str | None = None
    sent_at: float | None = None
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class OrderEvent(WebhookEvent):
    """Something happened to ``order``.

    ``status`` is there only for two names, ``order.completed`` with a row that is completed, and ``order.refunded``
    with one that has ended otherwise, and only if the payload holds the row with a state and a charge that can be read
    as in a reply to ``action=status``. It is None for every other name, ``order.failed`` too, because a refund may
    follow, and where the payload names a second order. Then ask `order_status`.
    """

    order: str = field(kw_only=True)
    status: OrderStatus | None = field(default=None, kw_only=True)


@frozen
class BalanceLow(WebhookEvent):
    """The account runs out of money; ``balance`` is what is left, if the panel said it."""

    balance: Decimal | None = field(default=None, kw_only=True)
    currency: str | None = field(default=None, kw_only=True)


def parse(body: bytes, *, scheme: Scheme = _OURS, verified: Verified | None = None) -> WebhookEvent:
    """The event that a verified delivery's body holds: an `OrderEvent`, a `BalanceLow`, or a plain `WebhookEvent`.

    Raises `WebhookRejected` (``check="payload"``) for a body that is no JSON object with the name of an event.

    >>> parse(b'{"event": "order.completed", "id": "evt_1", "data": {"order": "ord_7"}}').order
    'ord_7'
    """
    payload = _object_in(body)
    told = first(payload, scheme.event_fields)
    name = told.strip() if isinstance(told, str) else ""
    if not name or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise WebhookRejected(f"the body names no event in {' or '.join(scheme.event_fields)}", check="payload")
    event_id = _id(first(payload, scheme.id_fields)) or (verified.id if verified is not None else None)
    sent_at = _moment(first(payload, scheme.time_fields), scheme)
    if sent_at is None and verified is not None:
        sent_at = verified.timestamp
    about = _about(payload, scheme)
    if name.startswith("order.") and (order := _order_in(about, scheme)) is not None:
        is_sure = all(_orders_in(place, scheme) <= {order} for place in _places(payload, scheme))
        status = _status_in(name, order, about, scheme) if is_sure else None
        return OrderEvent(name, event_id, sent_at, raw=payload, order=order, status=status)
    if name == "balance.low":
        balance = _money(first(about, scheme.balance_fields))
        return BalanceLow(name, event_id, sent_at, raw=payload, balance=balance, currency=_word(about.get("currency")))
    return WebhookEvent(name, event_id, sent_at, raw=payload)


def identity(event: WebhookEvent, *, scheme: Scheme = _OURS) -> str | None:
    """What stands for the event in a replay guard, whatever signature it comes with; None if it has no id.

    What it is about belongs to it: what a panel calls an id may be an order's, or the same for all that it sends.
    """
    if event.id is None or not isinstance(event.raw, dict):
        return None
    about = first(event.raw, scheme.data_fields)
    try:
        told = _written([event.name, event.id, event.raw if about is None else about])
    except RecursionError:
        return None
    return hashlib.sha256(b"smmclient.webhooks.event\0" + told.encode()).hexdigest()


def first(fields: Mapping[str, object], names: Iterable[str]) -> object:
    """What stands under the first of the names that is there."""
    for name in names:
        if (found := fields.get(name)) is not None:
            return found
    return None


def _object_in(body: bytes) -> dict[str, object]:
    payload: object = None
    with suppress(Unreadable):
        payload = read_json(bytes(body))
    if not isinstance(payload, dict):
        raise WebhookRejected("the body is no JSON object", check="payload")
    return payload


def _about(payload: dict[str, object], scheme: Scheme) -> dict[str, object]:
    """The object that the event is about; the payload itself where it is flat."""
    inner = first(payload, scheme.data_fields)
    return inner if isinstance(inner, dict) else payload


def _places(payload: dict[str, object], scheme: Scheme) -> list[dict[str, object]]:
    """All objects in which an order may be named: the payload itself, and what stands in it for data."""
    inner = [payload.get(name) for name in scheme.data_fields]
    return [payload, *(one for one in inner if isinstance(one, dict))]


def _order_in(about: Mapping[str, object], scheme: Scheme) -> str | None:
    """The one order that is named there; None where there is none, or a second one with the same right."""
    named = _orders_in(about, scheme) - {None}
    return named.pop() if len(named) == 1 else None


def _orders_in(fields: Mapping[str, object], scheme: Scheme) -> set[str | None]:
    """The orders that an object names, under any of the names; None stands for what is no id."""
    found: set[str | None] = set()
    for name in scheme.order_fields:
        told = fields.get(name)
        if isinstance(told, dict):
            # {"data": {"order": {"id": "ord_1", "status": …}}}
            inner = [told[one] for one in (*scheme.order_fields, "id") if told.get(one) is not None]
            found |= {_id(one) for one in inner or [None]}
        elif told is not None:
            found.add(_id(told))
    return found


def _status_in(name: str, order: str, about: Mapping[str, object], scheme: Scheme) -> OrderStatus | None:
    nested = first(about, scheme.order_fields)
    row = nested if isinstance(nested, dict) else about
    if not isinstance(row.get("status"), str):
        return None
    try:
        status = read_status(order, row)
    except Unreadable:
        return None
    is_told = status.state is not OrderState.UNKNOWN and status.charge is not None and status.charge >= 0
    return status if is_told and _fits(name, status.state) else None


def _fits(name: str, state: OrderState) -> bool:
    """Whether the event's name says that the order has ended as its row has it.

    Not after a failure, which a refund may follow within the second, and not for names that nobody documented:
    "order.refill_completed" has a row that is completed too, and it is not the order's.
    """
    if name == "order.completed":
        return state is OrderState.COMPLETED
    return name == "order.refunded" and state.is_final and state is not OrderState.COMPLETED


def _id(value: object) -> str | None:
    try:
        return read_id(value)
    except Unreadable:
        return None


def _money(value: object) -> Decimal | None:
    try:
        return read_money(value)
    except Unreadable:
        return None


def _word(value: object) -> str | None:
    try:
        return read_text(value)
    except Unreadable:
        return None


def _moment(value: object, scheme: Scheme) -> float | None:
    """The time that a field of the body tells, in the scheme's own format or in ISO 8601, which cannot be mistaken."""
    found = read_time(value, scheme.timestamp_format)
    return read_time(value, "iso8601") if found is None else found
