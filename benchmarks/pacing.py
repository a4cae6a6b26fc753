"""Is the limit kept, and is the whole of it used? In real time over a slow line, and on a clock that jumps."""

from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack
from statistics import fmean
from urllib.parse import parse_qsl, urlsplit

import anyio
from attrs import define, evolve, field, frozen

from benchmarks.panels import sandbox_process
from benchmarks.slow_line import slow_line
from benchmarks.tables import Table, ratio
from smmclient import Limit, Order, RetryPolicy, Settings, SMMError
from smmclient.panel import Panel
from smmclient.sandbox import Limit as PanelLimit
from smmclient.sandbox import Limits, Sandbox, Window
from smmclient.sandbox.dialects import find_dialect
from smmclient.sandbox.server import build
from smmclient.testing import ManualClock
from smmclient.transport import AiohttpTransport, HttpxTransport, Transport
from smmclient.wire import WireReply, WireRequest
from smmclient_notpanel import NOTPANEL

LATENCY, JITTER = 0.03, 0.04
#: The mean of what the line adds to a request and its reply.
ROUND_TRIP = 2 * (LATENCY + JITTER / 2)
WINDOWS = 5
#: What must be reached of period / (period + round trip).
LEAST = 0.95
_LIMIT_HEADERS = "x-ratelimit-"


@define
class Untold:
    """A transport that keeps what replies tell about limits to itself."""

    inner: Transport

    async def send(self, request: WireRequest) -> WireReply:
        reply = await self.inner.send(request)
        headers = {name: value for name, value in reply.headers.items() if not name.startswith(_LIMIT_HEADERS)}
        return WireReply(reply.status, headers, reply.body)

    async def aclose(self) -> None:
        await self.inner.aclose()


@frozen(kw_only=True)
class Pace:
    """How one client kept to its limit."""

    window: Window
    transport: str
    told: bool
    denied: int
    failed: int
    in_time: int
    #: Mean of the seconds between a request and the one that is ``rate`` later.
    cycle: float
    shortest: float


def _order(number: int) -> Order:
    return Order(service=1, link=f"https://example.com/{number}", quantity=10)


async def keep_pace(sandbox: Sandbox, window: Window, transport: Transport, *, told: bool, limit: Limit) -> Pace:
    """Let more orders than fit into the windows wait, and look at the panel's log when the windows are over."""
    failed = 0
    port = urlsplit(sandbox.base_url).port or 0
    async with slow_line(port, latency=LATENCY, jitter=JITTER) as line:
        dialect = evolve(NOTPANEL, limits=(limit,), tells_limits=told)
        panel = Panel(
            dialect,
            api_key=sandbox.api_key,
            base_url=sandbox.base_url.replace(f":{port}", f":{line}"),
            transport=transport if told else Untold(transport),
            settings=Settings(max_connections=16),
        )

        async def place(number: int) -> None:
            nonlocal failed
            try:
                await panel.add_order(_order(number))
            except SMMError:
                failed += 1

        async with asyncio.timeout(WINDOWS * limit.per + 30), anyio.create_task_group() as tasks:
            for number in range((WINDOWS + 1) * limit.rate):
                tasks.start_soon(place, number)
            await anyio.sleep(WINDOWS * limit.per)
            tasks.cancel_scope.cancel()
        await transport.aclose()
    served = [request.at for request in sandbox.requests if request.status == 200]
    cycles = [later - earlier for earlier, later in zip(served, served[limit.rate :], strict=False)]
    return Pace(
        window=window,
        transport=type(transport).__name__,
        told=told,
        denied=sandbox.count(status=429),
        failed=failed,
        in_time=sum(at < served[0] + WINDOWS * limit.per for at in served),
        cycle=fmean(cycles),
        shortest=min(cycles),
    )


async def _all(kind: type[HttpxTransport] | type[AiohttpTransport], limit: Limit) -> list[Pace]:
    """Both windows, told and not told, at once: together they are far below what one core can send."""
    with ExitStack() as sandboxes:
        paces = []
        for window in Window:
            for told in (True, False):
                limits = Limits(key=PanelLimit(limit.rate, limit.per, window))
                sandbox = sandboxes.enter_context(sandbox_process("notpanel", limits=limits, balance=10**6))
                paces.append((sandbox, window, told))
        return await asyncio.gather(
            *(
                keep_pace(sandbox, window, kind(max_connections=16), told=told, limit=limit)
                for sandbox, window, told in paces
            )
        )


# ------------------------------------------------------------------------------------------ on a clock that jumps


@define
class _Jumping:
    """A transport to a sandbox without a network, over a line with latency on a clock that jumps."""

    clock: ManualClock
    sandbox: Sandbox
    draw: random.Random = field(factory=lambda: random.Random(7))

    async def send(self, request: WireRequest) -> WireReply:
        await self.clock.sleep(LATENCY + self.draw.uniform(0.0, JITTER))
        reply = self.sandbox.handle(dict(parse_qsl(request.body.decode(), keep_blank_values=True)))
        await self.clock.sleep(LATENCY + self.draw.uniform(0.0, JITTER))
        return WireReply(reply.status, {name.lower(): value for name, value in reply.headers}, reply.body)

    async def aclose(self) -> None:
        pass


async def jump(orders: int) -> tuple[float, int]:
    """Seconds that NotPanel's own limits make the orders take, and how many requests were denied."""
    async with ManualClock(now=60_017.0) as clock:
        sandbox = build(
            find_dialect("notpanel"),
            base_url="http://127.0.0.1/api/v2",
            options={"clock": clock.wall, "balance": 10**6},
        )
        panel = Panel(
            NOTPANEL,
            api_key=sandbox.api_key,
            base_url=sandbox.base_url,
            transport=_Jumping(clock, sandbox),
            clock=clock,
            settings=Settings(retry=RetryPolicy(deadline=30.0)),
        )
        started = clock.now()
        async with anyio.create_task_group() as tasks:
            for number in range(orders):
                tasks.start_soon(panel.add_order, _order(number))
                # Not all in one moment of a clock that stands still while any task can run.
                await clock.sleep(0.0)
            while len(sandbox.orders) < orders:
                await clock.sleep(0.05)
        return clock.now() - started, sandbox.count(status=429)


def measure(quick: bool) -> tuple[Table, ...]:
    limit = Limit(40, 1.0) if quick else Limit(100, 4.0)
    paces: list[Pace] = []
    for kind in (HttpxTransport, AiohttpTransport):
        paces += asyncio.run(_all(kind, limit))
    return (_real(paces, limit), _jumped(300 if quick else 1000))


def _real(paces: list[Pace], limit: Limit) -> Table:
    possible = limit.per / (limit.per + ROUND_TRIP)
    rows, broken = [], []
    for pace in paces:
        label = f"{pace.window.value}, {'told' if pace.told else 'not told'}, "
        label += pace.transport.removesuffix("Transport").lower()
        share = limit.per / pace.cycle / possible
        rows.append(
            (
                label,
                f"{pace.in_time}",
                f"{pace.shortest:.3f} s",
                f"{pace.cycle:.3f} s",
                f"{limit.per / pace.cycle:.1%}",
                f"{share:.1%}",
                f"{pace.denied}",
            )
        )
        if pace.denied or pace.failed:
            broken.append(f"pacing, {label}: {pace.denied} requests denied, {pace.failed} orders failed")
        if share < LEAST:
            broken.append(f"pacing, {label}: {share:.1%} of what is possible")
    return Table(
        title=f"Pacing: {limit.rate} requests per {limit.per:g} s, {WINDOWS} windows in real time",
        columns=(
            "server's window, headers, transport",
            f"placed in {WINDOWS} windows",
            f"shortest time for {limit.rate}",
            "mean",
            "of the limit",
            "of period / (period + round trip)",
            "**429s**",
        ),
        rows=rows,
        reading=(
            f"The line adds {LATENCY * 1e3:.0f} to {(LATENCY + JITTER) * 1e3:.0f} ms each way. The shortest and the "
            f"mean time are between a request and the one that is {limit.rate} later, on the panel's clock: a sliding "
            f"window denies what is under {limit.per:g} s. The use of the limit follows from the mean. *Not told*: the "
            "panel's X-RateLimit headers are withheld from the client. "
            f"There must be no 429, and at least {LEAST:.0%} in the last but one column."
        ),
        broken=broken,
    )


def _jumped(orders: int) -> Table:
    seconds, denied = asyncio.run(jump(orders))
    rate, per = 100, 60.0
    ideal = (orders // rate - 1) * per
    broken = [f"pacing: {denied} requests denied on the virtual clock"] if denied else []
    return Table(
        title=f"Pacing: {orders:,} orders at NotPanel's 100 a minute, on a virtual clock",
        columns=("", "ideal", "took", "ratio", "**429s**"),
        rows=((f"{orders:,} orders", f"{ideal:,.0f} s", f"{seconds:,.1f} s", ratio(seconds / ideal), f"{denied}"),),
        reading=(
            "The sandbox with NotPanel's documented limits (100 a minute for the key, 300 for the address), the same "
            "line, no real waiting. Ideal is what a client without any latency needs: the last hundred leaves when "
            f"{orders // rate - 1} minutes are over."
        ),
        broken=broken,
    )
