"""What do a thousand statuses cost? In batches, one by one at the same time, and to decode."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable

import msgspec

from benchmarks.panels import sandbox_process
from benchmarks.tables import Table, interleaved, median, ms, ratio
from smmclient import Order, OrderStatus, Provider, Settings, connect
from smmclient.sandbox import Limits, Sandbox
from smmclient.transport import AiohttpTransport
from smmclient.wire import WireReply
from smmclient_notpanel import NOTPANEL

BATCH = 100
BOUND = 120.0


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
            (name, ms(took[name]), f"{took[name] / BATCH * 1e6:.1f} µs", ratio(took[name] / took["json.loads"]))
            for name in subjects
        ],
        reading=(
            "From the body's bytes to `OrderStatus` values with exact decimals, counts and states, each row judged "
            "for errors of its own; the others only parse the JSON."
        ),
    )


def measure(quick: bool) -> tuple[Table, ...]:
    with sandbox_process("notpanel", limits=Limits(), balance=10**6, seconds_to_finish=0.5) as sandbox:
        wire = asyncio.run(_over_the_wire(sandbox, 1000, 2 if quick else 7))
    return (wire, _decoding(10 if quick else 40))
