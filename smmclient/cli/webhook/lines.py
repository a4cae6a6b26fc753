"""Events as lines: for people, for pipes, and as flat JSON objects. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from smmclient.cli.plain import clean, money
from smmclient.model import OrderStatus
from smmclient.webhooks import BalanceLow, OrderEvent, WebhookEvent

__all__ = ["HEADINGS", "as_cells", "as_line", "as_record", "counted", "moment"]

#: ``amount`` is an order's charge, or what is left of the balance.
HEADINGS = ("time", "event", "order", "state", "amount", "currency", "remains", "id", "proof")
#: A cell that is longer is nobody's id or word.
_LONGEST = 100


def as_cells(event: WebhookEvent | None, *, is_verified: bool) -> tuple[str, ...]:
    """The cells of an event under `HEADINGS`; None is a delivery that is no event as the scheme reads it."""
    proof = "verified" if is_verified else "unverified"
    if event is None:
        return ("", "(not understood)", *[""] * (len(HEADINGS) - 3), proof)
    status = _status_of(event)
    amount, currency = _amount_of(event)
    told = (
        moment(event.sent_at),
        event.name,
        getattr(event, "order", None),
        None if status is None else status.state.value,
        money(amount),
        currency,
        None if status is None else status.remains,
        event.id,
    )
    return (*(_short("" if one is None else clean(one)) for one in told), proof)


def as_line(event: WebhookEvent | None, *, is_verified: bool) -> str:
    """The event as a line for people; that it is verified is said by saying nothing."""
    cells = list(as_cells(event, is_verified=is_verified))
    amount, currency = cells[4:6]
    cells[4:6] = [f"{amount} {currency}".strip()]
    if cells[5]:
        cells[5] += " remain"
    if is_verified:
        cells.pop()
    return "  ".join(cell for cell in cells if cell)


def as_record(event: WebhookEvent | None, *, is_verified: bool) -> dict[str, object]:
    """The event as an object of one shape; what is not known is null, ``payload`` is the body as it was read."""
    status = None if event is None else _status_of(event)
    return {
        "event": None if event is None else event.name,
        "id": None if event is None else event.id,
        "sent_at": None if event is None else event.sent_at,
        "order": getattr(event, "order", None),
        "state": None if status is None else status.state.value,
        "charge": None if status is None else status.charge,
        "start_count": None if status is None else status.start_count,
        "remains": None if status is None else status.remains,
        "balance": event.balance if isinstance(event, BalanceLow) else None,
        "currency": None if event is None else _amount_of(event)[1],
        "verified": is_verified,
        "payload": None if event is None else event.raw,
    }


def counted(count: int, what: str) -> str:
    """So many of something.

    >>> counted(1, "look"), counted(2, "delivery")
    ('1 look', '2 deliveries')
    """
    if count == 1:
        return f"1 {what}"
    return f"{count} {what.removesuffix('y')}ies" if what.endswith("y") else f"{count} {what}s"


def moment(seconds: float | None) -> str:
    """A time in UTC, to the second; empty where there is none, or none that a calendar has.

    >>> moment(0.0), moment(1e12)
    ('1970-01-01 00:00:00 UTC', '')
    """
    if seconds is None:
        return ""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return ""


def _status_of(event: WebhookEvent) -> OrderStatus | None:
    return event.status if isinstance(event, OrderEvent) else None


def _amount_of(event: WebhookEvent) -> tuple[Decimal | None, str | None]:
    if isinstance(event, BalanceLow):
        return event.balance, event.currency
    status = _status_of(event)
    return (None, None) if status is None else (status.charge, status.currency)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
