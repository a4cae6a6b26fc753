"""``smm demo`` as people see it: bars while it runs, and the sums beside the panels' own books at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from smmclient.cli.demo import PanelRun, Sum, add_up, run_demo, total
from smmclient.cli.demo_orders import read_orders
from smmclient.cli.outcome import FAILED, OK
from smmclient.cli.output import Out
from smmclient.cli.panels import import_sandbox

if TYPE_CHECKING:
    from rich.console import RenderableType

    from smmclient.provider import Provider
    from smmclient.sandbox import Sandbox

__all__ = ["show_demo"]

PANELS = ("notpanel", "panelbon")

#: The panel's limit, which the burst of orders exceeds: like the real one, but without its minute.
RATE, PER = 30, 2.0

#: Reasons, and lines of the file, that are shown at most.
_MOST = 5
_HEADINGS = ("panel", "asked", "placed", "refused", "unknown", "twice", "429s", "our count", "panel's")


async def show_demo(out: Out, file: Path | None, *, panel: str | None = None) -> int:
    """Run the demo and show it; return 1 if anything does not add up."""
    rows = read_orders(file, PANELS, panel=panel)
    import_sandbox()
    runs = [PanelRun(name, tuple(row for row in rows if row.panel == name)) for name in PANELS]
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        boxes = [stack.enter_context(_box(run.name)) for run in runs]
        panels = [await stack.enter_async_context(_connect(run, box)) for run, box in zip(runs, boxes, strict=True)]
        _tell_start(out, len(rows))
        await _run_shown(out, list(zip(runs, panels, strict=True)))
        sums = [add_up(run, box) for run, box in zip(runs, boxes, strict=True)]
    return _conclude(out, runs, sums, seconds=time.monotonic() - began)


@contextlib.contextmanager
def _box(name: str) -> Iterator[Sandbox]:
    from smmclient.sandbox import Fault, Limit, Limits, Window, serve

    limits = Limits(key=Limit(RATE, PER, Window.SLIDING)) if name == "notpanel" else Limits()
    with serve(name, balance=1_000_000, seconds_to_finish=1.5, limits=limits, latency=0.01, jitter=0.04) as box:
        # The worst that can happen to an order: it was made, and nobody says so.
        box.fail("add", Fault.DROP_AFTER, times=2)
        box.fail("add", Fault.BAD_GATEWAY_AFTER)
        box.fail("add", Fault.BAD_GATEWAY)
        yield box


def _connect(run: PanelRun, box: Sandbox) -> Provider:
    from smmclient import Limit, RetryPolicy, Settings, connect

    return connect(
        run.name,
        api_key=box.api_key,
        base_url=box.base_url,
        settings=Settings(
            limits=(Limit(RATE, PER),) if run.name == "notpanel" else None,
            retry=RetryPolicy(first_pause=0.1, longest_pause=1),
            on_event=run.note,
        ),
    )


def _tell_start(out: Out, count: int) -> None:
    if not out.json:
        out.line(f"{count} orders on two panels in boxes. Each drops two replies after the order was")
        out.line("made and answers 502 twice, once after the order was made. NotPanel takes")
        out.line(f"{RATE} requests in {PER:g} s from a key; PanelBon has no idempotency key.")
        out.line("")


async def _run_shown(out: Out, work: Sequence[tuple[PanelRun, Provider]]) -> None:
    if not out.is_terminal:
        await run_demo(work)
        return
    from rich.live import Live

    runs = [run for run, _ in work]
    with Live(console=out.console(), get_renderable=lambda: bars(runs), refresh_per_second=10):
        await run_demo(work)


def bars(runs: Sequence[PanelRun]) -> RenderableType:
    """How far the runs have come: a bar for placing and one for finishing each, at most 80 columns wide."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    for run in runs:
        asked, placed = len(run.asked), len(run.placed)
        for name, verb, done, goal, told in (
            (run.name, "settled", run.settled, asked, f"{run.repeats} sent again"),
            ("", "finished", run.finished, placed, f"{run.requests} requests"),
        ):
            bar = ProgressBar(total=max(goal, 1), completed=done, width=24)
            grid.add_row(Text(name), Text(verb), bar, Text(f"{done}/{goal}", justify="right"), Text(told))
    return grid


def _conclude(out: Out, runs: Sequence[PanelRun], sums: Sequence[Sum], *, seconds: float) -> int:
    whole = total(sums)
    adds_up = all(one.adds_up for one in sums)
    if out.json:
        out.write_json({"panels": sums, "total": whole, "adds_up": adds_up, "seconds": round(seconds, 3)})
        return OK if adds_up else FAILED
    out.line("")
    out.table(_HEADINGS, [_cells(one) for one in (*sums, whole)])
    out.line("")
    for line in _explained(runs, sums, whole):
        out.line(line)
    out.line(f"{'Everything adds up' if adds_up else 'IT DOES NOT ADD UP'}, after {seconds:.1f} s.")
    return OK if adds_up else FAILED


def _cells(one: Sum) -> tuple[object, ...]:
    return (
        one.panel,
        one.asked,
        one.placed,
        one.refused,
        one.unknown,
        one.duplicates,
        one.limited,
        _short(one.spent),
        _short(one.booked),
    )


def _short(amount: Decimal) -> str:
    """All digits that say something, and at least two after the point."""
    whole, _, fraction = f"{amount:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0'):0<2}"


def _reasons(run: PanelRun) -> Iterator[str]:
    """Why orders were not placed, with the lines of the file: at most so many that a screen takes them."""
    lines: dict[str, list[int]] = {}
    for row, error in (*run.refused, *run.unavailable):
        lines.setdefault(f"{type(error).__name__}: {error.message}", []).append(row.line)
    for reason, where in list(lines.items())[:_MOST]:
        more = ", …" if len(where) > _MOST else ""
        yield f"{run.name}: {reason} (line {', '.join(map(str, sorted(where)[:_MOST]))}{more})"
    if len(lines) > _MOST:
        yield f"{run.name}: and {len(lines) - _MOST} more reasons"


def _explained(runs: Sequence[PanelRun], sums: Sequence[Sum], whole: Sum) -> Iterator[str]:
    for run in runs:
        yield from _reasons(run)
    for run, one in zip(runs, sums, strict=True):
        if one.unknown:
            keyed = any(error.safe_to_repeat for _, error in run.unknown)
            why = "every attempt was lost" if keyed else "no idempotency key, so not sent again"
            yield f"{one.panel}: {one.unknown} unknown (its books have {one.unknown_made}): {why}"
    unavailable = f" + unavailable {whole.unavailable}" if whole.unavailable else ""
    yield (
        f"asked {whole.asked} = placed {whole.placed} + refused {whole.refused}{unavailable} + unknown {whole.unknown}"
    )
    yield (
        f"our count {_short(whole.spent)} + unknown that were made {_short(whole.unknown_cost)}"
        f" = the panels' {_short(whole.booked)}"
    )
    for run in runs:
        if run.lost is not None:
            yield f"{run.name}: following was given up: {run.lost}"
