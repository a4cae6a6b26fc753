"""A user's decision about a row in doubt, and a second thought about it."""

from __future__ import annotations

import time

from smmclient.bulk.entry import BY_HAND, Entry, InDoubt, NotPlaced, Placed, RowState, TakenBack
from smmclient.bulk.journal import Journal
from smmclient.errors import AccountSuspended, AuthenticationFailed, Refused, UsageError
from smmclient.fields import check_id
from smmclient.model import OrderStatus, Receipt
from smmclient.provider import Provider

__all__ = ["find_undecided", "look_up", "note_cut_off", "resolve"]

_PLACED, _NOT_PLACED = BY_HAND
_IN_DOUBT = (RowState.DOUBT, RowState.SENDING)


async def note_cut_off(journal: Journal, panel: str) -> list[Entry]:
    """The panel's rows in doubt; what was in the air when a session was cut off is from now on.

    For those who have the journal to themselves: nothing is in the air then.
    """
    async for entry in journal.entries(states=(RowState.SENDING,), panel=panel):
        cut_off = InDoubt("OutcomeUnknown", "the run was cut off while it was in the air")
        await journal.settle(entry, cut_off, at=entry.sent_at or time.time())
    return [entry async for entry in journal.entries(states=(RowState.DOUBT,), panel=panel)]


async def find_undecided(journal: Journal, ref: str) -> Entry:
    """The row of that ref, which is in doubt, or was until its user decided and can decide again.

    Raises `UsageError` if there is no such row, or if the panel itself has answered it.
    """
    entry = await journal.find(ref)
    if entry is None:
        raise UsageError(f"there is no row {ref!r}: `smm bulk doubt` lists the rows in doubt by ref")
    if entry.state not in _IN_DOUBT and not entry.is_by_hand:
        raise UsageError(f"row {ref!r} is {entry.state.value}, not in doubt: there is nothing to decide")
    return entry


async def look_up(provider: Provider, order: int | str) -> OrderStatus:
    """Where the order stands that a row is said to have become.

    Raises `UsageError` if the panel does not know it, and what the panel raises where it cannot be asked.
    """
    asked = check_id(order, "the order's id")
    try:
        return await provider.order_status(asked)
    except (AuthenticationFailed, AccountSuspended):
        raise
    except Refused as error:
        raise UsageError(f"the panel does not know order {asked} ({error.text}): look again for the id") from error


async def resolve(journal: Journal, ref: str, *, placed: int | str | None) -> Entry:
    """Write that the row in doubt was placed, with the panel's order id, or, with None, that it was not.

    A row that was not placed is pending again, and the next session sends it; on a panel with an idempotency key under
    the same request_id, so that it cannot be placed twice even if the decision was wrong and the panel still
    knows it. A row that was resolved before, and not sent since, can be resolved again: in between it is in doubt. The
    id is taken as it is: `look_up` asks the panel. Raises `UsageError` if there is no such row, if it is not in doubt,
    or if the id is another row's.
    """
    entry = await find_undecided(journal, ref)
    order = None if placed is None else check_id(placed, "the order's id")
    if order is not None:
        other = await journal.find_order(entry.panel, order)
        if other is not None and other.number != entry.number:
            raise UsageError(
                f"order {order} is that of row {other.ref!r} ({other.source}, line {other.line}): look again"
            )
    if entry.is_by_hand:
        await journal.settle(entry, TakenBack("what its user said of it was taken back"), at=time.time())
    if order is None:
        await journal.settle(entry, NotPlaced(_NOT_PLACED), at=time.time())
    else:
        receipt = Receipt(order, request_id=entry.request_id)
        await journal.settle(entry, Placed(receipt, _PLACED), at=time.time())
    changed = await journal.find(ref)
    assert changed is not None  # noqa: S101 (rows are never deleted)
    return changed
