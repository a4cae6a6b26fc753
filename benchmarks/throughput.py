"""What does the client add to the HTTP library under it? Orders per second, CPU per order, and the pipeline alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import anyio
import httpx
from attrs import evolve, frozen

from benchmarks.panels import bare_panel
from benchmarks.tables import Table, interleaved, median, ratio, spread, us
from smmclient import Event, Limit, Order, Receipt, Scope, Settings, connect
from smmclient.dialect.told import told_limits
from smmclient.panel import Panel
from smmclient.pipeline.account import Account, Ticket
from smmclient.pipeline.clock import SystemClock
from smmclient.pipeline.key import ApiKey
from smmclient.pipeline.pace import Priority
from smmclient.transport import AiohttpTransport, HttpxTransport
from smmclient.wire import Operation, WireReply, WireRequest
from smmclient_notpanel import NOTPANEL

ORDER = Order(service=1, link="https://example.com/p/C8xYz12AbCd/", quantity=1000)
REQUEST_ID = "6f1d3c1e-6f3b-4a39-9d5e-2f5b8d6f7c11"
KEY = "benchmark-key-0123456789abcdef"
BOUND = 120.0
#: Limits that are never reached: what pacing costs, without a wait. The period is short, so that about as many
#: slots are held as under a real limit.
WIDE = (Limit(10**6, 0.005), Limit(10**6, 0.005, Scope.ADDRESS))
#: Connections that `Settings` allows if nothing else is said.
FEW = Settings().max_connections

#: What is promised of these rows: how many times as many orders a second as each raw client.
PROMISED = {
    "100 at once: smmclient, 100 connections, httpx": {"httpx": 2.5},
    "100 at once: smmclient, 100 connections, aiohttp": {"httpx": 8.0, "aiohttp": 0.85},
}
#: Seconds that an order may cost beside the transport, everything on.
MOST_OWN_COST = 60e-6
PROMISED_OWN = "add_order, two limits, events"

Post = Callable[[], Awaitable[object]]


@frozen
class Sample:
    per_second: float
    cpu: float


async def drive(post: Post, *, count: int, at_once: int) -> Sample:
    """Post so many times, so many at once."""
    left = count

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await post()

    started, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(work())
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return Sample(count / seconds, cpu / count)


def _hear(event: Event) -> None:
    """A listener, so that events are made."""


async def clients(url: str, at_once: int, stack: AsyncExitStack) -> dict[str, Post]:
    """The raw ones with as many connections as there are calls at once, ours with as many and with its default."""
    form = {"key": KEY, "action": "add", **ORDER.parameters(), "request_id": REQUEST_ID}
    raw_httpx = await stack.enter_async_context(
        httpx.AsyncClient(
            limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
            timeout=30.0,
            trust_env=False,
        )
    )
    raw_aiohttp = await stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once), timeout=aiohttp.ClientTimeout(30.0))
    )

    async def post_httpx() -> object:
        reply = await raw_httpx.post(url, data=form)
        return reply.json()["order"]

    async def post_aiohttp() -> object:
        async with raw_aiohttp.post(url, data=form) as reply:
            return (await reply.json())["order"]

    def ours(kind: type[HttpxTransport] | type[AiohttpTransport], connections: int) -> Post:
        transport = kind(max_connections=connections)
        stack.push_async_callback(transport.aclose)
        settings = Settings(limits=WIDE, max_connections=connections, on_event=_hear)
        panel = connect("notpanel", api_key=KEY, base_url=url, settings=settings, transport=transport)
        return lambda: panel.add_order(ORDER)

    posts: dict[str, Post] = {}
    for name, kind, raw in (
        ("httpx", HttpxTransport, post_httpx),
        ("aiohttp", AiohttpTransport, post_aiohttp),
    ):
        posts[f"raw {name}"] = raw
        for connections in sorted({at_once, FEW}, reverse=True):
            posts[f"smmclient, {connections} connections, {name}"] = ours(kind, connections)
    return posts


async def _loaded(url: str, at_once: int, *, count: int, rounds: int) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {}
    async with asyncio.timeout(BOUND), AsyncExitStack() as stack:
        posts = await clients(url, at_once, stack)
        for number in range(rounds + 1):
            for name, post in posts.items():
                # Connections that had no work for a while are closed: each sample opens its own before it is timed.
                await drive(post, count=2 * at_once, at_once=at_once)
                sample = await drive(post, count=count, at_once=at_once)
                if number:
                    samples.setdefault(name, []).append(sample)
    return samples


def _against(samples: list[Sample], peer: list[Sample]) -> float:
    """How many times as many orders a second: the median of the rounds, each against the peer's in that round."""
    return median([ours.per_second / theirs.per_second for ours, theirs in zip(samples, peer, strict=True)])


def _network(url: str, quick: bool) -> Table:
    rows, broken = [], []
    for at_once in (8, 100):
        rounds = asyncio.run(_loaded(url, at_once, count=200 if quick else 800, rounds=2 if quick else 9))
        for name, samples in rounds.items():
            label = f"{at_once} at once: {name}"
            ratios = {peer: _against(samples, rounds[f"raw {peer}"]) for peer in ("httpx", "aiohttp")}
            promised = PROMISED.get(label, {})
            broken += [
                f"throughput, {label}: {ratios[peer]:.2f} of raw {peer}, less than {least}"
                for peer, least in promised.items()
                if ratios[peer] < least and not quick
            ]
            cpu = median([sample.cpu for sample in samples])
            raw = rounds[f"raw {name.split()[-1]}"]
            rows.append(
                (
                    f"**{label}**" if promised else label,
                    f"{median([sample.per_second for sample in samples]):,.0f}",
                    spread((sample.per_second for sample in samples), lambda figure: f"{figure:,.0f}"),
                    ratio(ratios["httpx"]),
                    ratio(ratios["aiohttp"]),
                    us(cpu),
                    f"{(cpu - median([sample.cpu for sample in raw])) * 1e6:+,.0f} µs",
                )
            )
    return Table(
        title="Throughput: add_order against the same form posted by hand",
        columns=(
            "",
            "orders per second",
            "lowest to highest",
            "ratio to raw httpx",
            "to raw aiohttp",
            "CPU per order",
            "more than its raw one",
        ),
        rows=rows,
        reading=(
            "The server is a bare asyncio protocol with one fixed receipt, so that the client is what is measured. The "
            "raw clients are httpx.AsyncClient and aiohttp.ClientSession with as many connections as calls at once; "
            "they read the order id from the JSON. Ours do everything: request_id, pacing on two limits, gate, "
            "signing, judging the reply, a typed receipt, an event for each attempt. Ratios are medians of the rounds. "
            "A ratio above 1 is no mistake: ours goes below httpx's client and aiohttp's session. With many "
            "connections raw httpx is slow and unsteady, because its pool looks at all of them for each request. The "
            "rows in bold are promises: at least "
            + "; ".join(
                " and ".join(f"{least} of raw {peer}" for peer, least in leasts.items()) + f" ({label})"
                for label, leasts in PROMISED.items()
            )
            + "."
        ),
        broken=broken,
    )


# --------------------------------------------------------------------------------------- without a network


class _Instant:
    """A transport that answers at once."""

    def __init__(self, reply: WireReply) -> None:
        self._reply = reply

    async def send(self, request: WireRequest) -> WireReply:
        return self._reply

    async def aclose(self) -> None:
        pass


_BODY = b'{"order":"ord_01HG9X7KJP4N5Q6R7S8T9V0W1X","charge":"0.09000"}'
REPLY = WireReply(200, {"content-type": "application/json"}, _BODY)
TELLING = WireReply(
    200,
    {**REPLY.headers, "x-ratelimit-limit": "1000000", "x-ratelimit-remaining": "999999", "x-ratelimit-reset": "1"},
    _BODY,
)


def _alone(quick: bool) -> Table:
    often = 500 if quick else 3000
    runner = asyncio.Runner()

    def calls(make: Post) -> Callable[[], object]:
        async def all_of() -> None:
            for _ in range(often):
                await make()

        return lambda: runner.run(all_of())

    def repeats(action: Callable[[], object]) -> Callable[[], object]:
        def all_of() -> None:
            for _ in range(often):
                action()

        return all_of

    def panel(limits: tuple[Limit, ...], reply: WireReply = REPLY, settings: Settings | None = None) -> Panel:
        dialect = evolve(NOTPANEL, limits=limits, tells_limits=False)
        transport = _Instant(reply)
        return Panel(dialect, api_key=KEY, base_url="http://127.0.0.1:9/api", transport=transport, settings=settings)

    operation = NOTPANEL.add(ORDER, REQUEST_ID)
    key = ApiKey(KEY)
    account = Account(origin="benchmark", account="own", way_out="", limits=WIDE, tells=False, clock=SystemClock())
    clock = SystemClock()
    gate = anyio.Semaphore(8, fast_acquire=True)
    free, paced, told, all_on = (
        panel(()),
        panel(WIDE),
        panel(WIDE, TELLING),
        panel(WIDE, settings=Settings(on_event=_hear)),
    )

    def slot() -> None:
        ticket = account.take(clock.now())
        assert isinstance(ticket, Ticket)
        account.settle(ticket, clock.now(), None)

    async def gated() -> None:
        async with gate:
            pass

    def run(of: Panel, what: Operation[Receipt]) -> Post:
        return lambda: of._pipeline.run(what, Priority.PLACE)

    subjects = {
        "add_order, no limits": calls(lambda: free.add_order(ORDER)),
        "add_order, two limits": calls(lambda: paced.add_order(ORDER)),
        f"**{PROMISED_OWN}**": calls(lambda: all_on.add_order(ORDER)),
        "add_order, two limits, headers that tell": calls(lambda: told.add_order(ORDER)),
        "… of which Pipeline.run, two limits": calls(run(paced, operation)),
        "the operation: dialect.add": repeats(lambda: NOTPANEL.add(ORDER, REQUEST_ID)),
        "signing: ApiKey.sign": repeats(lambda: key.sign(operation.form)),
        "pacing: take and settle": repeats(slot),
        "the gate": calls(gated),
        "reading: dialect.read": repeats(lambda: NOTPANEL.read(REPLY, operation)),
        "limit headers: told_limits": repeats(lambda: told_limits(TELLING.headers, 1e9)),
        "building the Order": repeats(lambda: Order(service=1, link=ORDER.link, quantity=1000)),
    }
    with runner:
        rounds = interleaved(subjects, rounds=5 if quick else 15)
    took = {name: median(all_of) / often for name, all_of in rounds.items()}
    whole = took["add_order, two limits"]
    own = took[f"**{PROMISED_OWN}**"]
    too_much = own > MOST_OWN_COST and not quick
    return Table(
        title="The pipeline alone: one successful order, without a network",
        columns=("", "time", "of an add_order with two limits"),
        rows=[(name, us(took[name]), f"{took[name] / whole:.0%}") for name in subjects],
        reading=(
            "The transport answers at once; one caller, nothing waits. The parts below the first five lines are "
            "measured by themselves and do not add up exactly: scheduling, uuid4 and clocks are in none of them. The "
            f"line in bold is a promise: at most {us(MOST_OWN_COST)} on the machine above."
        ),
        broken=[f"throughput, {PROMISED_OWN}: {us(own)}, more than {us(MOST_OWN_COST)}"] if too_much else [],
    )


def measure(quick: bool) -> tuple[Table, ...]:
    with bare_panel() as url:
        network = _network(url, quick)
    return (network, _alone(quick))
