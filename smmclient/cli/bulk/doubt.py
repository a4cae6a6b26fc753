"""``smm bulk doubt``: rows that may have been placed, and what the balances say of them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from smmclient.bulk import (
    Evidence,
    Pace,
    SqliteJournal,
    Weighed,
    look_at_all,
    look_at_orders,
    seconds_to_wait,
    weigh,
)
from smmclient.cli.bulk.connections import Connections
from smmclient.cli.bulk.show import at
from smmclient.cli.bulk.standing import Standing, amount, count_of, stand
from smmclient.cli.bulk.work import Plan, connect_run
from smmclient.cli.outcome import OK, UNKNOWN, exit_code
from smmclient.cli.output import Out
from smmclient.cli.plain import problem
from smmclient.cli.session import Session
from smmclient.errors import SMMError

if TYPE_CHECKING:
    from smmclient.provider import Provider

__all__ = ["show_doubt"]

_sleep = anyio.sleep


async def show_doubt(session: Session, plan: Plan, *, is_offline: bool) -> int:
    """List the rows in doubt, and return 5 if there are any."""
    out = session.out
    failed: Mapping[str, SMMError] = {}
    async with AsyncExitStack() as stack:
        opened = SqliteJournal.read(plan.run) if is_offline else SqliteJournal.open(plan.run)
        journal = await stack.enter_async_context(await opened)
        standings = await stand(journal)
        names = [one.panel for one in standings if one.in_doubt]
        if names and not is_offline:
            panels = await stack.enter_async_context(Connections(session, plan.access, plan.way.settings()))
            providers = await connect_run(journal, panels, names, is_same_account=plan.way.same_account)
            failed = await _look(out, journal, providers, plan.way.pace())
        weighed = await weigh(journal, pace=plan.way.pace())
        standings = await stand(journal)
    if out.json:
        out.write_json({"event": "Doubt", **_as_json(weighed, failed)}, is_line=True)
    else:
        _show(out, plan.run, weighed, standings)
        for name, error in failed.items():
            out.note(f"smm: the balance of {name} could not be looked up: {error}")
    return UNKNOWN if weighed else OK


async def _look(
    out: Out, journal: SqliteJournal, providers: Mapping[str, Provider], pace: Pace
) -> Mapping[str, SMMError]:
    """Look at the orders that are not final, wait until the balances tell of them, then look at those."""
    is_open: set[str] = set()
    for name, provider in providers.items():
        try:
            if await look_at_orders(journal, name, provider):
                is_open.add(name)
        except SMMError as error:
            # They are as open as before; it is said of them below.
            out.note(f"smm: the orders of {name} could not be looked at: {error}")
            is_open.add(name)
    # While orders are open nothing can be told, however long it is waited for.
    await _wait(out, journal, {name: one for name, one in providers.items() if name not in is_open}, pace)
    return await look_at_all(journal, providers, pace=pace)


async def _wait(out: Out, journal: SqliteJournal, providers: Mapping[str, Provider], pace: Pace) -> None:
    """Wait until the balances tell of every row in doubt, and of all that came back."""
    waits = {name: await seconds_to_wait(journal, name, one, pace=pace) for name, one in providers.items()}
    if not waits:
        return
    longest = max(waits, key=lambda name: waits[name])
    # A moment more, for the clock's own grain.
    seconds = math.ceil(waits[longest])
    if seconds <= 0:
        return
    known = await journal.checkpoints(longest)
    age = max((one.balance.max_age for one in known), default=0.0)
    why = (
        f"{longest}'s balance is up to {age:g} s old, and a panel may be slow to charge or to give back"
        if age
        else (f"{longest} may be slow to charge or to give back")
    )
    out.note(f"smm: waiting {seconds} s: {why} (--offline does not wait)")
    await _sleep(seconds)


def _show(out: Out, run: Path, weighed: Sequence[Weighed], standings: Sequence[Standing]) -> None:
    if not weighed:
        out.line("no row is in doubt")
        return
    currencies = {one.panel: one.currency for one in standings}
    if out.is_terminal:
        for one in weighed:
            out.record(list(zip(_HEADINGS, _cells(one, currencies), strict=True)))
            out.line("")
    else:
        out.table(_HEADINGS, [_cells(one, currencies) for one in weighed])
    for evidence in _evidences(weighed):
        for line in _told(evidence):
            out.note(line)
    is_open = {one.panel for one in standings if one.open_orders}
    if bare := sum(one.evidence is None and one.entry.panel not in is_open for one in weighed):
        out.note(f"of {count_of(bare, 'row')} no balance tells: there is no look at it before and after them")
    name = shlex.quote(str(run))
    for panel in standings:
        if panel.in_doubt and panel.panel in is_open:
            told = f"{panel.panel}: {count_of(panel.open_orders, 'order')} not known to be final"
            out.note(f"{told}: no verdict until then, because money that came back would be mistaken")
            out.note(f"  -> first `smm bulk follow {name}`, then `smm bulk doubt {name}` again")
    out.note("  -> look for each at the panel, then say what became of it:")
    out.note(f"     smm bulk resolve {name} REF --placed ORDER_ID   or   --not-placed")


_HEADINGS = (
    "ref",
    "panel",
    "source",
    "line",
    "service",
    "link",
    "cost",
    "request_id",
    "sent at",
    "why",
    "likely",
)


def _cells(one: Weighed, currencies: Mapping[str, str | None]) -> tuple[object, ...]:
    entry = one.entry
    cost = None if entry.cost is None else amount(entry.cost, currencies.get(entry.panel))
    why = entry.reason or "it is in the air, or the run was cut off meanwhile"
    return (
        entry.ref,
        entry.panel,
        entry.source,
        entry.line,
        None if entry.order is None else entry.order.service,
        getattr(entry.order, "link", None),
        cost,
        entry.request_id,
        at(entry.sent_at),
        why,
        one.likely.value,
    )


def _evidences(weighed: Sequence[Weighed]) -> list[Evidence]:
    found: dict[int, Evidence] = {id(one.evidence): one.evidence for one in weighed if one.evidence is not None}
    return list(found.values())


def _told(one: Evidence) -> list[str]:
    should, found, missing = (amount(value, one.currency) for value in (one.should_be, one.found, one.missing))
    return [
        f"{one.panel}, {at(one.since)} to {at(one.until)}:",
        f"  by our count {should}, the panel says {found}, missing {missing}:",
        f"  {one.note}",
        *([f"  {one.caveat}"] if one.caveat else []),
    ]


def _as_json(weighed: Sequence[Weighed], failed: Mapping[str, SMMError]) -> dict[str, object]:
    evidences = _evidences(weighed)
    numbers = {id(one): n for n, one in enumerate(evidences)}
    return {
        "rows": [
            {
                "ref": one.entry.ref,
                "panel": one.entry.panel,
                "source": one.entry.source,
                "line": one.entry.line,
                "number": one.entry.number,
                "service": None if one.entry.order is None else str(one.entry.order.service),
                "link": getattr(one.entry.order, "link", None),
                "cost": one.entry.cost,
                "request_id": one.entry.request_id,
                "sent_at": one.entry.sent_at,
                "error": one.entry.error,
                "reason": one.entry.reason,
                "likely": one.likely.value,
                "evidence": numbers.get(id(one.evidence)),
            }
            for one in weighed
        ],
        "evidence": [
            {
                "panel": one.panel,
                "since": one.since,
                "until": one.until,
                "should_be": one.should_be,
                "found": one.found,
                "missing": one.missing,
                "currency": one.currency,
                "placed": one.placed,
                "note": one.note,
                "caveat": one.caveat,
            }
            for one in evidences
        ],
        "failed": {name: problem(error, exit_code=exit_code(error)) for name, error in failed.items()},
    }
