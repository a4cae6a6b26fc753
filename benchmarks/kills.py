"""Is a run whole after kill -9? ``smm bulk`` as a process of its own, killed at random moments, then the books."""

from __future__ import annotations

import asyncio
import csv
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

from attrs import define, field, frozen

from benchmarks.panels import sandbox_process
from benchmarks.tables import Table
from smmclient import Settings
from smmclient.bulk import Entry, RowState, SqliteJournal
from smmclient.sandbox import Fault, Limits, Sandbox, SandboxOrder

PANELS = ("notpanel", "panelbon")
ROWS = 500
WIDTH = Settings().max_connections
#: How likely an order meets each of these.
FAULTS = ((Fault.DROP_AFTER, 0.02), (Fault.DROP_BEFORE, 0.01), (Fault.BAD_GATEWAY_AFTER, 0.01))
#: Kills that one run meets at most; then it comes to its end.
MOST = 10
#: Of all kills, the part that strikes at any moment of a process's life; the others strike once it sends.
ANY_MOMENT = 0.3
#: Orders a second, about: how long sending takes.
SPEED = 250.0
#: Seconds that a process may take, and sessions that a run may take once nobody kills them.
PATIENCE = 120.0
SESSIONS = 8
BOUND = 1500.0
SEED = 20_260
MOMENTS = ("before the first order", "while sending", "while reopening")


@define
class Run:
    """One run: a file of orders, and the journal of what became of them."""

    file: Path
    path: Path
    kills: int = 0
    is_over: bool = False


@define
class Lane:
    """One panel, its runs, and what was met."""

    panel: str
    box: Sandbox
    folder: Path
    wanted: int
    draw: random.Random
    runs: list[Run] = field(factory=list)
    moments: Counter[str] = field(factory=Counter)
    #: Rows in the air right after each kill of a process that had begun to send.
    in_air: list[int] = field(factory=list)
    sessions: int = 0
    trouble: list[str] = field(factory=list)
    #: Seconds that a process takes to its end when nobody kills it.
    usual: float = 3.0
    started: float = field(factory=time.monotonic)

    @property
    def kills(self) -> int:
        return self.moments.total()

    def work(self) -> None:
        while self.kills < self.wanted and not self.trouble:
            self._run()
        self._say("done")

    def _run(self) -> None:
        """A run from its beginning to its end. It is killed until it is over, or was often enough."""
        number = len(self.runs)
        run = Run(self.folder / f"orders-{number}.csv", self.folder / f"run-{number}.db")
        self.runs.append(run)
        with run.file.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("service", "link", "quantity"))
            writer.writerows(
                (self.draw.choice((1, 2, 4)), f"https://example.com/{number}/{row}", 10 * self.draw.randint(10, 90))
                for row in range(ROWS)
            )
        unkilled = 0
        while not run.is_over and not self.trouble:
            is_killed = self._session(run, is_doomed=run.kills < MOST and self.kills < self.wanted)
            unkilled += not is_killed
            if unkilled > SESSIONS:
                self.trouble.append(f"{run.path.name} does not come to its end")
            if time.monotonic() - self.started > BOUND:
                self.trouble.append(f"only {self.kills} kills in {BOUND:.0f} s")

    def _session(self, run: Run, *, is_doomed: bool) -> bool:
        """One process, to its end or to its kill; whether it was killed."""
        rows = [] if not run.path.exists() else self._look(run)
        is_begun = len(rows) == ROWS
        waiting = sum(row.state is RowState.PENDING for row in rows) if is_begun else ROWS
        before = self.box.count("add")
        self.sessions += 1
        started = time.monotonic()
        with (self.folder / "output").open("wb") as output:
            process = subprocess.Popen(
                self._command(run, is_begun=is_begun), env=self._environment(), stdout=output, stderr=output
            )
            try:
                if is_doomed:
                    self._await_moment(process, waiting=waiting, before=before)
                    process.kill()
                code = process.wait(PATIENCE)
            finally:
                process.kill()
        if code == -9:
            run.kills += 1
            has_sent = self.box.count("add") > before
            self.moments[MOMENTS[1] if has_sent else MOMENTS[2] if is_begun else MOMENTS[0]] += 1
            if has_sent:
                self.in_air.append(sum(row.state is RowState.SENDING for row in self._look(run)))
            if self.kills % 20 == 0:
                self._say(f"{self.kills} kills")
            return True
        self.usual = (self.usual + time.monotonic() - started) / 2
        if code not in (0, 4, 5):
            said = (self.folder / "output").read_text()[-1000:]
            self.trouble.append(f"{'resume' if is_begun else 'place'} ended with {code}: {said}")
        # NotPanel's rows in doubt are asked about again; PanelBon has no way to ask.
        run.is_over = code == 0 or (code == 5 and self.panel == "panelbon")
        return False

    def _await_moment(self, process: subprocess.Popen[bytes], *, waiting: int, before: int) -> None:
        """Wait until the process is to be killed, or has ended."""
        end = time.monotonic() + PATIENCE
        if self.draw.random() < ANY_MOMENT:
            end = time.monotonic() + self.draw.uniform(0.0, self.usual)
        else:
            while process.poll() is None and self.box.count("add") == before and time.monotonic() < end:
                time.sleep(0.005)
            end = time.monotonic() + self.draw.uniform(0.0, max(0.05, min(waiting / SPEED, 1.0)))
        while process.poll() is None and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.01))

    def _command(self, run: Run, *, is_begun: bool) -> list[str]:
        command = [sys.executable, "-m", "smmclient.cli", "bulk"]
        if is_begun:
            return [*command, "resume", str(run.path), "--limit", "none", "--json"]
        where = ["--panel", self.panel, "--base-url", self.box.base_url]
        return [*command, "place", str(run.file), "--run", str(run.path), *where, "--limit", "none", "--yes", "--json"]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, f"{self.panel.upper()}_API_KEY": self.box.api_key}

    def _look(self, run: Run) -> list[Entry]:
        """The rows of a run, read from a copy of all its files: looking must not help."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            for file in self.folder.glob(f"{run.path.name}*"):
                shutil.copy(file, folder)
            return asyncio.run(entries(Path(folder, run.path.name)))

    def _say(self, what: str) -> None:
        seconds = time.monotonic() - self.started
        print(f"kills: {self.panel}: {what}, {len(self.runs)} runs, {seconds:.0f} s", file=sys.stderr, flush=True)


async def entries(path: Path) -> list[Entry]:
    async with await SqliteJournal.read(path) as journal:
        return [entry async for entry in journal.entries()]


@frozen(kw_only=True)
class Books:
    """The journals of all runs of a panel, held against the panel's books."""

    states: Counter[RowState]
    orders: int
    twice: int
    lost: int
    #: Receipts whose order is not the panel's order for that link.
    phantom: int
    #: Orders at the panel that no row knows of: neither done nor in doubt.
    unknown: int
    #: Rows in doubt whose order the panel has.
    doubt_made: int
    gap: Decimal


def audit(rows: Sequence[Entry], orders: Sequence[SandboxOrder], expected: int, spent: Decimal) -> Books:
    at_panel: dict[str, list[SandboxOrder]] = {}
    for order in orders:
        at_panel.setdefault(order.link, []).append(order)
    states, explained, phantom, doubt_made, known = Counter[RowState](), Decimal(0), 0, 0, set[str]()
    for row in rows:
        states[row.state] += 1
        link = getattr(row.order, "link", "")
        made = at_panel.get(link, [])
        if row.state is RowState.DONE:
            known.add(link)
            phantom += row.order_id not in [order.id for order in made]
            explained += row.price or Decimal(0)
        elif row.state is RowState.DOUBT:
            known.add(link)
            if made:
                doubt_made += 1
                explained += row.price or Decimal(0)
    ended = states[RowState.DONE] + states[RowState.REFUSED] + states[RowState.DOUBT]
    return Books(
        states=states,
        orders=len(orders),
        twice=sum(len(group) - 1 for group in at_panel.values()),
        lost=expected - ended,
        phantom=phantom,
        unknown=len(at_panel.keys() - known),
        doubt_made=doubt_made,
        gap=spent - explained,
    )


@frozen(kw_only=True)
class Killed:
    """What became of one panel's runs."""

    panel: str
    runs: int
    rows: int
    sessions: int
    moments: Counter[str]
    worst: int
    most_in_air: int
    mean_in_air: float
    requests: int
    books: Books
    spent: Decimal
    trouble: list[str]
    seconds: float


def _panel(name: str, wanted: int) -> Killed:
    options = {"limits": Limits(), "troubled": 0.0, "balance": 10**9, "latency": 0.005, "jitter": 0.02, "seed": SEED}
    with (
        sandbox_process(name, **options) as box,
        tempfile.TemporaryDirectory(dir="/var/tmp" if Path("/var/tmp").is_dir() else None) as folder,
    ):
        for fault, probability in FAULTS:
            box.fail("add", fault, probability=probability)
        lane = Lane(name, box, Path(folder), wanted, random.Random(f"{SEED} {name}"))
        lane.work()
        # What was on its way when its sender was killed.
        time.sleep(0.5)
        rows = [row for run in lane.runs if run.path.exists() for row in asyncio.run(entries(run.path))]
        spent = box.spent
        return Killed(
            panel=name,
            runs=len(lane.runs),
            rows=len(lane.runs) * ROWS,
            sessions=lane.sessions,
            moments=lane.moments,
            worst=max(run.kills for run in lane.runs),
            most_in_air=max(lane.in_air, default=0),
            mean_in_air=sum(lane.in_air) / max(len(lane.in_air), 1),
            requests=box.count("add"),
            books=audit(rows, box.orders, len(lane.runs) * ROWS, spent),
            spent=spent,
            trouble=lane.trouble,
            seconds=time.monotonic() - lane.started,
        )


def promises(done: Killed, wanted: int) -> list[str]:
    """What did not hold."""
    books, where = done.books, f"kills, {done.panel}"
    broken = [f"{where}: {trouble}" for trouble in done.trouble]
    for count, what in (
        (books.twice, "orders twice"),
        (books.lost, "rows lost"),
        (books.phantom, "receipts that the panel does not know"),
        (books.unknown, "orders at the panel that no row knows of"),
        (books.gap, "unexplained"),
    ):
        if count:
            broken.append(f"{where}: {count} {what}")
    if done.most_in_air > WIDTH:
        broken.append(f"{where}: {done.most_in_air} rows in the air after a kill, more than {WIDTH}")
    if done.panel == "notpanel" and books.states[RowState.DOUBT]:
        broken.append(f"{where}: {books.states[RowState.DOUBT]} rows stay in doubt")
    if done.moments.total() < wanted:
        broken.append(f"{where}: {done.moments.total()} kills, not {wanted}")
    return broken


def measure(quick: bool) -> tuple[Table, ...]:
    wanted = 10 if quick else 200
    with ThreadPoolExecutor(len(PANELS)) as lanes:
        killed = list(lanes.map(lambda name: _panel(name, wanted), PANELS))

    def column(done: Killed) -> tuple[str, ...]:
        books = done.books
        return (
            f"{done.moments.total()}",
            *(f"{done.moments[moment]}" for moment in MOMENTS),
            f"{done.runs} of {ROWS} rows",
            f"{done.sessions}",
            f"{done.worst}",
            f"{done.requests:,}",
            f"{books.orders:,}",
            f"{books.states[RowState.DONE]:,}",
            f"{books.states[RowState.REFUSED]:,}",
            f"{books.states[RowState.DOUBT]:,}",
            f"{books.doubt_made:,}",
            f"{done.mean_in_air:.1f}",
            f"{done.most_in_air}",
            f"{books.twice}",
            f"{books.lost}",
            f"{books.phantom}",
            f"{books.unknown}",
            f"{done.spent:,.5f}",
            f"{books.gap:,.5f}",
            f"{done.seconds:,.0f} s",
        )

    labels = (
        "kills",
        *(f"- {moment}" for moment in MOMENTS),
        "runs",
        "processes",
        "most kills of one run",
        "add requests at the panel",
        "orders at the panel",
        "rows done",
        "rows refused",
        "rows in doubt at the end",
        "- of them, the panel has the order",
        "rows in the air after a kill while sending, mean",
        f"**rows in the air after a kill while sending, most (≤ {WIDTH})**",
        "**orders twice**",
        "**rows lost**",
        "**receipts the panel does not know**",
        "**orders at the panel that no row knows of**",
        "panel took",
        "**less the price of rows done, and in doubt that the panel has**",
        "time",
    )
    chance = ", ".join(f"{probability:.0%} {fault.name.lower().replace('_', ' ')}" for fault, probability in FAULTS)
    return (
        Table(
            title=f"Kills: smm bulk killed with kill -9, {wanted} times on each panel",
            columns=("", *PANELS),
            rows=list(zip(labels, *map(column, killed), strict=True)),
            reading=(
                "`smm bulk place`, and after a kill `smm bulk resume`, each as a process; when a run is over, the next "
                f"begins. {1 - ANY_MOMENT:.0%} of the kills strike at a random moment once the process sends, the "
                "others at any moment of its life. The panel is a sandbox in its own process, which takes 5 to 25 ms a "
                f"reply and fails on its own, too ({chance}). Every order has a link of its own. At the end, each "
                "run's journal is held against the panel's books. The rows in bold are promises: 0, or as they say. "
                "NotPanel's rows in doubt are settled by their request_id, and none may be left; PanelBon has none, so "
                "there they stay in doubt, are listed, and are never sent again."
            ),
            broken=[promise for done in killed for promise in promises(done, wanted)],
        ),
    )
