"""What do a thousand statuses cost? In batches, one by one at the same time, and to decode."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import random
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import msgspec

from benchmarks.panels import sandbox_process
from benchmarks.tables import Table, interleaved, median, ms, ratio, us
from smmclient import Order, OrderStatus, Provider, Settings, connect
from smmclient.sandbox import Limits, Sandbox
from smmclient.transport import AiohttpTransport
from smmclient.wire import WireReply, WireRequest
from smmclient_notpanel import NOTPANEL

BATCH = 100
BOUND = 120.0
NONE = "-"


async def _gathered(panel: Provider, ids: list[str]) -> None:
    answers = await asyncio.gather(*(panel.order_status(one) for one in ids))
    assert [answer.order for answer in answers] == ids


async def _together(panel: Provider, ids: list[str]) -> None:
    answers = await panel.order_statuses(ids)
    assert list(answers) == ids
    assert all(isinstance(answer, OrderStatus) for answer in answers.values())


async def _singly(panel: Provider, ids: list[str]) -> None:
    """What a client without batches does: a request for each, so many at once as there are connections."""
    answers = await asyncio.gather(*(panel.order_statuses([one]) for one in ids))
    assert all(isinstance(answer[one], OrderStatus) for one, answer in zip(ids, answers, strict=True))


async def _over_the_wire(sandbox: Sandbox, count: int, rounds: int) -> Table:
    ways: dict[str, Callable[[Provider, list[str]], Awaitable[None]]] = {
        f"order_statuses of {count:,}": _together,
        f"{count:,} order_status at the same time": _gathered,
        f"{count:,} requests for one each": _singly,
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    sent: dict[str, set[int]] = {name: set() for name in ways}
    transport = AiohttpTransport()
    settings = Settings(limits=(), max_connections=16)
    panel = connect(
        "notpanel", api_key=sandbox.api_key, base_url=sandbox.base_url, settings=settings, transport=transport
    )
    async with asyncio.timeout(BOUND), panel:
        orders = [Order(service=1, link=f"https://example.com/{number}", quantity=10) for number in range(count)]
        ids = [receipt.order for receipt in await asyncio.gather(*map(panel.add_order, orders))]
        await _together(panel, ids)
        for _ in range(rounds):
            for name, ask in ways.items():
                before = sandbox.count("status")
                started = time.perf_counter()
                await ask(panel, ids)
                took[name].append(time.perf_counter() - started)
                sent[name].add(sandbox.count("status") - before)
    await transport.aclose()
    best = count // BATCH
    slowest = median(took[list(ways)[-1]])
    broken = [
        f"statuses: {name} took {sorted(sent[name])} requests, not {best}"
        for name in list(ways)[:2]
        if sent[name] != {best}
    ]
    return Table(
        title=f"Statuses: {count:,} of NotPanel's over AiohttpTransport",
        columns=("", "requests", "time", "times as fast as one each"),
        rows=[
            (
                name,
                " / ".join(f"{requests:,}" for requests in sorted(sent[name])),
                ms(median(took[name])),
                ratio(slowest / median(took[name])),
            )
            for name in ways
        ],
        reading=(
            f"Single calls that are made within a few milliseconds share requests of {BATCH} ids, so they must need "
            f"{best}, as the one call for all does. At NotPanel's 100 requests a minute the last row would take "
            f"{(count - 1) // 100} minutes."
        ),
        broken=broken,
    )


def _decoding(rounds: int) -> Table:
    draw = random.Random(5)
    words = ("pending", "in_progress", "completed", "partial", "canceled")
    ids = [f"ord_01HG9X7KJP4N{number:014}" for number in range(BATCH)]
    rows = {
        one: {
            "charge": f"{draw.uniform(0, 9):.5f}",
            "start_count": str(draw.randrange(50_000)),
            "status": draw.choice(words),
            "remains": str(draw.randrange(900)),
            "currency": "USD",
        }
        for one in ids
    }
    reply = WireReply(200, {"content-type": "application/json"}, json.dumps(rows).encode())
    operation = NOTPANEL.status(ids)
    assert all(isinstance(row, OrderStatus) for row in NOTPANEL.read(reply, operation).values())
    often = 20

    def times(action: Callable[[], object]) -> Callable[[], object]:
        return lambda: [action() for _ in range(often)]

    subjects = {
        "smmclient: typed statuses": times(lambda: NOTPANEL.read(reply, operation)),
        "json.loads": times(lambda: json.loads(reply.body)),
        "msgspec, untyped": times(lambda: msgspec.json.decode(reply.body)),
    }
    took = {name: median(all_of) / often for name, all_of in interleaved(subjects, rounds=rounds).items()}
    return Table(
        title=f"Statuses: decoding one batch of {BATCH}",
        columns=("", "time", "per row", "ratio to json.loads"),
        rows=[
            (
                name,
                f"{took[name] * 1e3:.3f} ms",
                f"{took[name] / BATCH * 1e6:.1f} µs",
                ratio(took[name] / took["json.loads"]),
            )
            for name in subjects
        ],
        reading=(
            "From the body's bytes to `OrderStatus` values with exact decimals, counts and states, each row judged "
            "for errors of its own; the others only parse the JSON."
        ),
    )


# ----------------------------------------------------------------------------------------------------- following


class _Answering:
    """A transport to a panel where every order is in progress; it counts the requests."""

    def __init__(self) -> None:
        self.requests = 0

    async def send(self, request: WireRequest) -> WireReply:
        self.requests += 1
        (ids,) = parse_qs(request.body.decode())["orders"]
        rows = {
            one: {
                "charge": f"{int(one) % 9000 / 1000:.5f}",
                "start_count": str(int(one) % 50_000),
                "status": "In progress",
                "remains": str(int(one) % 900),
                "currency": "USD",
            }
            for one in ids.split(",")
        }
        return WireReply(200, {"content-type": "application/json"}, json.dumps(rows).encode())

    async def aclose(self) -> None:
        pass


async def _followed(count: int, *, memory: bool) -> tuple[int, float, float, float]:
    """Follow so many orders until each was seen once.

    Returns the requests, the seconds, and the bytes that following holds before and after that.
    """
    transport = _Answering()
    panel = connect("notpanel", api_key="key", settings=Settings(limits=()), transport=transport)
    ids = [str(30_000_000 + number) for number in range(count)]
    async with asyncio.timeout(BOUND), panel:
        # What is made once, on the first call, is not an order's.
        await panel.order_statuses(ids[:BATCH])
        transport.requests = 0
        gc.collect()
        if memory:
            tracemalloc.start()
        try:
            started = time.perf_counter()
            following = panel.track(ids, every=3600.0)
            waiting, _ = tracemalloc.get_traced_memory()
            for _ in ids:
                await anext(following)
            seconds = time.perf_counter() - started
            gc.collect()
            seen, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return transport.requests, seconds, waiting, seen


def _following(count: int) -> Table:
    requests, seconds, *_ = asyncio.run(_followed(count, memory=False))
    _, _, waiting, seen = asyncio.run(_followed(count, memory=True))
    million, limit = 10**6, NOTPANEL.limits[0]
    polled = math.ceil(million / NOTPANEL.batch_size)
    minutes = polled / limit.rate * limit.per / 60
    least = math.ceil(count / NOTPANEL.batch_size)
    return Table(
        title=f"Statuses: following a million orders, measured with {count:,}",
        columns=("", "an order", f"{count:,} orders", f"{million:,} orders"),
        rows=[
            ("requests for one look at each", f"{requests / count:g}", f"{requests:,}", f"{polled:,}"),
            ("… time of the client", us(seconds / count), f"{seconds:.2f} s", f"{seconds / count * million:.0f} s"),
            (f"… at {limit.rate} requests in {limit.per:g} s", NONE, NONE, f"{minutes:,.0f} min"),
            *(
                (label, f"{held / count:,.0f} B", f"{held / 1e6:,.1f} MB", f"{held / count * million / 1e6:,.0f} MB")
                for label, held in (("held before the first look", waiting), ("held after it", seen))
            ),
        ],
        reading=(
            f"`track` over a transport that answers at once, until each order was seen. Measured with {count:,}; the "
            f"column of a million is arithmetic: {NOTPANEL.batch_size} ids a request, and as much for each order. The "
            "limit is NotPanel's for a key: on it, a million orders cannot be looked at more often than that. Memory "
            "is what tracemalloc counts, without the ids that the caller holds; after the first look the last status "
            "is held for each order, to tell a change."
        ),
        broken=[f"statuses: {count:,} followed orders took {requests:,} requests, not {least:,}"]
        if requests != least
        else [],
    )


def measure(quick: bool) -> tuple[Table, ...]:
    with sandbox_process("notpanel", limits=Limits(), balance=10**6, seconds_to_finish=0.5) as sandbox:
        wire = asyncio.run(_over_the_wire(sandbox, 1000, 2 if quick else 7))
    return (wire, _decoding(10 if quick else 40), _following(10_000 if quick else 100_000))
