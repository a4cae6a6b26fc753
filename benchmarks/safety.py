"""Is an order placed once, whatever goes wrong? Thousands of placements under random faults, then the panel's books."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from decimal import Decimal

import anyio
from attrs import define, field, frozen

from benchmarks.panels import sandbox_process
from benchmarks.tables import Table
from smmclient import (
    Order,
    OrderInDoubt,
    OutcomeUnknown,
    Provider,
    Receipt,
    Refused,
    RetryPolicy,
    Settings,
    SMMError,
    Timeouts,
    Unavailable,
    connect,
)
from smmclient.events import Event
from smmclient.sandbox import Fault, Limits, Sandbox, SandboxOrder
from smmclient.transport import AiohttpTransport, HttpxTransport, Transport

#: Every way to go wrong that a panel in a box knows; each is as likely as the others.
FAULTS = tuple(Fault)
#: Of all requests, the part that a fault strikes.
STRUCK = 0.25
#: Of all placements, the part that the caller gives up on within 30 ms, and the part that a panel must refuse.
GIVEN_UP = 0.02
IMPOSSIBLE = 0.01
TIMEOUTS = Timeouts(connect=2.0, read=0.4, write=2.0, body=2.0)
RETRY = RetryPolicy(attempts=4, deadline=20.0, first_pause=0.01, longest_pause=0.1)
AT_ONCE = 48
BOUND = 150.0
SEED = 20_260


@frozen
class Wish:
    """One order that is asked for once; no other has its link."""

    order: Order
    request_id: str | None
    give_up_after: float | None

    @property
    def link(self) -> str:
        return self.order.link


@define
class Ended:
    """How the placements ended, by link."""

    placed: dict[str, Receipt] = field(factory=dict)
    refused: set[str] = field(factory=set)
    unavailable: set[str] = field(factory=set)
    unknown: dict[str, Wish] = field(factory=dict)
    #: Given up by the caller: those that the library said may have arrived, and all of them.
    in_doubt: set[str] = field(factory=set)
    given_up: dict[str, Wish] = field(factory=dict)
    other: Counter[str] = field(factory=Counter)


def wishes(count: int, *, panel: str, draw: random.Random) -> list[Wish]:
    made = []
    for number in range(count):
        service: int | str = draw.choice((1, 2, 4, 13))
        if draw.random() < IMPOSSIBLE:
            service = 999
        order = Order(
            service=service, link=f"https://example.com/{panel}/{number}", quantity=10 * draw.randrange(10, 900)
        )
        request_id = str(uuid.UUID(int=draw.getrandbits(128), version=4)) if panel == "notpanel" else None
        given_up = draw.uniform(0.0, 0.03) if draw.random() < GIVEN_UP else None
        made.append(Wish(order, request_id, given_up))
    return made


def let_fail(sandbox: Sandbox) -> None:
    """Let one request in four go wrong, each way as often as the others."""
    left = 1.0
    for fault in FAULTS:
        share = STRUCK / len(FAULTS)
        sandbox.fail("add", fault, probability=share / left, seconds=2.0 if fault is Fault.LATE else 0.05)
        left -= share


async def place_all(panel: Provider, todo: list[Wish], ended: Ended) -> None:
    waiting = iter(todo)

    async def work() -> None:
        for wish in waiting:
            await place(panel, wish, ended)

    async with asyncio.timeout(BOUND), asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(work())


async def place(panel: Provider, wish: Wish, ended: Ended) -> None:
    try:
        if wish.give_up_after is None:
            ended.placed[wish.link] = await panel.add_order(wish.order, request_id=wish.request_id)
            return
        receipt = None
        with anyio.move_on_after(wish.give_up_after):
            receipt = await panel.add_order(wish.order, request_id=wish.request_id)
        if receipt is None:
            ended.given_up[wish.link] = wish
        else:
            ended.placed[wish.link] = receipt
    except Refused:
        ended.refused.add(wish.link)
    except OutcomeUnknown as unknown:
        if unknown.safe_to_repeat != (wish.request_id is not None):
            ended.other["OutcomeUnknown with a wrong safe_to_repeat"] += 1
        else:
            ended.unknown[wish.link] = wish
    except Unavailable:
        ended.unavailable.add(wish.link)
    except SMMError as error:
        ended.other[type(error).__name__] += 1


async def settle(panel: Provider, ended: Ended) -> int:
    """Ask again for all that is open, with the same request_id; return how many stay open."""
    for wish in (*ended.unknown.values(), *ended.given_up.values()):
        try:
            ended.placed[wish.link] = await panel.add_order(wish.order, request_id=wish.request_id)
        except Refused:
            ended.refused.add(wish.link)
        except SMMError:
            continue
        ended.unknown.pop(wish.link, None)
        ended.given_up.pop(wish.link, None)
        ended.in_doubt.discard(wish.link)
    return len(ended.unknown) + len(ended.given_up)


@frozen(kw_only=True)
class Books:
    """What the panel's books say, held against what the client was told."""

    orders: int
    twice: int
    #: Receipts whose order is not the panel's order for that link.
    phantom: int
    #: Orders at the panel that nobody was told of: neither placed, nor unknown, nor in doubt.
    lost: int
    #: What the panel took, less the cost of what was placed and of the open ones that it has: exactly 0.
    gap: Decimal
    open_at_panel: int
    open_cost: Decimal
    placed_cost: Decimal


def audit(orders: tuple[SandboxOrder, ...], spent: Decimal, ended: Ended, costs: dict[str, Decimal]) -> Books:
    at_panel: dict[str, list[SandboxOrder]] = {}
    for order in orders:
        at_panel.setdefault(order.link, []).append(order)
    phantom = sum(
        receipt.order not in [order.id for order in at_panel.get(link, [])] for link, receipt in ended.placed.items()
    )
    opened = {link for link in (*ended.unknown, *ended.in_doubt) if link in at_panel}
    told = ended.placed.keys() | opened
    placed_cost = sum(((receipt.charge or costs[link]) for link, receipt in ended.placed.items()), Decimal(0))
    open_cost = sum((costs[link] for link in opened), Decimal(0))
    return Books(
        orders=len(orders),
        twice=sum(len(group) - 1 for group in at_panel.values()),
        phantom=phantom,
        lost=len(at_panel.keys() - told),
        gap=spent - placed_cost - open_cost,
        open_at_panel=len(opened),
        open_cost=open_cost,
        placed_cost=placed_cost,
    )


@frozen(kw_only=True)
class Round:
    """One panel over one transport."""

    panel: str
    transport: str
    asked: int
    requests: int
    seconds: float
    first: Books
    counts: dict[str, int]
    other: dict[str, int]
    unsettled: int | None = None
    last: Books | None = None


async def run(panel_name: str, transport: Transport, count: int) -> Round:
    draw = random.Random(f"{SEED} {panel_name} {type(transport).__name__}")
    todo = wishes(count, panel=panel_name, draw=draw)
    ended = Ended()

    def hear(event: Event) -> None:
        if isinstance(event, OrderInDoubt) and isinstance(event.order, Order):
            ended.in_doubt.add(event.order.link)

    settings = Settings(timeouts=TIMEOUTS, retry=RETRY, max_connections=AT_ONCE, limits=(), on_event=hear)
    options = {"limits": Limits(), "troubled": 0.0, "balance": 10**9, "seed": draw.randrange(10**6)}
    if panel_name == "panelbon":
        options["discount"] = 10
    with sandbox_process(panel_name, **options) as sandbox:
        panel = connect(
            panel_name,
            api_key=sandbox.api_key,
            base_url=sandbox.base_url,
            settings=settings,
            transport=transport,
        )
        async with panel:
            catalog = await panel.services()
            costs: dict[str, Decimal] = {}
            for wish in todo:
                service = catalog.get(wish.order.service)
                costs[wish.link] = (service.cost(wish.order) if service else None) or Decimal(0)
            let_fail(sandbox)
            started = time.perf_counter()
            await place_all(panel, todo, ended)
            seconds = time.perf_counter() - started
            # A request of a caller who gave up may still be on its way.
            await anyio.sleep(0.5)
            first = audit(sandbox.orders, sandbox.spent, ended, costs)
            counts = {
                "placed": len(ended.placed),
                "refused": len(ended.refused),
                "unavailable": len(ended.unavailable),
                "unknown": len(ended.unknown),
                "given up": len(ended.given_up),
            }
            unsettled, last = None, None
            if panel_name == "notpanel":
                sandbox.heal()
                unsettled = await settle(panel, ended)
                last = audit(sandbox.orders, sandbox.spent, ended, costs)
            requests = sandbox.count("add")
        await transport.aclose()
    return Round(
        panel=panel_name,
        transport=type(transport).__name__,
        asked=count,
        requests=requests,
        seconds=seconds,
        first=first,
        counts=counts,
        other=dict(ended.other),
        unsettled=unsettled,
        last=last,
    )


def promises(done: Round) -> list[str]:
    """What did not hold."""
    where = f"{done.panel} over {done.transport}"
    broken = [f"{where}: {times} placements ended in {what}" for what, times in done.other.items()]
    missing = done.asked - sum(done.counts.values()) - sum(done.other.values())
    if missing:
        broken.append(f"{where}: {missing} placements did not end")
    for when, books in (("", done.first), (" after settling", done.last)):
        if books is None:
            continue
        if books.twice:
            broken.append(f"{where}{when}: {books.twice} orders twice")
        if books.phantom:
            broken.append(f"{where}{when}: {books.phantom} receipts that the panel does not know")
        if books.lost:
            broken.append(f"{where}{when}: {books.lost} orders lost")
        if books.gap:
            broken.append(f"{where}{when}: {books.gap} unexplained")
    if done.unsettled:
        broken.append(f"{where}: {done.unsettled} do not settle")
    return broken


def measure(quick: bool) -> tuple[Table, ...]:
    count = 300 if quick else 2500
    kinds: tuple[type[HttpxTransport] | type[AiohttpTransport], ...] = (HttpxTransport, AiohttpTransport)
    rounds = [
        asyncio.run(run(panel, kind(max_connections=AT_ONCE), count))
        for panel in ("notpanel", "panelbon")
        for kind in kinds
    ]
    return (_ends(rounds), _money(rounds))


def _ends(rounds: list[Round]) -> Table:
    def column(done: Round) -> tuple[str, ...]:
        first, last = done.first, done.last
        return (
            f"{done.asked:,}",
            f"{done.requests:,}",
            *(f"{done.counts[name]:,}" for name in ("placed", "refused", "unavailable", "unknown", "given up")),
            f"{sum(done.other.values())}",
            f"{first.orders:,}",
            f"{first.twice}",
            f"{first.phantom}",
            f"{first.lost}",
            "-" if done.unsettled is None else f"{done.unsettled}",
            "-" if last is None else f"{last.twice}",
        )

    labels = (
        "asked for",
        "add requests at the panel, settling included",
        "placed (receipts)",
        "refused",
        "unavailable: surely not placed",
        "unknown",
        "given up by the caller in mid-air",
        "**ended in another error**",
        "orders at the panel",
        "**orders twice**",
        "**receipts the panel does not know**",
        "**orders lost**",
        "**open after settling by request_id**",
        "**orders twice after settling**",
    )
    columns = [column(done) for done in rounds]
    total = sum(done.asked for done in rounds)
    return Table(
        title=f"Safety: {total:,} placements, one request in four struck by a fault",
        columns=("", *(f"{done.panel}, {done.transport.removesuffix('Transport').lower()}" for done in rounds)),
        rows=list(zip(labels, *columns, strict=True)),
        reading=(
            f"{len(FAULTS)} kinds of fault, each as likely: connections dropped before and after the panel acted, 5xx, "
            "HTML, cut JSON, cut connections, empty replies, 429, replies later than the read timeout. "
            f"{GIVEN_UP:.0%} of the callers give up within 30 ms, {IMPOSSIBLE:.0%} of the orders are for a service "
            "that does not exist. Every order has a link of its own, so the books show each that was made twice. "
            "The rows in bold must be 0, or `run.py` fails. PanelBon knows no request_id: there an order that was "
            "sent and not answered stays unknown, and is never sent again. On NotPanel all open ones were asked for "
            "again with their request_id once the panel was well."
        ),
        broken=[promise for done in rounds for promise in promises(done)],
    )


def _money(rounds: list[Round]) -> Table:
    rows = []
    for done in rounds:
        for when, books in (("", done.first), (", settled", done.last)):
            if books is not None:
                rows.append(
                    (
                        f"{done.panel}, {done.transport.removesuffix('Transport').lower()}{when}",
                        f"{books.placed_cost + books.open_cost + books.gap:,.5f}",
                        f"{books.placed_cost:,.5f}",
                        f"{books.open_cost:,.5f}",
                        f"{books.open_at_panel:,}",
                        f"{books.gap:,.5f}",
                    )
                )
    return Table(
        title="Safety: the money",
        columns=("", "panel took", "cost of the placed", "cost of open orders the panel has", "open orders", "**gap**"),
        rows=rows,
        reading=(
            "What the panel took = what the receipts cost + what those unknown or given-up orders cost that the panel "
            "does have. The gap must be exactly 0."
        ),
    )
