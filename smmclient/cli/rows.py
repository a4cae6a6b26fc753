"""Results of many ids: a row for each, good or bad, and the exit code of the worst."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, TypeVar

from smmclient.cli.outcome import OK, advice, exit_code, worst
from smmclient.cli.output import Out, as_table
from smmclient.cli.plain import clean, money, problem
from smmclient.errors import OutcomeUnknown, SMMError
from smmclient.model import OrderStatus
from smmclient.provider import Provider
from smmclient.tracking import Track, tracked

if TYPE_CHECKING:
    from rich.table import Table

    from smmclient.cli.webhook.beside import Beside

__all__ = ["STATUS", "follow", "show_rows", "status_row"]

T = TypeVar("T")

STATUS = ("order", "state", "charge", "currency", "start_count", "remains")
#: With text ids of 30 letters there is no room for it in 80 columns, and it is the account's.
ONLY_PIPED = ("currency",)


def status_row(status: OrderStatus) -> tuple[object, ...]:
    """The cells of one status, in the order of ``STATUS``."""
    return (
        status.order,
        _state(status),
        money(status.charge),
        status.currency,
        status.start_count,
        status.remains,
    )


def _state(status: OrderStatus) -> str:
    # A word that nobody knows is shown as the panel wrote it.
    state = status.state.value
    return f"{state} ({status.raw_state})" if state == "unknown" else state


def show_rows(
    out: Out, headings: Sequence[str], found: Mapping[str, T | SMMError], row: Callable[[T], Sequence[object]]
) -> int:
    """Write a row for every id, errors in a last column, and return the worst exit code."""
    if out.json:
        out.write_json(
            {
                asked: {"error": problem(one, exit_code=exit_code(one))} if isinstance(one, SMMError) else one
                for asked, one in found.items()
            }
        )
        return worst(found.values())
    rows: list[Sequence[object]] = []
    for asked, one in found.items():
        if isinstance(one, SMMError):
            rows.append(
                (
                    asked,
                    *[None] * (len(headings) - 1),
                    f"{type(one).__name__}: {one.message.removeprefix(f'{asked}: ')}",
                )
            )
        else:
            rows.append((*row(one), None))
    errors = [one for one in found.values() if isinstance(one, SMMError)]
    if errors or not out.is_terminal:
        out.table((*headings, "error"), rows, only_piped=ONLY_PIPED)
    else:
        out.table(headings, [cells[:-1] for cells in rows], only_piped=ONLY_PIPED)
    if in_doubt := next((one for one in errors if isinstance(one, OutcomeUnknown)), None):
        out.note(f"  -> outcome unknown: {advice(in_doubt)}")
    return worst(found.values())


async def follow(
    out: Out,
    panel: Provider,
    orders: Sequence[str],
    *,
    every: float | None,
    beside: Beside | None = None,
) -> int:
    """Write every change of the orders until all are final; on a terminal, as one table that changes.

    With ``beside`` it listens to what the panel pushes, and says at the end what that has saved.
    """
    pushes = None if beside is None else next(iter(beside.pushes.values()), None)
    changes = tracked(panel, orders, every, 900.0, pushes)
    try:
        if out.is_terminal:
            return await _follow_live(out, changes, orders, beside)
        async with _heard(beside):
            return await _follow_lines(out, changes)
    finally:
        if beside is not None and isinstance(changes, Track):
            for line in beside.lines(dict.fromkeys(beside.pushes, changes.tally)):
                out.note(f"smm: {line}")


def _heard(beside: Beside | None, tell: Callable[[str], None] | None = None) -> AbstractAsyncContextManager[None]:
    return nullcontext() if beside is None else beside.listening(tell)


async def _follow_lines(out: Out, changes: AsyncIterator[OrderStatus]) -> int:
    if not out.json:
        out.row(STATUS)
    async for status in changes:
        if out.json:
            out.write_json(status, is_line=True)
        else:
            out.row(status_row(status))
    return OK


async def _follow_live(
    out: Out, changes: AsyncIterator[OrderStatus], orders: Sequence[str], beside: Beside | None
) -> int:
    from rich.live import Live

    rows: dict[str, Sequence[object]] = {one: (one, "…", *[None] * (len(STATUS) - 2)) for one in dict.fromkeys(orders)}

    kept = [n for n, heading in enumerate(STATUS) if heading not in ONLY_PIPED]

    def shown() -> Table:
        cells = [["" if row[n] is None else clean(row[n]) for n in kept] for row in list(rows.values())]
        return as_table([STATUS[n] for n in kept], cells)

    live = Live(console=out.console(), get_renderable=shown, refresh_per_second=4)

    def tell(text: str) -> None:
        # Below the table it would be painted over; before it and after it there is none.
        is_shown = live.is_started
        live.stop()
        out.note(f"smm: {text}")
        if is_shown:
            live.start()

    async with _heard(beside, tell):
        with live:
            async for status in changes:
                rows[status.order] = status_row(status)
    return OK
