"""What people see of a run while it works: lines, bars, and the question before it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from smmclient.bulk import (
    BulkEvent,
    Entry,
    InDoubt,
    OrderChanged,
    PanelPaused,
    PanelResumed,
    PanelStarted,
    PanelStopped,
    Placed,
    PriceChanged,
    Problem,
    RefusedRow,
    RowHeld,
    RowInDoubt,
    RowNotSaved,
    RowPlaced,
    RowRefused,
    RowState,
)
from smmclient.bulk.unit import Unit
from smmclient.cli.bulk import asking, work
from smmclient.cli.bulk.bars import bars
from smmclient.cli.bulk.plain_events import PlainEvents, line_of, not_saved, short_time
from smmclient.cli.bulk.progress import Progress
from smmclient.cli.bulk.records import as_record
from smmclient.cli.bulk.report import Findings
from smmclient.cli.bulk.standing import Standing, amount, code_of, next_steps
from smmclient.cli.bulk.view import LiveView
from smmclient.cli.output import Out
from smmclient.events import Attempted, Waiting
from smmclient.model import OrderState, OrderStatus, Receipt
from smmclient.orders import Order
from smmclient.sandbox import Sandbox
from smmclient.settings import Limit

Smm = Callable[..., Any]


class Clock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.time


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def entry(number: int, **changes: Any) -> Entry:
    """A row of a run."""
    row = Entry(
        number=number,
        source="o.csv",
        line=number + 1,
        ref=f"r{number}",
        panel="notpanel",
        state=RowState.DONE,
        order=Order(service=1, link="https://e.example/a", quantity=100),
        cost=Decimal("0.09"),
    )
    return evolve(row, **changes)


def placed(number: int) -> RowPlaced:
    """A row that was placed."""
    return RowPlaced(panel="notpanel", entry=entry(number), receipt=Receipt(f"ord_{number}", charge=Decimal("0.09")))


@pytest.fixture
def clock() -> Clock:
    """The clock of the run."""
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    """A run of forty rows on one panel."""
    progress = Progress(clock=clock)
    progress.begin([Standing("notpanel", currency="USD", pending=40)])
    return progress


def tell(progress: Progress, lines: PlainEvents, *events: BulkEvent) -> list[str]:
    """The lines of these events."""
    told: list[str] = []
    for event in events:
        progress.note(event)
        told += lines.lines(event, None)
    return told


def test_progress_is_a_line_every_ten_percent_or_five_seconds(progress: Progress, clock: Clock) -> None:
    """Whatever comes first, so that a log of a million rows stays short."""
    lines = PlainEvents(progress)
    told = tell(progress, lines, *(placed(n) for n in range(1, 9)))
    assert told == ["4 of 40 rows", "8 of 40 rows"]
    clock.time += 4.9
    assert tell(progress, lines, placed(9)) == []
    clock.time += 0.1
    assert tell(progress, lines, placed(10)) == ["10 of 40 rows (120/min)"]


def test_a_price_that_changed_is_told_once_a_service(progress: Progress) -> None:
    """Not for each of its rows."""
    lines = PlainEvents(progress)
    changes = [PriceChanged(panel="notpanel", entry=entry(n), cost=Decimal("0.10")) for n in range(1, 4)]
    assert tell(progress, lines, *changes) == [
        "notpanel: service 1 has another price: notpanel o.csv line 2 (r1) 0.09 -> 0.10"
    ]


STATUS = OrderStatus("ord_1", OrderState.PARTIAL, "Partial", Decimal("0.05"), None, 40, "USD")
REFUSED = entry(1, state=RowState.REFUSED, error="InvalidLink", reason="Bad link")
DOUBT = entry(1, state=RowState.DOUBT, error="OutcomeUnknown", reason="no reply", request_id="q", sent_at=1.5)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            PanelStarted(panel="p", to_send=3, in_doubt=2, asked_again=1, balance=Decimal(9), currency="USD"),
            "p: 3 to send, 2 in doubt, 1 of them asked about again, 9.00 USD in the account",
        ),
        (RowRefused(panel="p", entry=REFUSED), "notpanel o.csv line 2 (r1): refused: InvalidLink: Bad link"),
        (
            RowInDoubt(panel="p", entry=DOUBT, asked_again=True),
            "notpanel o.csv line 2 (r1): in doubt: no reply; its request_id will settle it",
        ),
        (
            RowHeld(panel="p", entry=entry(1, ref="1-0123456789ab"), reason="too dear"),
            "notpanel o.csv line 2: held, not sent: too dear",
        ),
        (PanelPaused(panel="p", seconds=5, reason="503"), "p: paused for 5 s: 503"),
        (PanelResumed(panel="p"), "p: tried again"),
        (PanelStopped(panel="p", error="MoneyGuard", reason="enough"), "p: stopped: enough"),
        (PanelStopped(panel="p", error="Blocked", reason="403"), "p: stopped: Blocked: 403"),
        (placed(1), None),
        (OrderChanged(panel="p", status=STATUS), None),
    ],
)
def test_events_as_lines(event: BulkEvent, line: str | None) -> None:
    """One line each, with where it stands in the file."""
    assert line_of(event) == line


@pytest.mark.parametrize(
    ("event", "more"),
    [
        (placed(1), {"order": "ord_1", "charge": Decimal("0.09"), "cost": Decimal("0.09")}),
        (RowRefused(panel="notpanel", entry=REFUSED), {"error": "InvalidLink", "reason": "Bad link"}),
        (RowInDoubt(panel="notpanel", entry=DOUBT, asked_again=True), {"request_id": "q", "asked_again": True}),
        (RowHeld(panel="notpanel", entry=entry(1), reason="too dear"), {"reason": "too dear"}),
        (
            RowNotSaved(panel="notpanel", entry=entry(1), outcome=Placed(Receipt("ord_1")), reason="disk"),
            {"outcome": "placed", "order": "ord_1", "reason": "disk"},
        ),
        (
            RowNotSaved(panel="notpanel", entry=entry(1), outcome=RefusedRow("E", "no"), reason="disk"),
            {"outcome": "refused", "order": None},
        ),
        (
            RowNotSaved(panel="notpanel", entry=entry(1), outcome=InDoubt("E", "no"), reason="disk"),
            {"outcome": "in doubt"},
        ),
        (PriceChanged(panel="notpanel", entry=entry(1), cost=None), {"was": Decimal("0.09"), "cost": None}),
    ],
)
def test_events_about_rows_as_records(event: BulkEvent, more: dict[str, object]) -> None:
    """Flat, and the same first fields for all."""
    told = as_record(event)
    first = {"panel": "notpanel", "ref": "r1", "source": "o.csv", "line": 2, "number": 1, "service": "1"}
    assert {name: told[name] for name in ("event", *first, *more)} == {"event": type(event).__name__, **first, **more}


def test_an_order_that_changed_has_its_row_in_the_record() -> None:
    """And what came back."""
    row = entry(1, status=STATUS, charge=Decimal("0.09"))
    told = as_record(OrderChanged(panel="notpanel", status=STATUS), row)
    assert (told["line"], told["state"], told["returned"], told["remains"]) == (2, "partial", Decimal("0.04"), 40)


def test_what_came_back_of_a_price_that_is_finer_than_the_account_is_not_exact() -> None:
    """A panel that charges whole VND gave back 292 or 293 of 292.50: nobody says which, unless the receipt did."""
    gone = evolve(STATUS, state=OrderState.CANCELED, charge=Decimal(0), currency="VND")
    row, event = entry(1, cost=Decimal("292.50"), status=gone), OrderChanged(panel="p", status=gone)
    assert ", about 292.50 VND came back" in (line_of(event, row, unit=Unit(0)) or "")
    assert as_record(event, row, unit=Unit(0))["is_returned_exact"] is False
    told = evolve(row, charge=Decimal(292))
    assert ", 292.00 VND came back" in (line_of(event, told, unit=Unit(0)) or "")
    assert as_record(event, told, unit=Unit(0))["is_returned_exact"] is True


def test_rates_limits_and_the_time_left(progress: Progress, clock: Clock) -> None:
    """Of the last minute, of the limit's last period, and from the rate of the last minutes."""
    panel = progress.panel("notpanel")
    panel.limits = (Limit(10, 60), Limit(100, 1))
    assert (panel.limit_use(), panel.seconds_left(), panel.per_minute()) == (0.0, None, None)
    for n in range(1, 6):
        progress.note(placed(n))
        progress.attempted(
            "notpanel",
            Attempted(provider="notpanel", operation="add", attempt=1, elapsed=0.1, status=200, outcome="ok"),
        )
        progress.attempted("notpanel", Waiting(provider="notpanel", operation="add", seconds=1, reason="x"))
    clock.time += 50
    assert (panel.limit_use(), panel.seconds_left(), panel.per_minute()) == (0.5, 350.0, 6)
    clock.time += 20
    assert (panel.limit_use(), panel.seconds_left(), panel.per_minute()) == (0.0, 490.0, 0)
    assert [short_time(one) for one in (42, 600, 9000)] == ["42 s", "10 min", "2.5 h"]


def test_a_row_in_doubt_that_is_settled_is_counted_once(progress: Progress) -> None:
    """Also one that an earlier session left."""
    progress.begin([Standing("notpanel", pending=1, doubt=1)], [entry(1)])
    assert (progress.done, progress.total) == (1, 2)
    progress.note(placed(1))
    progress.note(RowInDoubt(panel="notpanel", entry=entry(2), asked_again=True))
    progress.note(placed(2))
    assert (progress.done, progress.panel("notpanel").placed, progress.panel("notpanel").doubts) == (2, 2, set())


def painted(progress: Progress) -> str:
    """The bars as text."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    console.print(bars(progress))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_bars_fit_80_columns_and_tell_all(progress: Progress, clock: Clock) -> None:
    """Whatever a panel says."""
    progress.panel("notpanel").limits = (Limit(100, 60),)
    for n in range(1, 11):
        progress.note(placed(n))
    progress.note(RowRefused(panel="notpanel", entry=REFUSED))
    progress.note(RowInDoubt(panel="notpanel", entry=entry(30), asked_again=False))
    progress.note(RowHeld(panel="notpanel", entry=entry(31), reason="x"))
    clock.time += 10
    progress.note(PanelPaused(panel="notpanel", seconds=20, reason="503 \x1b[2J" + "very long " * 30))
    clock.time += 5
    text = painted(progress)
    assert max(map(len, text.splitlines())) <= 80
    assert "13/40" in text
    assert "44/min  limit 0%" in text
    assert "placed 10, spent 0.90 USD, refused 1: InvalidLink 1, held 1, in doubt 1" in text
    assert "paused, tried again in 15 s: 503 very long" in text
    assert "\x1b" not in text
    progress.note(PanelStopped(panel="notpanel", error="Blocked", reason="403"))
    assert "stopped: 403" in painted(progress)


def test_bars_of_a_run_that_is_followed(progress: Progress) -> None:
    """How many orders are final, and what they are in."""
    standing = Standing("notpanel", placed=3, open_orders=2)
    standing.orders.update({"not followed": 2, "completed": 1})
    progress.begin_following([standing])
    for state in (OrderState.PENDING, OrderState.PARTIAL):
        progress.note(OrderChanged(panel="notpanel", status=evolve(STATUS, state=state)))
    text = painted(progress)
    assert "2/3" in text
    assert "partial 1" in text
    assert "pending" not in text


@pytest.mark.asyncio
async def test_a_live_display_keeps_loud_lines_on_stderr(progress: Progress) -> None:
    """They are not painted over, and the display goes on."""
    stdout, stderr = Terminal(), Terminal()

    async def find(panel: str, order: str) -> Entry | None:
        return entry(1, status=STATUS, charge=Decimal("0.09"))

    with LiveView(Out(stdout=stdout, stderr=stderr), progress, find) as view:
        lost = RowNotSaved(panel="notpanel", entry=entry(1), outcome=Placed(Receipt("ord_77")), reason="it is full")
        view.note(not_saved(lost))
        await view.show(lost)
        await view.show(OrderChanged(panel="notpanel", status=STATUS))
        await view.show(PanelStopped(panel="notpanel", error="Blocked", reason="403"))
    assert "WAS PLACED as order ord_77" in stderr.getvalue()
    assert "0.04 USD came back" in stdout.getvalue()
    assert "notpanel: stopped: Blocked: 403" in stdout.getvalue()


@pytest.mark.asyncio
async def test_a_terminal_sees_the_first_fifty_problems() -> None:
    """And how many more there are; a pipe gets all."""
    for stream, count in ((Terminal(), 51), (io.StringIO(), 60)):
        findings = Findings(Out(stdout=stream))
        for n in range(60):
            await findings.note(Problem(line=n, panel="p", ref=None, reason="bad"))
        findings.end()
        assert len(stream.getvalue().splitlines()) == count
    assert amount(Decimal("1E-6"), "USD") == "0.000001 USD"


@pytest.mark.parametrize(
    ("standing", "code", "step"),
    [
        (Standing("p", placed=1), 0, None),
        (Standing("p", placed=1, refused=1), 3, "1 row is refused"),
        (Standing("p", refused=1, invalid=1, pending=2), 4, "2 rows are not sent yet: `smm bulk resume 'a b.db'`"),
        (Standing("p", pending=2, doubt=1), 5, "1 row is in doubt: do not order them again"),
        (Standing("p", sending=1), 5, "1 row is in doubt"),
        (
            Standing("p", placed=2, open_orders=2, doubt=1),
            5,
            "2 orders not final yet: `smm bulk follow 'a b.db'`\n"
            "1 row is in doubt: do not order them again; then `smm bulk doubt 'a b.db'`",
        ),
    ],
)
def test_the_worst_row_decides(standing: Standing, code: int, step: str | None) -> None:
    """And each kind of row has its next step, in quotes that a shell reads."""
    steps = "\n".join(next_steps(Path("a b.db"), [standing]))
    assert (code_of([standing]), step is None or step in steps) == (code, True)
    assert standing.sending == 0 or "in the air" in next(next_steps(Path("r.db"), [standing], is_watching=True))


@pytest.mark.parametrize(("says_yes", "code", "made"), [(True, 0, 1), (False, 130, 0)])
def test_a_terminal_is_asked_first(
    smm: Smm,
    box: Sandbox,
    at_box: Sequence[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    says_yes: bool,
    code: int,
    made: int,
) -> None:
    """How many orders, for how much, and where; --yes goes without."""
    asked: list[str] = []

    async def ask(question: str) -> bool:
        asked.append(question)
        return says_yes

    monkeypatch.setattr(work, "ask", ask)
    monkeypatch.setattr(Out, "is_terminal", True)
    orders = tmp_path / "o.csv"
    orders.write_text("service,link,quantity\n1,https://e.example/a,100\n")
    call = ("bulk", "place", orders, "--run", tmp_path / "r.db", "--limit", "none", *at_box)
    assert (smm(*call).code, len(box.orders)) == (code, made)
    assert asked == ["Place 1 order for 0.09 USD on notpanel?"]
    assert smm(*call, "--yes").code == 0
    assert (len(asked), len(box.orders)) == (1, 1)


@pytest.mark.asyncio
async def test_where_nobody_can_answer_nothing_is_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal to write on is none to read from."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(Exception, match="nobody to ask"):
        await asking.ask("Place?")
