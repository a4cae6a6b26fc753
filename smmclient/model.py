"""What a panel's replies say, normalised, with the decoded reply kept beside it in ``raw``.

Ids are text, money is `Decimal`, times are seconds since the epoch. None means that the panel did not say.
"""

from __future__ import annotations

import enum
from decimal import Decimal

from attrs import field, frozen

__all__ = [
    "Balance",
    "Cancellation",
    "OrderState",
    "OrderStatus",
    "Receipt",
    "Refill",
    "RefillState",
    "RefillStatus",
]


class OrderState(enum.Enum):
    """Where an order stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIAL = "partial"
    CANCELED = "canceled"
    REFUNDED = "refunded"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether the panel will not change the order any more. A word we do not know is not final."""
        return self in _FINAL


_FINAL = frozenset(
    {OrderState.COMPLETED, OrderState.PARTIAL, OrderState.CANCELED, OrderState.REFUNDED, OrderState.FAILED}
)


class RefillState(enum.Enum):
    """Where a refill stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether the panel will not change the refill any more."""
        return self in (RefillState.COMPLETED, RefillState.REJECTED, RefillState.FAILED)


@frozen
class Balance:
    """What is left on the account.

    The figure was fetched at ``fetched_at`` and may then have been up to ``max_age`` seconds old, because
    the panel answers from a cache: an order placed in that time may be missing from it.
    """

    amount: Decimal
    currency: str | None
    fetched_at: float
    max_age: float = 0.0
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class Receipt:
    """The panel took the order: its id there, and what it cost as far as the panel said.

    ``charge`` is what is paid, ``original_price`` what it was before ``discount``. ``request_id`` is the idempotency
    key that was sent, None on panels without one.
    """

    order: str
    request_id: str | None = None
    charge: Decimal | None = None
    original_price: Decimal | None = None
    discount: Decimal | None = None
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class OrderStatus:
    """Where an order stands. ``raw_state`` is the panel's own word for ``state``.

    ``start_count`` is the counter before the order began, ``remains`` what is still to come (panels that
    deliver too much send it below zero).
    """

    order: str
    state: OrderState
    raw_state: str
    charge: Decimal | None = None
    start_count: int | None = None
    remains: int | None = None
    currency: str | None = None
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class Refill:
    """The panel took a refill of ``order``.

    ``refill`` is what the panel answered: its id on most, but ``1`` or the order's own id on some, so do not
    count on `refill_statuses` knowing it.
    """

    order: str
    refill: str
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class RefillStatus:
    """Where a refill stands. ``raw_state`` is the panel's own word for ``state``."""

    refill: str
    state: RefillState
    raw_state: str
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class Cancellation:
    """The panel accepted the wish to cancel ``order``; whether it was stopped, its status tells later."""

    order: str
    raw: object = field(default=None, repr=False, eq=False)
