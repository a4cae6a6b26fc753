"""What does a run's journal cost: in orders per second, in memory, under a panel's limit, and to follow the orders?"""

from __future__ import annotations

import asyncio
import csv
import gc
import math
import multiprocessing
import os
import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from attrs import define, field, frozen

from benchmarks.panels import bare_panel, sandbox_process
from benchmarks.tables import Table, median, ratio, us
from smmclient import Order, Provider, Settings, connect
from smmclient.bulk import Follower, OrderChanged, RowPlaced, Runner, Source, SqliteJournal, admit, check
from smmclient.bulk.groups import Work
from smmclient.panel import Panel
from smmclient.sandbox import Limits, Sandbox
from smmclient.sandbox.dialects import find_dialect
from smmclient.sandbox.server import build
from smmclient.testing import ManualClock
from smmclient.transport import AiohttpTransport, HttpxTransport, Transport
from smmclient.wire import WireReply, WireRequest
from smmclient_notpanel import NOTPANEL

T = TypeVar("T")

KEY = "benchmark-key-0123456789abcdef"
NAME = "notpanel"
#: What must be kept of the speed without a journal, on the default transport and a panel with a near one's latency.
LEAST = 0.8
#: Seconds that a near panel's replies take.
LATENCY = 0.02
#: The most that a check of any file may hold in memory.
MOST_MEMORY = 150.0
BATCH = 100


def _rows(count: int) -> list[dict[str, object]]:
    return [{"service": 1, "link": f"https://example.com/p/{n:07}/", "quantity": 1000} for n in range(count)]


# ----------------------------------------------------------------------------- with the journal against without it


class CountingJournal(SqliteJournal):
    """Counts the transactions that wrote something: each waits for the disk once."""

    writes = 0

    def _commit(self, batch: Sequence[Work[Any]]) -> None:
        before = self._db.total_changes
        super()._commit(batch)
        self.writes += self._db.total_changes != before


@frozen
class Sample:
    per_second: float
    cpu: float
    commits: float = 0.0


async def _without(panel: Provider, count: int, width: int) -> Sample:
    """As many workers as there are connections, and nothing but `add_order`."""
    orders = iter([Order(**row) for row in _rows(count)])  # type: ignore[arg-type]

    async def work() -> None:
        for order in orders:
            await panel.add_order(order)

    gc.collect()
    started, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(width):
            tasks.create_task(work())
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return Sample(count / seconds, cpu / count)


async def _with(panel: Provider, count: int, folder: Path) -> Sample:
    """A run, from its first look at the account to its last; taking the rows in is not counted."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        journal = await CountingJournal.open(Path(place, "run.db"), may_create=True)
        assert isinstance(journal, CountingJournal)
        async with journal:
            report = await admit(Source.of(_rows(count)), journal, {NAME: panel}, panel=NAME)
            assert report.good == count
            gc.collect()
            journal.writes = 0
            started, cpu = time.perf_counter(), time.process_time()
            await Runner(journal, {NAME: panel}).run()
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
            done = sum(tally.rows for tally in await journal.tallies() if tally.state.value == "done")
            assert done == count
            return Sample(count / seconds, cpu / count, journal.writes / count)


async def _pair(url: str, transport: Transport, width: int, *, count: int, rounds: int) -> list[tuple[Sample, Sample]]:
    settings = Settings(limits=(), max_connections=width)
    pairs = []
    with tempfile.TemporaryDirectory(dir=_disk()) as folder:
        async with connect(NAME, api_key=KEY, base_url=url, settings=settings, transport=transport) as panel:
            for number in range(rounds + 1):
                pair = await _without(panel, count, width), await _with(panel, count, Path(folder))
                if number:
                    pairs.append(pair)
        await transport.aclose()
    return pairs


def _disk() -> str | None:
    """A folder on a disk: a temporary one can be in memory, where a commit waits for nothing."""
    return next((place for place in ("/var/tmp",) if Path(place).is_dir()), None)


def _fsync() -> float:
    """Seconds that the disk takes to make a small write durable."""
    with tempfile.TemporaryDirectory(dir=_disk()) as folder, Path(folder, "file").open("wb", buffering=0) as file:
        took = []
        for _ in range(50):
            file.write(b"x" * 4096)
            started = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - started)
    return median(took)


def _speed(quick: bool) -> Table:
    count, rounds = (200, 2) if quick else (1500, 5)
    default = Settings().max_connections
    kinds: list[tuple[str, type[HttpxTransport] | type[AiohttpTransport], int, float]] = [
        ("httpx", HttpxTransport, default, 0.0),
        ("httpx", HttpxTransport, default, LATENCY),
        ("aiohttp", AiohttpTransport, default, 0.0),
        ("aiohttp", AiohttpTransport, default, LATENCY),
        ("aiohttp", AiohttpTransport, 100, 0.0),
    ]
    rows, broken = [], []
    for name, kind, width, latency in kinds:
        label = f"{name}, {width} connections" + (f", replies take {latency * 1e3:.0f} ms" if latency else "")
        with bare_panel(latency) as url:
            pairs = asyncio.run(_pair(url, kind(max_connections=width), width, count=count, rounds=rounds))
        bare, kept = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        share = median([one.per_second / other.per_second for other, one in pairs])
        is_promised = (kind, width, latency) == (HttpxTransport, default, LATENCY)
        if is_promised and share < LEAST and not quick:
            broken.append(f"bulk, {label}: {share:.2f} of the speed without a journal, less than {LEAST}")
        rows.append(
            (
                f"**{label}**" if is_promised else label,
                f"{median([one.per_second for one in bare]):,.0f}",
                f"{median([one.per_second for one in kept]):,.0f}",
                ratio(share),
                us(median([one.cpu for one in bare])),
                us(median([one.cpu for one in kept])),
                f"{median([one.commits for one in kept]):.2f}",
            )
        )
    return Table(
        title=f"Bulk: {count:,} orders with the journal against without it",
        columns=(
            "",
            "orders/s without",
            "orders/s with",
            "ratio",
            "CPU per order without",
            "CPU per order with",
            "commits per order",
        ),
        rows=rows,
        reading=(
            "The same rows to the same bare panel, in turns. *Without* is a worker per connection that calls "
            "`add_order`, and nothing is kept. *With* is `Runner.run` on a journal on the disk: each row is durable as "
            "being sent before its first byte leaves, and its outcome is before its worker's next row is sent. That "
            "would be two commits an order; those that wait go together, which is why there are fewer. A commit "
            f"waits for the disk, {_fsync() * 1e3:.2f} ms for a small write here. Where the panel answers at once, the "
            "client and its journal are all there is; under a limit of 100 a minute nothing of it is seen. "
            f"The default must keep {LEAST:.0%} on a panel whose replies take {LATENCY * 1e3:.0f} ms; on one that "
            "answers at once it does not, and the row says how far it falls short."
        ),
        broken=broken,
    )


# ------------------------------------------------------------------------------------------------- files of any size


def _peak() -> float:
    """The most memory this process has held, in MB.

    Linux hands getrusage's figure down from the process that started this one; the one in /proc is its own.
    """
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found[1]) / 1e3
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most / 1e3


@frozen(kw_only=True)
class Measured:
    """What one step took, in a process of its own."""

    rows: int
    seconds: float
    before: float
    peak: float


def _apart(step: Callable[..., T], *arguments: object) -> T:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        return processes.submit(step, *arguments).result()


def _panel(url: str, transport: Transport | None = None, width: int = Settings().max_connections) -> Provider:
    settings = Settings(limits=(), max_connections=width)
    return connect(NAME, api_key=KEY, base_url=url, settings=settings, transport=transport)


def check_file(path: str, url: str) -> Measured:
    async def step() -> int:
        async with _panel(url) as panel, await SqliteJournal.temporary() as journal:
            report = await check(Source(path), journal, {NAME: panel}, panel=NAME)
            assert report.good == report.rows, report.problems[:3]
            return report.rows

    return _measured(step)


def admit_file(path: str, run: str, url: str) -> Measured:
    async def step() -> int:
        async with _panel(url) as panel, await SqliteJournal.open(run, may_create=True) as journal:
            return (await admit(Source(path), journal, {NAME: panel}, panel=NAME)).good

    return _measured(step)


def place_all(run: str, url: str, connections: int) -> Measured:
    async def step() -> int:
        async with AsyncExitStack() as stack:
            transport = AiohttpTransport(max_connections=connections)
            stack.push_async_callback(transport.aclose)
            panel = await stack.enter_async_context(_panel(url, transport, connections))
            journal = await stack.enter_async_context(await SqliteJournal.open(run))
            placed = 0
            async with Runner(journal, {NAME: panel}).events() as events:
                async for event in events:
                    placed += isinstance(event, RowPlaced)
            return placed

    return _measured(step)


def reopen(run: str) -> Measured:
    async def step() -> int:
        async with await SqliteJournal.open(run) as journal:
            return sum(tally.rows for tally in await journal.tallies())

    return _measured(step)


def _measured(step: Callable[[], Any]) -> Measured:
    before, started = _peak(), time.perf_counter()
    rows = asyncio.run(step())
    return Measured(rows=rows, seconds=time.perf_counter() - started, before=before, peak=_peak())


def _write_plain(path: Path, count: int) -> None:
    with path.open("w", newline="") as file:
        file.write("service,link,quantity\n")
        file.writelines(f"1,https://example.com/p/C8xYz12AbCd{n:08}/post,{10 + n % 1000}\n" for n in range(count))


def _write_comments(path: Path, count: int) -> None:
    """Semicolons, as a spreadsheet writes them in half of the world, and cells of several lines."""
    said = "\n".join(('Great "post"!', "Love it; really", "🔥🔥🔥", "Nice one, thanks", "Wow"))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(("service", "link", "quantity", "comments"))
        writer.writerows((9, f"https://example.com/p/C8xYz12AbCd{n:08}/post", "", said) for n in range(count))


def _sizes(quick: bool) -> Table:
    count, placed = (50_000, 2_000) if quick else (1_000_000, 100_000)
    connections = 32
    rows, broken = [], []

    def note(label: str, size: Path, done: Measured, expected: int, *, is_bound: bool = False) -> None:
        assert done.rows == expected, (label, done.rows)
        rows.append(
            (
                f"**{label}**" if is_bound else label,
                f"{size.stat().st_size / 1e6:,.1f} MB",
                f"{done.seconds:,.1f} s",
                f"{done.rows / done.seconds:,.0f}",
                f"{done.before:.0f} MB",
                f"{done.peak:.0f} MB",
            )
        )
        if is_bound and done.peak > MOST_MEMORY:
            broken.append(f"bulk, {label}: {done.peak:.0f} MB, more than {MOST_MEMORY:.0f}")

    with bare_panel() as url, tempfile.TemporaryDirectory(dir=_disk()) as folder:
        plain, comments, few = (Path(folder, name) for name in ("plain.csv", "comments.csv", "few.csv"))
        run, small = Path(folder, "large.db"), Path(folder, "run.db")
        _write_plain(plain, count)
        note(f"check {count:,} rows", plain, _apart(check_file, str(plain), url), count, is_bound=True)
        note(f"admit {count:,} rows", run, _apart(admit_file, str(plain), str(run), url), count)
        note(f"reopen a run of {count:,}, none placed", run, _apart(reopen, str(run)), count)
        plain.unlink()
        run.unlink()
        _write_comments(comments, count // 4)
        label = f"check {count // 4:,} rows of 5 comments, semicolons"
        note(label, comments, _apart(check_file, str(comments), url), count // 4, is_bound=True)
        _write_plain(few, placed)
        _apart(admit_file, str(few), str(small), url)
        note(f"place {placed:,} rows", small, _apart(place_all, str(small), url, connections), placed)
        note(f"reopen a run of {placed:,}, all placed", small, _apart(reopen, str(small)), placed)
    return Table(
        title=f"Bulk: files of up to {count:,} rows",
        columns=("", "file", "time", "rows/s", "memory after imports", "peak memory"),
        rows=rows,
        reading=(
            "Each step in a process of its own, against the bare panel with NotPanel's catalog; the memory is that of "
            "the whole process. *File* is the CSV that is checked, or the run's file at the end of the step. A check "
            "reads the file, builds each order, holds it against the catalog, and looks for the same order twice. "
            f"Placed over AiohttpTransport with {connections} connections, with somebody who reads the events. "
            f"Reopening looks through the whole file for damage, and counts. Rows in bold: at most {MOST_MEMORY:.0f} "
            "MB."
        ),
        broken=broken,
    )


# ------------------------------------------------------------------------------------------- under NotPanel's limit


@define
class _Jumping:
    """A transport to a sandbox without a network, over a line with latency on a clock that jumps."""

    clock: ManualClock
    sandbox: Sandbox
    #: When the panel's replies to orders came back, and how many requests were sent before the last of them.
    replies: list[float] = field(factory=list)
    first_sent: float | None = None
    sent: int = 0
    sent_before_last: int = 0
    draw: random.Random = field(factory=lambda: random.Random(11))

    async def send(self, request: WireRequest) -> WireReply:
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        self.sent += 1
        is_order = form["action"] == "add"
        if is_order:
            self.sent_before_last = self.sent
        latency = self.draw.uniform(0.05, 0.15)
        await self.clock.sleep(latency / 2)
        reply = self.sandbox.handle(form)
        await self.clock.sleep(latency / 2)
        if is_order:
            self.replies.append(self.clock.now())
        return WireReply(reply.status, {name.lower(): value for name, value in reply.headers}, reply.body)

    async def aclose(self) -> None:
        pass


@frozen(kw_only=True)
class Jumped:
    seconds: float
    requests: int
    others: int
    denied: int
    placed: int


async def _jump(orders: int, folder: Path) -> Jumped:
    async with ManualClock(now=60_017.0) as clock:
        sandbox = build(
            find_dialect(NAME),
            base_url="http://127.0.0.1/bulk/api/v2",
            options={"clock": clock.wall, "balance": 10**6, "troubled": 0.0},
        )

        def panel(transport: _Jumping) -> Panel:
            return Panel(NOTPANEL, api_key=sandbox.api_key, base_url=sandbox.base_url, transport=transport, clock=clock)

        run = folder / "run.db"
        async with await SqliteJournal.open(run, may_create=True, is_inline=True) as journal:
            await admit(Source.of(_rows(orders)), journal, {NAME: panel(_Jumping(clock, sandbox))}, panel=NAME)
        # What was asked for the check is out of every window then.
        await clock.sleep(120.0)
        line = _Jumping(clock, sandbox)
        async with await SqliteJournal.open(run, is_inline=True) as journal:
            await Runner(journal, {NAME: panel(line)}).run()
        return Jumped(
            seconds=line.replies[-1] - line.replies[0],
            requests=line.sent_before_last,
            others=line.sent_before_last - len(line.replies),
            denied=sandbox.count(status=429),
            placed=len(sandbox.orders),
        )


def _limited(quick: bool) -> Table:
    orders = 300 if quick else 1000
    with tempfile.TemporaryDirectory() as folder:
        done = asyncio.run(_jump(orders, Path(folder)))
    rate, per = 100, 60.0
    alone = (math.ceil(orders / rate) - 1) * per
    ideal = (math.ceil(done.requests / rate) - 1) * per
    broken = [f"bulk: {done.denied} requests denied under NotPanel's limit"] if done.denied else []
    if done.placed != orders:
        broken.append(f"bulk: {done.placed} orders at the panel, not {orders}")
    return Table(
        title=f"Bulk: {orders:,} orders at NotPanel's 100 a minute, on a virtual clock",
        columns=("", "requests", "ideal", "took", "took / ideal", "**429s**"),
        rows=(
            (
                f"{orders:,} orders and {done.others} other requests",
                f"{done.requests:,}",
                f"{ideal:,.0f} s",
                f"{done.seconds:,.1f} s",
                ratio(done.seconds / ideal),
                f"{done.denied}",
            ),
        ),
        reading=(
            "From the first order's reply to the last one's; each request takes 50 to 150 ms. The others are the "
            "catalog and the balance, which a run looks up before its first order. Ideal counts them, too: "
            f"({done.requests:,} / {rate}, rounded up, less one) times {per:.0f} s; for the orders alone it would be "
            f"{alone:,.0f} s."
        ),
        broken=broken,
    )


# --------------------------------------------------------------------------------------------------------- statuses


@define
class _Listening:
    """A transport that keeps the ids that statuses were asked for."""

    inner: Transport
    asked: list[list[str]] = field(factory=list)

    async def send(self, request: WireRequest) -> WireReply:
        form = dict(parse_qsl(request.body.decode()))
        if form["action"] == "status":
            self.asked.append((form.get("orders") or form["order"]).split(","))
        return await self.inner.send(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


def _rounds(asked: list[list[str]]) -> Iterator[tuple[int, int]]:
    """Requests and orders of each round: it ends when an order is asked about for the second time."""
    requests, orders = 0, set[str]()
    for ids in asked:
        if orders.intersection(ids):
            yield requests, len(orders)
            requests, orders = 0, set()
        requests += 1
        orders.update(ids)
    yield requests, len(orders)


async def _follow(sandbox: Sandbox, count: int, folder: Path) -> tuple[_Listening, int, float]:
    line = _Listening(AiohttpTransport())
    settings = Settings(limits=(), max_connections=16)
    final = set[str]()
    async with AsyncExitStack() as stack:
        panel = await stack.enter_async_context(
            connect(NAME, api_key=sandbox.api_key, base_url=sandbox.base_url, settings=settings, transport=line)
        )
        stack.push_async_callback(line.aclose)
        journal = await stack.enter_async_context(await SqliteJournal.open(folder / "run.db", may_create=True))
        await admit(Source.of(_rows(count)), journal, {NAME: panel}, panel=NAME)
        await Runner(journal, {NAME: panel}).run()
        started = time.perf_counter()
        async with Follower(journal, {NAME: panel}, every=2.0).events() as events:
            async for event in events:
                if isinstance(event, OrderChanged) and event.status.state.is_final:
                    final.add(event.status.order)
        return line, len(final), time.perf_counter() - started


def _statuses(quick: bool) -> Table:
    count = 1_000 if quick else 10_000
    options = {"limits": Limits(), "balance": 10**9, "seconds_to_finish": 5.0 if quick else 20.0}
    with sandbox_process(NAME, **options) as sandbox, tempfile.TemporaryDirectory(dir=_disk()) as folder:
        line, final, seconds = asyncio.run(_follow(sandbox, count, Path(folder)))
        at_panel = sandbox.count("status")
    rounds = list(_rounds(line.asked))
    over = sum(requests > math.ceil(orders / BATCH) for requests, orders in rounds)
    polls = sum(len(ids) for ids in line.asked)
    broken = []
    if final != count or at_panel != len(line.asked):
        broken.append(f"bulk: {final} of {count} orders were final, {at_panel} requests at the panel")
    return Table(
        title=f"Bulk: {count:,} placed orders followed to the end",
        columns=("", "requests", "rounds", "polls per order", "time", "rounds over open / 100"),
        rows=(
            (
                f"{count:,} orders",
                f"{len(line.asked):,}",
                f"{len(rounds)}",
                f"{polls / count:.2f}",
                f"{seconds:,.1f} s",
                f"{over}",
            ),
        ),
        reading=(
            "The orders take about 20 s each and end at different moments; they are asked about every 2 s. A round "
            "asks about each order that is open once. Some rounds take more requests than a hundredth of the open "
            "orders, because no order is asked about more often than every 2 s, so a batch that has become small is "
            "not filled up with orders that were asked about a moment ago."
        ),
        broken=broken,
    )


def measure(quick: bool) -> tuple[Table, ...]:
    return (_speed(quick), _sizes(quick), _limited(quick), _statuses(quick))
