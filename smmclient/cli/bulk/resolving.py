"""``smm bulk resolve``: what a user says became of a row in doubt."""

from __future__ import annotations

import shlex
from contextlib import AsyncExitStack
from pathlib import Path

from smmclient.bulk import Entry, SqliteJournal, find_undecided, look_up, resolve
from smmclient.bulk.unit import Unit
from smmclient.cli.bulk.connections import Connections
from smmclient.cli.bulk.standing import amount
from smmclient.cli.bulk.work import Plan, connect_run
from smmclient.cli.outcome import OK, CallError
from smmclient.cli.output import Out
from smmclient.cli.session import Session
from smmclient.errors import SMMError, UsageError
from smmclient.model import OrderStatus

__all__ = ["resolve_row"]

_UNTOUCHED = "nothing was changed, nothing was sent"


async def resolve_row(session: Session, plan: Plan, ref: str, *, placed: str | None, is_unchecked: bool) -> int:
    """Write what became of a row in doubt; the panel is asked first whether it knows the order."""
    out = session.out
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(await SqliteJournal.open(plan.run))
        status: OrderStatus | None = None
        try:
            entry = await find_undecided(journal, ref)
            if placed is not None and not is_unchecked:
                panels = await stack.enter_async_context(Connections(session, plan.access, plan.way.settings()))
                status = await _look_up(out, journal, panels, plan, entry, placed)
            changed = await resolve(journal, ref, placed=placed)
        except CallError:
            raise
        except UsageError as error:
            raise CallError(error.message, hint=_UNTOUCHED) from error
        if status is not None:
            await _compare(out, journal, entry, status)
    _tell(out, plan.run, changed, status)
    return OK


async def _look_up(
    out: Out, journal: SqliteJournal, panels: Connections, plan: Plan, entry: Entry, placed: str
) -> OrderStatus | None:
    """What the panel says of the order, or None, and a note, where it cannot be asked."""
    try:
        providers = await connect_run(journal, panels, [entry.panel], is_same_account=plan.way.same_account)
        provider = providers[entry.panel]
    except SMMError as error:
        out.note(f"smm: {placed} was not looked up at {entry.panel}: {error}")
        return None
    try:
        return await look_up(provider, placed)
    except UsageError as error:
        raise CallError(error.message, hint=f"{_UNTOUCHED}; --unchecked takes the id as it is") from error
    except SMMError as error:
        out.note(f"smm: {placed} was not looked up at {entry.panel}: {error}")
        return None


async def _compare(out: Out, journal: SqliteJournal, entry: Entry, status: OrderStatus) -> None:
    """Say where the panel's charge is not the row's price. Which service an order is of, no status tells."""
    if status.charge is None or entry.cost is None:
        return
    low, high = Unit.of(one.balance.amount for one in await journal.checkpoints(entry.panel)).bounds(entry.cost)
    if not low <= status.charge <= high:
        told = f"order {status.order} is {status.state.value} and charged {amount(status.charge, status.currency)}"
        out.note(f"smm: {told}, the row's price is {amount(entry.cost, status.currency)}: is it the right one?")
        out.note("  -> the decision can be changed: the same command with another id, or with --not-placed")


def _tell(out: Out, run: Path, entry: Entry, status: OrderStatus | None) -> None:
    if out.json:
        told = {"event": "Resolved", "ref": entry.ref, "panel": entry.panel, "line": entry.line}
        known = {"is_checked": status is not None, "order_state": None if status is None else status.state.value}
        charge = None if status is None else status.charge
        state = {"state": entry.state.value, "order": entry.order_id}
        out.write_json({**told, **state, **known, "charge": charge}, is_line=True)
    elif entry.order_id is not None:
        which = "" if status is None else f", which is {status.state.value}"
        out.line(f"{entry.ref} (line {entry.line}) was placed as order {entry.order_id}{which}")
    else:
        out.line(f"{entry.ref} (line {entry.line}) waits again: `smm bulk resume {shlex.quote(str(run))}` sends it")
