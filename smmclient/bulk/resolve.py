"""A user's decision about a row in doubt."""

from __future__ import annotations

import time

from smmclient.bulk.entry import Entry, InDoubt, NotPlaced, Placed, RowState
from smmclient.bulk.journal import Journal
from smmclient.errors import UsageError
from smmclient.fields import check_id
from smmclient.model import Receipt

__all__ = ["note_cut_off", "resolve"]


async def note_cut_off(journal: Journal, panel: str) -> list[Entry]:
    """The panel's rows in doubt; what was in the air when a session was cut off is from now on.

    For those who have the journal to themselves: nothing is in the air then.
    """
    async for entry in journal.entries(states=(RowState.SENDING,), panel=panel):
        cut_off = InDoubt("OutcomeUnknown", "the run was cut off while it was in the air")
        await journal.settle(entry, cut_off, at=entry.sent_at or time.time())
    return [entry async for entry in journal.entries(states=(RowState.DOUBT,), panel=panel)]


async def resolve(journal: Journal, ref: str, *, placed: int | str | None) -> Entry:
    """Write that the row in doubt was placed, with the panel's order id, or, with None, that it was not.

    A row that was not placed is pending again, and the next session sends it; on a panel with an idempotency key under
    the same request_id, so that it cannot be placed twice even if the decision was wrong and the panel still
    knows it. Raises `UsageError` if there is no such row, if it is not in doubt, or if the id is another row's.
    """
    entry = await journal.find(ref)
    if entry is None:
        raise UsageError(f"there is no row {ref!r}: `smm bulk doubt` lists the rows in doubt by ref")
    if entry.state not in (RowState.DOUBT, RowState.SENDING):
        raise UsageError(f"row {ref!r} is {entry.state.value}, not in doubt: there is nothing to decide")
    if placed is None:
        await journal.settle(entry, NotPlaced("not placed, its user says"), at=time.time())
    else:
        order = check_id(placed, "the order's id")
        other = await journal.find_order(entry.panel, order)
        if other is not None:
            raise UsageError(
                f"order {order} is that of row {other.ref!r} ({other.source}, line {other.line}): look again"
            )
        await journal.settle(entry, Placed(Receipt(order, request_id=entry.request_id)), at=time.time())
    changed = await journal.find(ref)
    assert changed is not None  # noqa: S101 (rows are never deleted)
    return changed
