"""What a run knows of one row: frozen values, and which state may follow which. Pure.

::

    INVALID                          the row cannot be ordered as it is written
    PENDING ──> SENDING ──> DONE     the panel gave a receipt
       ^           ├──────> REFUSED  the panel said no, nothing happened
       ├───────────┤                 not acted upon: its turn comes again
       │           └──────> DOUBT    nobody knows from here
       └─ "not placed" ─────┘ └───> DONE or REFUSED, when it is known after all

A PENDING row can also be REFUSED without having been sent, where the panel's documents rule it out. A DONE row is never
changed again but for what its order's status tells. What a user said of a row in doubt can be taken back: the row is in
DOUBT again, as long as it was not sent since.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

from attrs import field, frozen

from smmclient.exact import EXACT
from smmclient.model import OrderState, OrderStatus, Receipt
from smmclient.orders import AnyOrder

__all__ = ["BY_HAND", "Entry", "InDoubt", "NotPlaced", "Outcome", "Placed", "RefusedRow", "RowState", "TakenBack"]

#: The reasons of rows whose outcome was not told by the panel.
BY_HAND = ("placed, its user says", "not placed, its user says")


class RowState(enum.Enum):
    """Where a row stands."""

    INVALID = "invalid"
    PENDING = "pending"
    SENDING = "sending"
    DONE = "done"
    REFUSED = "refused"
    DOUBT = "in doubt"


@frozen(kw_only=True)
class Entry:
    """One row of a run. Times are seconds since the epoch, money is in the panel account's currency.

    ``number`` counts the rows of the whole run from 1; ``source`` and ``line`` say where it was written; ``ref`` is the
    user's own key, or one made of the row's number and content. ``cost`` is by the catalog, None where nobody can know
    before; ``charge`` is what the receipt said. ``status`` is the last one seen, ``status_at`` when.
    """

    number: int
    source: str
    line: int
    ref: str
    panel: str
    state: RowState
    #: None for a row that cannot be ordered; ``written`` then holds its cells.
    order: AnyOrder | None
    written: Mapping[str, str] = field(factory=dict)
    cost: Decimal | None = None
    request_id: str | None = None
    #: Until when the panel may be asked again with the same ``request_id``; None: never.
    repeat_until: float | None = None
    #: How often it was written as being sent.
    sends: int = 0
    sent_at: float | None = None
    ended_at: float | None = None
    order_id: str | None = None
    charge: Decimal | None = None
    #: The class of the error that the row ended in (`smmclient.errors`), and what it said.
    error: str | None = None
    reason: str | None = None
    status: OrderStatus | None = None
    status_at: float | None = None

    @property
    def latency(self) -> float | None:
        """Seconds from the moment the row was sent to its outcome."""
        return None if self.sent_at is None or self.ended_at is None else max(self.ended_at - self.sent_at, 0.0)

    @property
    def last_at(self) -> float | None:
        """When it was sent, asked about or settled last; None if it never was sent."""
        return None if self.sent_at is None else max(self.sent_at, self.ended_at or 0.0)

    @property
    def is_by_hand(self) -> bool:
        """Whether its user said what became of it, and it was not sent since."""
        return self.state in (RowState.DONE, RowState.PENDING) and self.reason in BY_HAND

    @property
    def price(self) -> Decimal | None:
        """What it cost when it was placed: the receipt's charge, or else the catalog's price."""
        return self.cost if self.charge is None else self.charge

    @property
    def spent(self) -> Decimal | None:
        """What it cost by the last status, or else its price; for rows that were placed."""
        if self.status is not None and self.status.charge is not None:
            return self.status.charge
        return self.price

    @property
    def returned(self) -> Decimal | None:
        """What came back of a partial, canceled or refunded order: its price less what the status says it cost.

        None where that is not known, or where there is nothing to come back.
        """
        if self.status is None or self.status.state not in _GIVE_BACK:
            return None
        if self.status.charge is None or self.price is None:
            return None
        return EXACT.subtract(self.price, self.status.charge)


_GIVE_BACK = (OrderState.PARTIAL, OrderState.CANCELED, OrderState.REFUNDED)


@frozen
class Placed:
    """The panel gave a receipt, or, where there is a ``reason``, somebody else says that the order is there."""

    receipt: Receipt
    reason: str | None = None


@frozen
class RefusedRow:
    """The panel said no, or its documents rule the order out: nothing happened. ``error`` is the class's name."""

    error: str
    reason: str


@frozen
class InDoubt:
    """It may have been placed."""

    error: str
    reason: str


@frozen
class NotPlaced:
    """It surely was not placed, and may be sent.

    ``is_answer`` says that the panel itself said so to this request_id: the next sending is a request of its own,
    because a panel may remember an answer as long as it remembers the id.
    """

    reason: str | None = None
    is_answer: bool = False


@frozen
class TakenBack:
    """What its user said of it is taken back: it may have been placed. Never of what the panel said."""

    reason: str


#: How a row's sending can end, and what a user can say of a row in doubt.
Outcome: TypeAlias = "Placed | RefusedRow | InDoubt | NotPlaced | TakenBack"
