"""What a run tells while it works: frozen records, each told once what it says is durable."""

from __future__ import annotations

from decimal import Decimal

from attrs import frozen

from smmclient.bulk.entry import Entry, Outcome
from smmclient.model import OrderStatus, Receipt

__all__ = [
    "BulkEvent",
    "OrderChanged",
    "PanelPaused",
    "PanelResumed",
    "PanelStarted",
    "PanelStopped",
    "PriceChanged",
    "RowHeld",
    "RowInDoubt",
    "RowNotSaved",
    "RowPlaced",
    "RowRefused",
]


@frozen(kw_only=True)
class BulkEvent:
    """The base of all: which panel of the run."""

    panel: str


@frozen(kw_only=True)
class PanelStarted(BulkEvent):
    """A panel's rows begin to be worked on. ``to_send`` are waiting, ``in_doubt`` were left by an earlier session."""

    to_send: int
    in_doubt: int
    asked_again: int
    balance: Decimal | None
    currency: str | None


@frozen(kw_only=True)
class RowPlaced(BulkEvent):
    """The panel gave a receipt for the row."""

    entry: Entry
    receipt: Receipt


@frozen(kw_only=True)
class RowRefused(BulkEvent):
    """The panel said no; nothing happened."""

    entry: Entry


@frozen(kw_only=True)
class RowInDoubt(BulkEvent):
    """The row may have been placed. ``asked_again`` says whether its request_id will settle it later."""

    entry: Entry
    asked_again: bool


@frozen(kw_only=True)
class RowHeld(BulkEvent):
    """The row is not sent in this session, and stays pending: a money guard holds it."""

    entry: Entry
    reason: str


@frozen(kw_only=True)
class RowNotSaved(BulkEvent):
    """What became of the row is known, but could not be written: note it down, the journal will say "in doubt"."""

    entry: Entry
    outcome: Outcome
    reason: str


@frozen(kw_only=True)
class PriceChanged(BulkEvent):
    """A row costs another amount by the catalog than when it was checked; the guards count with the new one."""

    entry: Entry
    cost: Decimal | None


@frozen(kw_only=True)
class PanelPaused(BulkEvent):
    """The panel does not act for now: nothing is sent to it for ``seconds``, then it is tried with one call."""

    seconds: float
    reason: str


@frozen(kw_only=True)
class PanelResumed(BulkEvent):
    """The panel acts again."""


@frozen(kw_only=True)
class PanelStopped(BulkEvent):
    """Nothing more is sent to the panel in this session. ``error`` is the class of what stopped it; the rest waits."""

    error: str
    reason: str


@frozen(kw_only=True)
class OrderChanged(BulkEvent):
    """A placed order stands elsewhere now."""

    status: OrderStatus
