"""The events of a run as flat JSON objects, one shape each. Pure.

Every object has ``event`` (the class's name) and ``panel``. Those about a row have ``ref``, ``source``, ``line``,
``number`` and ``service``, too. Money is text in the account's currency, times are seconds since the epoch, what is not
known is null.

=============  =====================================================================================================
PanelStarted   to_send, in_doubt, asked_again, balance, currency
RowPlaced      + order, charge (by the receipt), cost (by the catalog), request_id, seconds
RowRefused     + error (class), reason
RowInDoubt     + error, reason, cost, request_id, sent_at, asked_again
RowHeld        + reason, cost
RowNotSaved    + outcome (placed, refused, in doubt, not placed), order, charge, request_id, reason
PriceChanged   + was, cost
PanelPaused    seconds, reason
PanelResumed
PanelStopped   error, reason
OrderChanged   + order, state, raw_state, charge, remains, returned, is_returned_exact (see below), currency
=============  =====================================================================================================

``returned`` is the price less the charge. Where no receipt told the price and the catalog's is finer than the panel's
balances it is not exact: the panel may have rounded.

Before them come ``RowInvalid`` (panel, ref, line, reason) and ``Checked``; after them ``Ended`` (code, is_stopped,
panels, next); in place of it ``Failed`` (error) where the command ended in an error.
"""

from __future__ import annotations

from smmclient.bulk import (
    BulkEvent,
    Entry,
    InDoubt,
    OrderChanged,
    Outcome,
    PanelPaused,
    PanelStarted,
    PanelStopped,
    Placed,
    PriceChanged,
    RefusedRow,
    RowHeld,
    RowInDoubt,
    RowNotSaved,
    RowPlaced,
    RowRefused,
)
from smmclient.bulk.unit import Unit

__all__ = ["as_record"]


def as_record(event: BulkEvent, entry: Entry | None = None, *, unit: Unit | None = None) -> dict[str, object]:
    """The event as a flat object; ``entry`` is the row of an `OrderChanged`, ``unit`` what the panel charges in."""
    row: Entry | None = getattr(event, "entry", entry)
    told: dict[str, object] = {"event": type(event).__name__, "panel": event.panel}
    if row is not None:
        told |= {
            "ref": row.ref,
            "source": row.source,
            "line": row.line,
            "number": row.number,
            "service": None if row.order is None else str(row.order.service),
        }
    return told | _more(event, row, unit or Unit.of(()))


def _more(event: BulkEvent, row: Entry | None, unit: Unit) -> dict[str, object]:
    match event:
        case PanelStarted():
            return {
                "to_send": event.to_send,
                "in_doubt": event.in_doubt,
                "asked_again": event.asked_again,
                "balance": event.balance,
                "currency": event.currency,
            }
        case RowPlaced(entry=entry, receipt=receipt):
            return {
                "order": receipt.order,
                "charge": receipt.charge,
                "cost": entry.cost,
                "request_id": entry.request_id,
                "seconds": None if entry.latency is None else round(entry.latency, 3),
            }
        case RowRefused(entry=entry):
            return {"error": entry.error, "reason": entry.reason}
        case RowInDoubt(entry=entry, asked_again=asked_again):
            return {
                "error": entry.error,
                "reason": entry.reason,
                "cost": entry.cost,
                "request_id": entry.request_id,
                "sent_at": entry.sent_at,
                "asked_again": asked_again,
            }
        case RowHeld(entry=entry, reason=reason):
            return {"reason": reason, "cost": entry.cost}
        case RowNotSaved(entry=entry, outcome=outcome, reason=reason):
            return {**_outcome(outcome), "request_id": entry.request_id, "reason": reason}
        case PriceChanged(entry=entry, cost=cost):
            return {"was": entry.cost, "cost": cost}
        case PanelPaused(seconds=seconds, reason=reason):
            return {"seconds": seconds, "reason": reason}
        case PanelStopped(error=error, reason=reason):
            return {"error": error, "reason": reason}
        case OrderChanged(status=status):
            return {
                "order": status.order,
                "state": status.state.value,
                "raw_state": status.raw_state,
                "charge": status.charge,
                "remains": status.remains,
                "returned": None if row is None else row.returned,
                "is_returned_exact": row is not None and unit.is_told(row),
                "currency": status.currency,
            }
        case _:
            return {}


def _outcome(outcome: Outcome) -> dict[str, object]:
    match outcome:
        case Placed(receipt):
            return {"outcome": "placed", "order": receipt.order, "charge": receipt.charge}
        case RefusedRow():
            return {"outcome": "refused", "order": None, "charge": None}
        case InDoubt():
            return {"outcome": "in doubt", "order": None, "charge": None}
        case _:
            return {"outcome": "not placed", "order": None, "charge": None}
