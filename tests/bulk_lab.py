"""A bulk run without a network and on a clock that jumps: the sandbox's panels behind a transport, and crashes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from attrs import define, field

from smmclient import Settings
from smmclient.bulk import BulkEvent, Runner, Source, SqliteJournal, admit
from smmclient.bulk.groups import Work
from smmclient.dialect import V2, Dialect
from smmclient.panel import Panel
from smmclient.sandbox import Options, Sandbox
from smmclient.sandbox.dialects import find_dialect
from smmclient.sandbox.panel import Ending
from smmclient.sandbox.server import build
from smmclient.testing import ManualClock
from smmclient.wire import Delivery, TransportFailed, WireReply, WireRequest
from smmclient_notpanel import NOTPANEL
from smmclient_panelbon import PANELBON

_ports: Iterator[int] = iter(range(10**9))
DIALECTS: dict[str, Dialect] = {"notpanel": NOTPANEL, "panelbon": PANELBON, "v2": V2}


class Crash(BaseException):
    """The process is gone."""


@define(eq=False)
class World:
    """What outlives a process: the panel, its books, and the clock. A crash can be set to come at any tick."""

    name: str
    clock: ManualClock
    box: Sandbox
    url: str
    latency: Callable[[], float] = lambda: 0.05
    #: Ticks until the crash; None: it never comes.
    fuse: int | None = None
    #: What is done at the moment of the crash, once.
    at_crash: Callable[[], None] | None = None
    is_down: bool = False
    #: Called before the first byte of a request would leave.
    on_send: Callable[[dict[str, str]], None] | None = None
    hits: list[tuple[float, str]] = field(factory=list)

    @classmethod
    def make(cls, name: str, clock: ManualClock, **options: Any) -> World:
        """A panel in a box, at an address that no meter has seen."""
        url = f"https://lab-{next(_ports)}.example/api/v2"
        options.setdefault("balance", Decimal(1_000_000))
        options.setdefault("troubled", 0.0)
        dialect = find_dialect(name, options.pop("flavour", None))
        settled: Options = {"clock": clock.wall, **options}  # type: ignore[typeddict-item]
        box = build(dialect, base_url=url, options=settled)
        return cls(name, clock, box, url)

    def tick(self) -> None:
        """A moment at which the process may be gone."""
        if self.fuse is None:
            return
        if self.fuse == 0 and self.at_crash is not None:
            self.at_crash()
            self.at_crash = None
        self.fuse = max(self.fuse - 1, -1)
        if self.fuse < 0:
            raise Crash

    def panel(self, *, api_key: str | None = None, **settings: Any) -> Panel:
        """A provider to the panel."""
        return Panel(
            DIALECTS[self.name],
            api_key=api_key or self.box.api_key,
            base_url=self.url,
            settings=Settings(**settings),
            transport=BoxTransport(self),
            clock=self.clock,
        )

    @property
    def links(self) -> list[str]:
        """The links of the orders at the panel, oldest first."""
        return [order.link for order in self.box.orders]


class BoxTransport:
    """Hands requests to a panel in a box."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def send(self, request: WireRequest) -> WireReply:
        """Let the panel answer, after a while."""
        world = self._world
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        if world.on_send is not None:
            world.on_send(form)
        world.tick()
        world.hits.append((world.clock.now(), form["action"]))
        if world.is_down:
            raise TransportFailed("connection refused", delivery=Delivery.NOT_SENT)
        await world.clock.sleep(world.latency())
        world.tick()
        reply = world.box.handle(form)
        world.tick()
        await world.clock.sleep(world.latency())
        world.tick()
        if reply.ending is not Ending.WHOLE:
            raise TransportFailed("the connection was dropped", delivery=Delivery.MAYBE_SENT)
        return WireReply(reply.status, {name.lower(): value for name, value in reply.headers}, reply.body)

    async def aclose(self) -> None:
        """Nothing is open."""


class CrashingJournal(SqliteJournal):
    """A journal in whose commits the process may be gone, before or after they are durable."""

    world: World

    def _commit(self, batch: list[Work[Any]]) -> None:  # type: ignore[override]
        self.world.tick()
        super()._commit(batch)
        self.world.tick()


def snapshot(path: Path, to: Path) -> None:
    """What a killed process leaves behind."""
    for suffix in ("", "-wal"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            shutil.copy(source, to.with_name(to.name + suffix))


def rows(count: int, *, service: int = 1, quantity: int = 100, start: int = 0) -> list[dict[str, object]]:
    """Orders with a link of their own each."""
    return [
        {"service": service, "link": f"https://example.com/{n}", "quantity": quantity}
        for n in range(start, start + count)
    ]


async def begin(path: Path, world: World, given: list[dict[str, object]], **options: Any) -> None:
    """A run with these rows, nothing sent yet."""
    async with await SqliteJournal.open(path, may_create=True, is_inline=True) as journal:
        panel = world.panel()
        report = await admit(Source.of(given), journal, {world.name: panel}, panel=world.name, **options)
        assert report.bad == 0, report.problems


async def work(runner: Runner) -> list[BulkEvent]:
    """Run to the end; returns what was told."""
    told: list[BulkEvent] = []
    async with runner.events() as events:
        async for event in events:
            told.append(event)
    return told
