"""What is held: by a thousand calls at once, and by a day of pacing."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from decimal import Decimal

from benchmarks.panels import sandbox_process
from benchmarks.tables import Table
from smmclient import Limit, Order, OutcomeUnknown, Scope, Settings, connect
from smmclient.panel import Panel
from smmclient.sandbox import Limits, Sandbox
from smmclient.testing import ManualClock
from smmclient.transport import AiohttpTransport, HttpxTransport, Transport
from smmclient.wire import Delivery, TransportFailed, WireReply, WireRequest
from smmclient_notpanel import NOTPANEL

CALLS = 1000
BOUND = 280.0
#: Seconds that the panel takes for a reply: all calls are in the air then.
LATENCY = 1.0
HOUR = 3600.0
#: What a day may add to what an hour holds.
MOST_ADDED = 64 * 1024


def measure(quick: bool) -> tuple[Table, ...]:
    with sandbox_process("notpanel", latency=LATENCY, limits=Limits(), balance=Decimal(10**9)) as sandbox:
        calls = asyncio.run(_calls(sandbox))
    return calls, asyncio.run(_pacing(2 if quick else 24))


# --------------------------------------------------------------------------------------------- a thousand calls


async def _calls(sandbox: Sandbox) -> Table:
    ways: dict[str, tuple[type[Transport], int]] = {
        f"{CALLS:,} add_order, 8 connections (as it comes)": (AiohttpTransport, 8),
        f"{CALLS:,} add_order, all in the air, AiohttpTransport": (AiohttpTransport, CALLS),
        f"{CALLS:,} add_order, all in the air, HttpxTransport": (HttpxTransport, CALLS),
    }
    rows = []
    for name, (kind, connections) in ways.items():
        at_once, left = await _held(sandbox, kind(), connections)
        rows.append((name, f"{at_once / CALLS / 1024:.1f} kB", f"{left / CALLS:,.0f} B"))
    return Table(
        title="Memory: a thousand calls at once",
        columns=("", "held per call, all begun", "per call, when all are over and closed"),
        rows=rows,
        reading=(
            "What tracemalloc counts beyond an idle provider: tasks, orders, bodies, connections and their buffers. "
            "With 8 connections it is looked at while 8 are in the air and the others wait for their turn."
        ),
    )


async def _held(sandbox: Sandbox, transport: Transport, connections: int) -> tuple[int, int]:
    settings = Settings(limits=(), max_connections=connections)
    panel = connect(
        "notpanel", api_key=sandbox.api_key, base_url=sandbox.base_url, settings=settings, transport=transport
    )

    async def place(number: int) -> None:
        receipt = await panel.add_order(Order(service=1, link=f"https://example.com/{number}", quantity=10))
        assert receipt.order

    async with asyncio.timeout(BOUND), panel:
        await place(-1)
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            tasks = [asyncio.create_task(place(number)) for number in range(CALLS)]
            # Later than the last has begun, sooner than the first reply.
            await asyncio.sleep(LATENCY * 0.9)
            during, _ = tracemalloc.get_traced_memory()
            if connections < CALLS:
                # The rest would take minutes, a turn of eight at a time.
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            else:
                await asyncio.gather(*tasks)
            del tasks
            await transport.aclose()
            await asyncio.sleep(0.1)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return during - before, max(0, after - before)


# ---------------------------------------------------------------------------------------------- a day of pacing


class _Replies:
    """A transport to a panel that makes every order, loses one reply in fifty, and takes 50 ms."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.requests = 0

    async def send(self, request: WireRequest) -> WireReply:
        self.requests += 1
        await self.clock.sleep(0.05)
        if self.requests % 50 == 0:
            raise TransportFailed("dropped", delivery=Delivery.MAYBE_SENT)
        return WireReply(200, {}, b'{"order": "ord_%d"}' % self.requests)

    async def aclose(self) -> None:
        pass


async def _pacing(hours: int) -> Table:
    limits = (Limit(100, 60.0), Limit(300, 60.0, scope=Scope.ADDRESS))
    rows: list[tuple[str, ...]] = []
    held: list[int] = []
    async with asyncio.timeout(BOUND), ManualClock() as clock:
        transport = _Replies(clock)
        panel = Panel(NOTPANEL, api_key="key", transport=transport, clock=clock, settings=Settings(limits=limits))
        began = clock.now()
        unknown = 0

        async def place_until(end: float) -> None:
            nonlocal unknown
            while clock.now() < end:
                try:
                    await panel.add_order(Order(service=1, link="https://example.com/p", quantity=10))
                except OutcomeUnknown:
                    unknown += 1

        tracemalloc.start()
        try:
            for hour in range(1, hours + 1):
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(4):
                        tasks.create_task(place_until(began + hour * HOUR))
                gc.collect()
                now, _ = tracemalloc.get_traced_memory()
                held.append(now)
                if hour in (1, 2, 6, 12, 24):
                    rows.append((f"after {hour} h", f"{transport.requests:,}", f"{now / 1024:,.0f} kB"))
        finally:
            tracemalloc.stop()
    added = held[-1] - held[0]
    return Table(
        title="Memory: pacing at the limit, around the clock",
        columns=("", "requests sent", "held"),
        rows=rows,
        reading=(
            "Four callers place without end at 100 a minute under NotPanel's two limits, on a clock that jumps; one "
            "reply in fifty is lost, so that calls are repeated. Held is all that tracemalloc counts since the start: "
            "meters, the line, remembered ids. What a meter holds is bounded by its limit, not by time."
        ),
        broken=[f"memory: {hours} h of pacing added {added:,} bytes to the first hour's"] if added > MOST_ADDED else (),
    )
