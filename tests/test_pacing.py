"""Pacing: the limit is used whole and never overrun, whatever the network does. All on a clock that jumps."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from urllib.parse import parse_qsl

import anyio
import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from smmclient import Limit, Order, RateLimited, RetryPolicy, Scope, Settings, Waiting
from smmclient.dialect import V2, Dialect
from smmclient.panel import Panel
from smmclient.pipeline import account as account_module
from smmclient.pipeline.account import Account, Ticket
from smmclient.pipeline.clock import SystemClock
from smmclient.pipeline.meter import Meter
from smmclient.testing import ManualClock, reply
from smmclient.wire import Delivery, TransportFailed, WireReply, WireRequest
from smmclient_notpanel import NOTPANEL

ORDER = Order(service=1, link="https://example.com/p", quantity=10)
_accounts: Iterator[int] = iter(range(10**9))


def fresh_url() -> str:
    """An address that no meter has seen."""
    return f"https://panel-{next(_accounts)}.example/api/v2"


def fresh_key() -> str:
    """A key that no meter has seen: meters last as long as the process."""
    return f"key-number-{next(_accounts)}"


@define
class Window:
    """A panel's count of requests: in windows that start on the period, or in one that slides."""

    rate: int
    per: float
    sliding: bool
    hits: list[float] = field(factory=list)

    def admit(self, now: float) -> bool:
        """Count a request, unless the window is full."""
        ok = self.used(now) < self.rate
        if ok:
            self.hits.append(now)
        return ok

    def used(self, now: float) -> int:
        """How many requests are in the window."""
        start = now - self.per if self.sliding else now // self.per * self.per
        if self.sliding:
            return sum(hit > start for hit in self.hits)
        return sum(hit >= start for hit in self.hits)

    def reset_in(self, now: float) -> float:
        """Seconds until more may be sent."""
        if not self.sliding:
            return self.per - now % self.per
        live = [hit for hit in self.hits if hit > now - self.per]
        return live[0] + self.per - now if live else 0.0


@define
class LimitedPanel:
    """A transport to a panel with a limit, over a network with latency and jitter."""

    clock: ManualClock
    window: Window
    draw: random.Random
    latency: float = 0.05
    jitter: float = 0.2
    tells: bool = False
    served: list[float] = field(factory=list)
    actions: list[str] = field(factory=list)
    denied: int = 0

    async def send(self, request: WireRequest) -> WireReply:
        """Take the request, some time later, and answer, some time later."""
        await self.clock.sleep(self.latency + self.draw.uniform(0, self.jitter))
        now = self.clock.now()
        headers: dict[str, str] = {}
        ok = self.window.admit(now)
        if self.tells:
            headers = {
                "X-RateLimit-Limit": str(self.window.rate),
                "X-RateLimit-Remaining": str(self.window.rate - self.window.used(now)),
                "X-RateLimit-Reset": str(int(self.clock.wall() + self.window.reset_in(now)) + 1),
            }
        await self.clock.sleep(self.latency + self.draw.uniform(0, self.jitter))
        if not ok:
            self.denied += 1
            return reply({"error": "slow down"}, 429, headers=headers)
        form = dict(parse_qsl(request.body.decode()))
        self.served.append(now)
        self.actions.append(form["action"])
        if form["action"] == "add":
            return reply({"order": len(self.served)}, headers=headers)
        ids = form.get("orders", form.get("order", "")).split(",")
        return reply({one: {"status": "Pending", "charge": "1"} for one in ids}, headers=headers)

    async def aclose(self) -> None:
        """Nothing to close."""


def panel_over(
    transport: LimitedPanel, limits: tuple[Limit, ...], *, tells: bool = False, key: str = "", url: str = ""
) -> Panel:
    """A provider with these limits over that transport."""
    dialect = Dialect(name="limited", base_url=url or fresh_url(), limits=limits, tells_limits=tells)
    return Panel(
        dialect,
        api_key=key or fresh_key(),
        transport=transport,
        clock=transport.clock,
        draw=random.Random(1),
        settings=Settings(retry=RetryPolicy(deadline=600)),
    )


@pytest.mark.anyio
@pytest.mark.parametrize("tells", [False, True])
@pytest.mark.parametrize("sliding", [False, True])
async def test_five_windows(sliding: bool, tells: bool) -> None:
    """Alone on its key a client sees no 429 and uses at least 95 % of period / (period + latency) of the limit."""
    rate, per = 100, 60.0
    async with ManualClock(now=60_000.0 + 17.0) as clock:
        server = LimitedPanel(clock, Window(rate, per, sliding), random.Random(7), tells=tells)
        panel = panel_over(server, (Limit(rate, per),), tells=tells)
        start = clock.now()
        async with anyio.create_task_group() as tasks:
            for _ in range(5 * rate + 50):
                tasks.start_soon(panel.add_order, ORDER)
            await clock.sleep(5 * per)
            tasks.cancel_scope.cancel()
        latency = 2 * (server.latency + server.jitter / 2)
        in_time = sum(served < start + 5 * per for served in server.served)
    assert server.denied == 0
    assert in_time >= 0.95 * 5 * rate * per / (per + latency)


@examples(max_examples=60, deadline=None)
@given(
    rate=st.integers(1, 12),
    per=st.floats(0.5, 60),
    sliding=st.booleans(),
    offset=st.floats(0, 60),
    seed=st.integers(0, 2**16),
    tells=st.booleans(),
)
def test_no_window_over_the_limit(rate: int, per: float, sliding: bool, offset: float, seed: int, tells: bool) -> None:
    """However slow and jittery the network, no window at the panel ever holds more than the limit."""

    async def run() -> LimitedPanel:
        async with ManualClock(now=60_000.0 + offset) as clock:
            draw = random.Random(seed)
            latency, jitter = draw.uniform(0, per), draw.uniform(0, 2 * per)
            server = LimitedPanel(clock, Window(rate, per, sliding), draw, latency, jitter, tells=tells)
            panel = panel_over(server, (Limit(rate, per),), tells=tells)
            async with anyio.create_task_group() as tasks:
                for _ in range(4 * rate):
                    tasks.start_soon(panel.add_order, ORDER)
            return server

    server = anyio.run(run)
    assert server.denied == 0
    assert len(server.served) == 4 * rate


@pytest.mark.anyio
async def test_somebody_else_uses_the_key() -> None:
    """What the replies tell is believed when it is less than our own count: no 429 after the first reply told it."""
    async with ManualClock(now=60_000.0) as clock:
        window = Window(100, 60.0, sliding=True)
        window.hits = [clock.now() - 1.0] * 70
        server = LimitedPanel(clock, window, random.Random(3), tells=True)
        panel = panel_over(server, (Limit(100, 60.0),), tells=True)
        async with anyio.create_task_group() as tasks:
            for _ in range(60):
                tasks.start_soon(panel.add_order, ORDER)
        assert server.denied == 0
        assert len(server.served) == 60
        assert clock.now() - 60_000.0 < 62.0


@pytest.mark.anyio
async def test_a_tier_limit_is_learnt() -> None:
    """A limit that no document gives, told as what remains of the tier, is kept to as well."""

    @define
    class Tiered(LimitedPanel):
        async def send(self, request: WireRequest) -> WireReply:
            answer = await LimitedPanel.send(self, request)
            headers = dict(answer.headers)
            headers["x-ratelimit-tier-remaining"] = headers.pop("x-ratelimit-remaining")
            headers |= {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "99"}
            return WireReply(answer.status, headers, answer.body)

    async with ManualClock(now=60_000.0) as clock:
        server = Tiered(clock, Window(20, 60.0, sliding=False), random.Random(3), tells=True)
        panel = panel_over(server, (Limit(100, 60.0),), tells=True)
        async with anyio.create_task_group() as tasks:
            for _ in range(60):
                tasks.start_soon(panel.add_order, ORDER)
        assert server.denied == 0
        assert clock.now() - 60_000.0 < 3 * 62.0


@pytest.mark.anyio
async def test_orders_go_before_polls() -> None:
    """When the limit is scarce, orders that came later are placed before polls that wait."""
    async with ManualClock() as clock:
        server = LimitedPanel(clock, Window(2, 10.0, sliding=True), random.Random(3))
        panel = panel_over(server, (Limit(2, 10.0),))
        async with anyio.create_task_group() as tasks:
            for order in range(4):
                tasks.start_soon(panel.order_statuses, [order])
            await clock.sleep(1.0)
            for _ in range(4):
                tasks.start_soon(panel.add_order, ORDER)
    assert server.actions == ["status"] * 2 + ["add"] * 4 + ["status"] * 2


@pytest.mark.anyio
async def test_one_account_one_meter() -> None:
    """Two providers with the same key at the same panel share its limit; another key has its own."""
    async with ManualClock(now=60_000.0) as clock:
        server = LimitedPanel(clock, Window(1000, 10.0, sliding=True), random.Random(3))
        limits = (Limit(5, 10.0),)
        key, url = fresh_key(), fresh_url()
        first, second = (panel_over(server, limits, key=key, url=url) for _ in range(2))
        async with anyio.create_task_group() as tasks:
            for panel in (first, second):
                for _ in range(5):
                    tasks.start_soon(panel.add_order, ORDER)
            await clock.sleep(5.0)
            assert len(server.served) == 5
            await panel_over(server, limits, url=url).add_order(ORDER)
            assert len(server.served) == 6
    assert len(server.served) == 11


@pytest.mark.anyio
async def test_the_address_is_shared_by_all_keys() -> None:
    """A limit for the address counts the requests of every key from here."""
    async with ManualClock(now=60_000.0) as clock:
        server = LimitedPanel(clock, Window(1000, 10.0, sliding=True), random.Random(3))
        limits = (Limit(100, 10.0, Scope.KEY), Limit(3, 11.5, Scope.ADDRESS))
        url = fresh_url()
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(panel_over(server, limits, url=url).add_order, ORDER)
            await clock.sleep(5.0)
            assert len(server.served) == 3
    assert len(server.served) == 4


@pytest.mark.anyio
async def test_the_first_wait_does_not_count() -> None:
    """A thousand orders gathered at 100 a minute wait ten minutes and are placed; the deadline is for retrying."""
    async with ManualClock(now=60_000.0) as clock:
        server = LimitedPanel(clock, Window(100, 60.0, sliding=False), random.Random(3))
        panel = panel_over(server, (Limit(100, 60.0),)).with_settings(retry=RetryPolicy(deadline=5.0))
        receipts: list[object] = []

        async def place() -> None:
            receipts.append(await panel.add_order(ORDER))

        async with anyio.create_task_group() as tasks:
            for _ in range(1000):
                tasks.start_soon(place)
        assert len(receipts) == 1000
        assert server.denied == 0
        ideal = 9 * 60.0
        assert ideal <= clock.now() - 60_000.0 < 1.02 * ideal


#: (headers of a 429, how long nothing is sent after it).
TOLD: list[tuple[dict[str, str], float, float]] = [
    ({"Retry-After": "7"}, 7.0, 7.0),
    ({"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT", "date": "Tue, 14 Nov 2023 22:13:20 GMT"}, 30.0, 30.0),
    ({"X-RateLimit-Reset": "1700000012"}, 12.0, 12.0),
    # Their clock is an hour ahead: no more than one period.
    ({"X-RateLimit-Reset": "1700003600"}, 60.0, 60.0),
    # It is an hour ahead and says so: the difference counts.
    ({"X-RateLimit-Reset": "1700003609", "date": "Tue, 14 Nov 2023 23:13:20 GMT"}, 9.0, 9.0),
    # It is behind, or speaks nonsense: our own growing pause.
    ({"X-RateLimit-Reset": "1699990000"}, 0.25, 0.5),
    ({"X-RateLimit-Reset": "soon", "Retry-After": "-4"}, 0.25, 0.5),
    ({"Retry-After": "0"}, 0.25, 0.5),
    ({}, 0.25, 0.5),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("headers", "least", "most"), TOLD)
async def test_a_429_is_obeyed(headers: dict[str, str], least: float, most: float) -> None:
    """After a 429 the call waits as told, within reason, and so does every other call of the account."""
    async with ManualClock(now=60_000.0) as clock:
        sent: list[float] = []

        class Denies:
            async def send(self, request: WireRequest) -> WireReply:
                sent.append(clock.now())
                return reply({"error": "no"}, 429, headers=headers) if len(sent) == 1 else reply({"order": 5})

            async def aclose(self) -> None:
                pass

        panel = Panel(
            V2,
            base_url=fresh_url(),
            api_key=fresh_key(),
            transport=Denies(),
            clock=clock,
            settings=Settings(retry=RetryPolicy(deadline=300), limits=()),
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(panel.add_order, ORDER)
            await clock.sleep(0.01)
            tasks.start_soon(panel.add_order, ORDER)
    assert len(sent) == 3
    for later in sent[1:]:
        assert least <= later - sent[0] <= most + 1e-6


@pytest.mark.anyio
async def test_a_wait_past_the_deadline() -> None:
    """A 429 that asks for a longer wait than the deadline allows is RateLimited at once, and says how long."""
    async with ManualClock(now=60_000.0) as clock:
        events: list[object] = []

        class Denies:
            async def send(self, request: WireRequest) -> WireReply:
                return reply({"error": "no"}, 429, headers={"Retry-After": "400", "X-RateLimit-DeniedBy": "ip"})

            async def aclose(self) -> None:
                pass

        panel = Panel(
            V2,
            base_url=fresh_url(),
            api_key=fresh_key(),
            transport=Denies(),
            clock=clock,
            settings=Settings(on_event=events.append),
        )
        with pytest.raises(RateLimited) as caught:
            await panel.balance()
        assert clock.now() == 60_000.0
    assert caught.value.retry_after == 400.0
    assert caught.value.denied_by == "ip"
    assert not any(isinstance(event, Waiting) for event in events)


@examples(max_examples=200, deadline=None)
@given(
    rate=st.integers(1, 5),
    moves=st.lists(
        st.tuples(st.sampled_from(["take", "reply", "lose", "undo", "pass"]), st.floats(0, 30)), max_size=60
    ),
)
def test_slots_add_up(rate: int, moves: list[tuple[str, float]]) -> None:
    """Whatever happens to requests, never more than the rate is between a take and one period after its reply."""
    per = 10.0
    account = Account(
        origin="o", account=fresh_key(), way_out="", limits=[Limit(rate, per)], tells=False, clock=ManualClock()
    )
    now = 0.0
    in_air: list[Ticket] = []
    held: list[float] = []
    for move, seconds in moves:
        if move == "pass":
            now += seconds
        elif move == "take":
            taken = account.take(now)
            held = [until for until in held if until > now]
            free = rate - len(in_air) - len(held)
            assert isinstance(taken, Ticket) == (free > 0)
            if isinstance(taken, Ticket):
                in_air.append(taken)
            else:
                assert 0 < taken <= per + 30
        elif in_air:
            ticket = in_air.pop(0)
            if move == "undo":
                account.give_back()
            else:
                grace = seconds if move == "lose" else 0.0
                account.settle(ticket, now, None, grace=grace)
                held.append(now + per + grace)


def test_a_meter_in_use_is_never_forgotten() -> None:
    """An account that was idle for long still shares its meter with one that comes later."""
    key, limits = fresh_key(), [Limit(1, 10.0)]
    first = Account(origin="o", account=key, way_out="", limits=limits, tells=False, clock=SystemClock())
    assert isinstance(first.take(0.0), Ticket)
    first.give_back()
    for _ in range(3):
        Account(origin="o", account=fresh_key(), way_out="", limits=limits, tells=False, clock=SystemClock()).take(1e6)
    second = Account(origin="o", account=key, way_out="", limits=limits, tells=False, clock=SystemClock())
    assert isinstance(first.take(1e6), Ticket)
    assert not isinstance(second.take(1e6), Ticket)


def test_a_meter_outlives_its_account_until_it_is_idle() -> None:
    """What a closed provider has used is still used when the next one comes."""
    key, limits = fresh_key(), [Limit(1, 10.0)]
    first = Account(origin="o", account=key, way_out="", limits=limits, tells=False, clock=SystemClock())
    ticket = first.take(0.0)
    assert isinstance(ticket, Ticket)
    first.settle(ticket, 1.0, None)
    del first
    gc.collect()
    assert (
        Account(origin="o", account=key, way_out="", limits=limits, tells=False, clock=SystemClock()).take(5.0) == 6.0
    )
    gc.collect()
    before = len(account_module._meters)
    assert isinstance(
        Account(origin="o", account=key, way_out="", limits=limits, tells=False, clock=SystemClock()).take(11.0), Ticket
    )
    assert len(account_module._meters) <= before


def test_a_meter_is_forgotten_only_when_idle() -> None:
    """A meter that holds slots or is closed is kept; an idle one may go."""
    meter = Meter()
    meter.watch([Limit(2, 10.0)])
    assert meter.is_idle(0.0)
    meter.take(0.0)
    assert not meter.is_idle(0.0)
    meter.settle(1.0)
    assert not meter.is_idle(10.9)
    assert meter.is_idle(11.0)
    meter.close(20.0)
    assert not meter.is_idle(15.0)


@pytest.mark.anyio
@pytest.mark.parametrize("other", [(Limit(100, 60),), (Limit(50, 60.0),), (Limit(70, 30),), ()])
async def test_other_settings_count_the_same_requests(other: tuple[Limit, ...]) -> None:
    """Two providers with different limits for one key know of each other's requests: the stricter keeps to its own."""
    async with ManualClock(now=60_000.0) as clock:
        server = LimitedPanel(clock, Window(100, 60.0, sliding=True), random.Random(3))
        panel = panel_over(server, (Limit(100, 60.0),))
        twin = panel.with_settings(limits=other)
        async with anyio.create_task_group() as tasks:
            for _ in range(60 if other else 30):
                tasks.start_soon(twin.add_order, ORDER)
            await clock.sleep(10.0)
            for _ in range(60):
                tasks.start_soon(panel.add_order, ORDER)
    assert server.denied == 0


def test_anothers_requests_are_entered_once() -> None:
    """However many replies in the air tell of them, the requests of others count once."""
    meter = Meter()
    limit = Limit(100, 60.0)
    meter.watch([limit])
    stamps = [meter.take(0.0) for _ in range(32)]
    for stamp in stamps:
        meter.hear(stamp, 1.0, limit, 100, 100 - 32 - 10, 30.0)
        meter.settle(1.0)
    taken = 0
    while meter.wait(1.0, (limit,)) == 0:
        meter.take(1.0)
        taken += 1
    assert 100 - 32 - 10 <= taken <= 100 - 32 - 9


@pytest.mark.parametrize("end", ["undone", "lost"])
def test_a_probe_without_news_gives_way_to_the_next(end: str) -> None:
    """When the request that was to find out what is left brings no news, the next one may, at once."""
    meter = Meter()
    meter.allow(meter.take(0.0), 0.0, remaining=0, reset_in=10.0)
    meter.settle(0.0)
    assert meter.wait(5.0, ()) == 5.0
    assert meter.wait(10.0, ()) == 0.0
    meter.take(10.0)
    assert 0 < meter.wait(10.0, ()) < 0.1
    if end == "undone":
        meter.give_back()
    else:
        meter.settle(11.0)
    assert meter.wait(11.0, ()) == 0.0


@pytest.mark.anyio
async def test_a_lost_reply_is_settled_under_a_scarce_limit() -> None:
    """The wait for our own limit does not count for a repeat: an order in doubt is settled, a window later."""

    @define
    class Forgetful(LimitedPanel):
        async def send(self, request: WireRequest) -> WireReply:
            answer = await LimitedPanel.send(self, request)
            if len(self.served) == 3:
                raise TransportFailed("dropped", delivery=Delivery.MAYBE_SENT)
            return answer

    async with ManualClock(now=60_000.0) as clock:
        server = Forgetful(clock, Window(5, 60.0, sliding=True), random.Random(3))
        panel = Panel(
            NOTPANEL,
            base_url=fresh_url(),
            api_key=fresh_key(),
            transport=server,
            clock=clock,
            settings=Settings(limits=(Limit(5, 60.0),)),
        )
        receipts: list[object] = []

        async def place() -> None:
            receipts.append(await panel.add_order(ORDER))

        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(place)
    assert len(receipts) == 12
    assert server.denied == 0
