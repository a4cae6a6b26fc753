"""What does it cost to follow a thousand orders to their end, and how late is it known? Polling, and with pushes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from urllib.parse import parse_qs

import msgspec
from attrs import frozen

from benchmarks.tables import Table, median
from smmclient import Settings
from smmclient.dialect.codec import read_status
from smmclient.panel import Panel
from smmclient.testing import ManualClock
from smmclient.tracking import Tally
from smmclient.webhooks import OrderEvent, Pushes
from smmclient.wire import WireReply, WireRequest
from smmclient_notpanel import NOTPANEL

ORDERS = 1000
BOUND = 120.0
#: Seconds that a delivery takes, and the most that one takes that had to be repeated.
USUAL, REPEATED = 0.5, 30.0
DONE = {"status": "completed", "charge": "1.50", "remains": "0", "currency": "USD"}
RUNNING = {"status": "in_progress", "charge": "1.50", "remains": "7", "currency": "USD"}


@frozen
class Way:
    """How the ends of orders come to be known."""

    name: str
    #: None polls only; else the part of all deliveries that arrives.
    arriving: float | None = None
    has_rows: bool = True


WAYS = (
    Way("polling"),
    Way("pushed with the status", 1.0),
    Way("pushed with the status, 10% lost", 0.9),
    Way("pushed without a status", 1.0, has_rows=False),
    Way("nothing pushed arrives", 0.0),
)
SPANS = {"10 minutes": 600.0, "an hour": 3600.0, "a day": 86_400.0}


class _Panel:
    """A transport to a panel whose orders end at those times."""

    def __init__(self, clock: ManualClock, ends: Mapping[str, float]) -> None:
        self.clock, self.ends, self.requests = clock, ends, 0

    async def send(self, request: WireRequest) -> WireReply:
        self.requests += 1
        form = parse_qs(request.body.decode())
        ids = form.get("orders", form.get("order", [""]))[0].split(",")
        rows = {one: DONE if self.clock.now() >= self.ends[one] else RUNNING for one in ids}
        return WireReply(200, {}, msgspec.json.encode(rows if "orders" in form else rows[ids[0]]))

    async def aclose(self) -> None:
        pass


async def _follow(way: Way, span: float) -> tuple[int, list[float], Tally]:
    """The requests, how many seconds late each end was known, and what following says of itself."""
    draw = random.Random(7)
    async with asyncio.timeout(BOUND), ManualClock() as clock:
        began = clock.now()
        ends = {f"ord_{number}": began + draw.uniform(0, span) for number in range(ORDERS)}
        transport = _Panel(clock, ends)
        panel = Panel(NOTPANEL, api_key="key", transport=transport, clock=clock, settings=Settings(limits=()))
        pushes = None if way.arriving is None else Pushes()
        late: list[float] = []

        async def deliver() -> None:
            arrivals = []
            for one, end in ends.items():
                if draw.random() < (way.arriving or 0):
                    arrivals.append((end + (USUAL if draw.random() < 0.95 else draw.uniform(1, REPEATED)), one))
            for at, one in sorted(arrivals):
                await clock.sleep(at - clock.now())
                assert pushes is not None
                status = read_status(one, DONE) if way.has_rows else None
                pushes.publish(OrderEvent("order.completed", order=one, status=status))

        delivering = asyncio.create_task(deliver())
        track = panel.track(ends, pushes=pushes)
        async for status in track:
            if status.state.is_final:
                late.append(clock.now() - ends[status.order])
        delivering.cancel()
    assert len(late) == ORDERS
    assert min(late) >= 0
    return transport.requests, late, track.tally


def measure(quick: bool) -> tuple[Table, ...]:
    spans = dict(list(SPANS.items())[: 1 if quick else None])
    return tuple(_table(words, span) for words, span in spans.items())


def _table(words: str, span: float) -> Table:
    rows = []
    spent: dict[str, int] = {}
    for way in WAYS:
        requests, late, tally = asyncio.run(_follow(way, span))
        spent[way.name] = requests
        saved = "-" if way.arriving is None else f"{tally.saved:,}"
        rows.append((way.name, f"{requests:,}", _seconds(median(late)), _seconds(max(late)), saved))
    polling = spent[WAYS[0].name]
    dearer = [way.name for way in WAYS[1:] if spent[way.name] >= polling]
    return Table(
        title=f"Following: {ORDERS:,} orders that end within {words}",
        columns=("", "requests", "known after (median)", "at the latest", "looks saved"),
        rows=rows,
        reading=(
            "On a clock that jumps. Deliveries take half a second, one in twenty up to half a minute. With the status "
            "in the push nothing is asked; without it the panel is, orders that come together sharing a request, so "
            "time is won rather than requests. What is lost is found by the safety net. A look is one order asked "
            "about once; a request holds up to 100, and `Track.tally` reckons those saved."
        ),
        broken=[f"following: {name} cost {spent[name]} requests, polling {polling}" for name in dearer],
    )


def _seconds(figure: float) -> str:
    return f"{figure:,.1f} s"
