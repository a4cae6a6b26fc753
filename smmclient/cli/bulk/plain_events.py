"""The events of a run as lines for people. Pure, but for the clock that it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smmclient.bulk import (
    BulkEvent,
    Entry,
    OrderChanged,
    PanelPaused,
    PanelResumed,
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
from smmclient.cli.bulk.progress import Progress
from smmclient.cli.bulk.standing import amount, came_back

__all__ = ["PlainEvents", "line_of", "not_saved", "short_time", "where"]

_EVERY = 5.0


class PlainEvents:
    """A line for each event that matters; progress every 5 seconds or 10 %, whatever comes first."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told_at = progress.clock()
        self._told_share = 0
        self._prices: set[tuple[str, str]] = set()

    def lines(self, event: BulkEvent, entry: Entry | None) -> Iterator[str]:
        """What to write for an event, after it was counted."""
        if not (isinstance(event, PriceChanged) and self._is_known_price(event)):
            line = line_of(event, entry, unit=self._progress.panel(event.panel).unit)
            if line is not None:
                yield line
        if isinstance(event, (RowPlaced, RowRefused)):
            yield from self._progress_line(self._progress.done, self._progress.total, "rows")
        elif isinstance(event, OrderChanged):
            panels = self._progress.panels.values()
            yield from self._progress_line(
                sum(one.final for one in panels), sum(one.followed for one in panels), "orders final"
            )

    def _is_known_price(self, event: PriceChanged) -> bool:
        key = (event.panel, "" if event.entry.order is None else str(event.entry.order.service))
        is_known = key in self._prices
        self._prices.add(key)
        return is_known

    def _progress_line(self, done: int, total: int, what: str) -> Iterator[str]:
        now = self._progress.clock()
        share = 10 * done // total if total else 10
        if share <= self._told_share and now - self._told_at < _EVERY:
            return
        self._told_share, self._told_at = share, now
        yield f"{done} of {total} {what}{self._details(is_placing=what == 'rows')}"

    def _details(self, *, is_placing: bool) -> str:
        panels = self._progress.panels.values()
        doubt = sum(len(one.doubts) for one in panels)
        refused = sum(one.refused for one in panels)
        rate = sum(one.per_minute() or 0 for one in panels) if is_placing else 0
        parts = [f"{rate}/min"] if rate else []
        parts += [f"{refused} refused"] if refused else []
        parts += [f"{doubt} in doubt"] if doubt else []
        return f" ({', '.join(parts)})" if parts else ""


def where(entry: Entry) -> str:
    """Where a row stands in its file, and its ref, where the file gives it one."""
    is_made = re.fullmatch(rf"{entry.number}-[0-9a-f]{{12}}", entry.ref) is not None
    return f"{entry.panel} {entry.source} line {entry.line}{'' if is_made else f' ({entry.ref})'}"


def line_of(
    event: BulkEvent, entry: Entry | None = None, *, unit: Unit | None = None, is_live: bool = False
) -> str | None:
    """One line for an event, or None for those that only count.

    ``unit`` is what the panel charges in; ``is_live``: the display has the counts.
    """
    match event:
        case PanelStarted():
            return None if is_live else _started(event)
        case RowRefused(entry=row):
            return None if is_live else f"{where(row)}: refused: {row.error}: {row.reason}"
        case RowInDoubt(entry=row, asked_again=asked_again):
            if asked_again and is_live:
                return None
            then = "; its request_id will settle it" if asked_again else ""
            return f"{where(row)}: in doubt: {row.reason}{then}"
        case RowHeld(entry=row, reason=reason):
            return None if is_live else f"{where(row)}: held, not sent: {reason}"
        case RowNotSaved():
            # It was said on stderr.
            return None
        case PriceChanged(entry=row, cost=cost):
            service = "" if row.order is None else row.order.service
            was, now = ("unknown" if one is None else amount(one) for one in (row.cost, cost))
            return (
                None if is_live else f"{event.panel}: service {service} has another price: {where(row)} {was} -> {now}"
            )
        case PanelPaused(seconds=seconds, reason=reason):
            return None if is_live else f"{event.panel}: paused for {seconds:g} s: {reason}"
        case PanelResumed():
            return None if is_live else f"{event.panel}: tried again"
        case PanelStopped(error=error, reason=reason):
            return (
                f"{event.panel}: stopped: {reason if error in ('MoneyGuard', 'Unavailable') else f'{error}: {reason}'}"
            )
        case OrderChanged():
            return _changed(event, entry, unit or Unit.of(()))
        case _:
            return None


def _started(event: PanelStarted) -> str:
    parts = [f"{event.to_send} to send"]
    if event.in_doubt:
        parts.append(f"{event.in_doubt} in doubt, {event.asked_again} of them asked about again")
    if event.balance is not None:
        parts.append(f"{amount(event.balance, event.currency)} in the account")
    return f"{event.panel}: {', '.join(parts)}"


def _changed(event: OrderChanged, entry: Entry | None, unit: Unit) -> str | None:
    if entry is None:
        return None
    status = event.status
    remains = "" if status.remains is None else f", {status.remains} remain"
    returned = ""
    if entry.returned is not None:
        returned = f", {came_back(entry.returned, status.currency, is_exact=unit.is_told(entry))}"
    return f"{where(entry)}: order {status.order} {status.state.value}{remains}{returned}"


def not_saved(event: RowNotSaved) -> str:
    """The loudest line there is: what the journal could not keep."""
    match event.outcome:
        case Placed(receipt):
            what = f"WAS PLACED as order {receipt.order}"
        case RefusedRow(error, reason):
            what = f"was refused ({error}: {reason})"
        case _:
            what = "is in doubt"
    row = event.entry
    told = f"NOTE THIS DOWN: {where(row)}, ref {row.ref}, {what}, and that could not be saved"
    return f"{told} (request_id {row.request_id})"


def short_time(seconds: float) -> str:
    """A length of time for people.

    >>> short_time(42), short_time(600), short_time(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
