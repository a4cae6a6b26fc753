"""Placing a run: in order, at the panel's pace, within the guards, and stopping where it should."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from bulk_lab import World, begin, rows, work
from smmclient import (
    AccountSuspended,
    AuthenticationFailed,
    InsufficientFunds,
    JournalError,
    JournalMismatch,
    Limit,
    Order,
    Overloaded,
    Receipt,
    RetryPolicy,
    UsageError,
)
from smmclient.bulk import (
    Budget,
    BulkEvent,
    Pace,
    PanelPaused,
    PanelResumed,
    PanelStarted,
    PanelStopped,
    PriceChanged,
    RowHeld,
    RowNotSaved,
    RowPlaced,
    RowState,
    Runner,
    Source,
    SqliteJournal,
    admit,
)
from smmclient.sandbox import Fault, Limits
from smmclient.sandbox import Limit as BoxLimit
from smmclient.testing import ManualClock

pytestmark = pytest.mark.anyio

PANELS = pytest.mark.parametrize("name", ["notpanel", "panelbon"])
#: By the sandbox's catalog, 100 units of service 1.
PRICE = Decimal("0.09")


async def run(
    path: Path, world: World, *, budget: Budget | None = None, pace: Pace | None = None, **settings: Any
) -> list[BulkEvent]:
    """One session of the run at ``path``."""
    async with await SqliteJournal.open(path, is_inline=True) as journal:
        return await work(Runner(journal, {world.name: world.panel(**settings)}, budget=budget, pace=pace))


async def states(path: Path) -> Counter[str]:
    """How many rows are in which state."""
    async with await SqliteJournal.read(path) as journal:
        return Counter([entry.state.value async for entry in journal.entries()])


def kinds(told: list[BulkEvent]) -> Counter[str]:
    """How often which event was told."""
    return Counter(type(event).__name__ for event in told)


@PANELS
async def test_rows_are_placed_in_the_order_of_the_file(tmp_path: Path, name: str) -> None:
    """With one connection to the letter, and each is told once with its order's id."""
    async with ManualClock() as clock:
        world = World.make(name, clock, limits=Limits())
        await begin(tmp_path / "run.db", world, rows(50))
        told = await run(tmp_path / "run.db", world, max_connections=1)
        assert world.links == [f"https://example.com/{n}" for n in range(50)]
        placed = [event for event in told if isinstance(event, RowPlaced)]
        assert [event.receipt.order for event in placed] == [order.id for order in world.box.orders]
        assert [event.entry.number for event in placed] == list(range(1, 51))
        assert isinstance(told[0], PanelStarted)
        assert told[0].to_send == 50


@PANELS
async def test_a_limit_is_used_whole_and_not_overrun(tmp_path: Path, name: str) -> None:
    """1,000 orders at 100 a minute take nine minutes and a bit, and the panel never says 429."""
    async with ManualClock() as clock:
        world = World.make(name, clock, limits=Limits(key=BoxLimit(100, 60)))
        await begin(tmp_path / "run.db", world, rows(1000))
        began = clock.now()
        told = await run(tmp_path / "run.db", world, limits=(Limit(100, 60),))
        took = clock.now() - began
        assert kinds(told)["RowPlaced"] == 1000
        assert world.box.count(status=429) == 0
        # Ten windows of 100, two requests of which look at the catalog and the balance: eleven turns of the clock.
        assert 540 <= took <= 604


@PANELS
async def test_a_row_is_on_the_disk_before_its_first_byte_is_sent(tmp_path: Path, name: str) -> None:
    """As being sent, with its request_id, seen by another process at that moment."""
    async with ManualClock() as clock:
        world = World.make(name, clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(20))
        world.box.fail("add", Fault.DROP_AFTER, times=3)
        seen: list[tuple[str, str | None]] = []

        def look(form: dict[str, str]) -> None:
            if form["action"] == "add":
                with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as other:
                    query = "SELECT state, request_id FROM rows WHERE form LIKE ?"
                    state, request_id = other.execute(query, (f'%"{form["link"]}"%',)).fetchone()
                assert request_id == form.get("request_id")
                seen.append((state, request_id))

        world.on_send = look
        await run(path, world, pace=Pace(repeat_within=60))
        assert len(seen) >= 20
        assert {state for state, _ in seen} <= {"sending", "in doubt"}


async def test_no_more_rows_are_on_their_way_than_the_gate_is_wide(tmp_path: Path) -> None:
    """However many wait for their turn, so a crash leaves no more than that in doubt."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        await begin(tmp_path / "run.db", world, rows(60))
        most = 0
        async with (
            await SqliteJournal.open(tmp_path / "run.db", is_inline=True) as journal,
            Runner(journal, {"panelbon": world.panel(max_connections=3)}).events() as events,
        ):
            async for _ in events:
                found = [entry async for entry in journal.entries(states=[RowState.SENDING])]
                most = max(most, len(found))
        assert 0 < most <= 3


@PANELS
async def test_what_the_panel_refuses_is_refused_and_the_others_go_on(tmp_path: Path, name: str) -> None:
    """Each with the panel's own reason."""
    async with ManualClock() as clock:
        world = World.make(name, clock, limits=Limits())
        panel = world.panel(max_connections=1)
        original = panel.add_order

        async def refuse_one(order: Order, **options: Any) -> Receipt:
            bad = Order(service=404, link=order.link, quantity=10)
            return await original(bad if order.link.endswith("/2") else order, **options)

        panel.add_order = refuse_one  # type: ignore[method-assign, assignment]
        await begin(tmp_path / "run.db", world, rows(5))
        async with await SqliteJournal.open(tmp_path / "run.db", is_inline=True) as journal:
            told = await work(Runner(journal, {name: panel}))
            (entry,) = [entry async for entry in journal.entries(states=[RowState.REFUSED])]
        assert (entry.number, entry.error) == (3, "UnknownService")
        assert entry.reason
        assert kinds(told) == {"PanelStarted": 1, "RowPlaced": 4, "RowRefused": 1}


async def test_one_panels_outage_does_not_hold_up_another(tmp_path: Path) -> None:
    """The rows of the panel that works are placed at once, the others once theirs does."""
    async with ManualClock() as clock:
        good = World.make("panelbon", clock, limits=Limits())
        bad = World.make("notpanel", clock, limits=Limits())
        given = [{**row, "panel": "panelbon" if n % 2 else "notpanel"} for n, row in enumerate(rows(40))]
        panels = {"panelbon": good.panel(), "notpanel": bad.panel()}
        async with await SqliteJournal.open(tmp_path / "run.db", may_create=True, is_inline=True) as journal:
            await admit(Source.of(given), journal, panels)
            bad.is_down = True
            began = clock.now()
            done_at: dict[str, float] = {}
            async with Runner(journal, panels, pace=Pace(patience=3600)).events() as events:
                async for event in events:
                    if isinstance(event, RowPlaced):
                        done_at[event.panel] = clock.now() - began
                    elif isinstance(event, PanelPaused) and clock.now() - began > 100:
                        bad.is_down = False
        assert len(good.links) == len(bad.links) == 20
        assert done_at["panelbon"] < 5
        assert done_at["notpanel"] > 100


@pytest.mark.parametrize(
    ("harm", "mend", "error"),
    [
        (lambda box: box.suspend(), lambda box: box.suspend(is_suspended=False), AccountSuspended),
        (lambda box: box.set_balance("0.50"), lambda box: box.set_balance(100), InsufficientFunds),
    ],
    ids=["suspended", "funds gone"],
)
async def test_what_would_hit_every_row_stops_the_panel(
    tmp_path: Path, harm: object, mend: object, error: type
) -> None:
    """The rest stays pending, is placed once it is mended, and nothing is refused for it."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        await begin(tmp_path / "run.db", world, rows(30))
        harm(world.box)  # type: ignore[operator]
        told = await run(tmp_path / "run.db", world)
        (stopped,) = [event for event in told if isinstance(event, PanelStopped)]
        assert stopped.error == error.__name__
        found = await states(tmp_path / "run.db")
        assert found["pending"] == 30 - len(world.links)
        assert found["pending"] >= 25
        assert found["refused"] == found["in doubt"] == 0
        mend(world.box)  # type: ignore[operator]
        await run(tmp_path / "run.db", world)
        assert await states(tmp_path / "run.db") == {"done": 30}
        assert sorted(world.links) == sorted(f"https://example.com/{n}" for n in range(30))


async def test_a_revoked_key_stops_the_panel_and_a_new_one_goes_on(tmp_path: Path) -> None:
    """Another key is another account until somebody says that it is not."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(10))
        new = world.box.issue_key()
        world.box.revoke_key(world.box.api_key)
        (stopped,) = [event for event in await run(path, world) if isinstance(event, PanelStopped)]
        assert stopped.error == AuthenticationFailed.__name__
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            with pytest.raises(JournalMismatch, match="same-account"):
                await Runner(journal, {"notpanel": world.panel(api_key=new)}).run()
            await Runner(journal, {"notpanel": world.panel(api_key=new)}, is_same_account=True).run()
        assert len(world.links) == 10


async def test_stopping_finishes_what_is_in_the_air(tmp_path: Path) -> None:
    """What was sent has its outcome, the rest is pending, and the next session places it."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(100))
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            runner = Runner(journal, {"panelbon": world.panel()})
            async with runner.events() as events:
                async for event in events:
                    if isinstance(event, RowPlaced) and event.entry.number == 20:
                        runner.stop()
        found = await states(path)
        assert found["sending"] == found["in doubt"] == 0
        assert found["done"] == len(world.links) < 50
        await run(path, world)
        assert len(world.links) == len(set(world.links)) == 100


async def test_leaving_the_events_early_stops_the_run_cleanly(tmp_path: Path) -> None:
    """As if it was stopped; so does a cancel from outside."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(100))
        async with (
            await SqliteJournal.open(path, is_inline=True) as journal,
            Runner(journal, {"panelbon": world.panel()}).events() as events,
        ):
            async for event in events:
                if isinstance(event, RowPlaced):
                    break
        found = await states(path)
        assert found["done"] == len(world.links)
        assert found["done"] + found["pending"] == 100
        async with await SqliteJournal.open(path, is_inline=True) as journal, anyio.create_task_group() as tasks:

            async def give_up() -> None:
                await clock.sleep(1)
                tasks.cancel_scope.cancel()

            tasks.start_soon(give_up)
            await Runner(journal, {"panelbon": world.panel(max_connections=2)}).run()
        found = await states(path)
        assert found["done"] == len(world.links) < 100
        assert found["done"] + found["pending"] == 100


async def test_an_error_of_the_reader_comes_out_as_it_is(tmp_path: Path) -> None:
    """And what was in the air is finished."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(50))

        async def read_one() -> None:
            async with (
                await SqliteJournal.open(path, is_inline=True) as journal,
                Runner(journal, {"panelbon": world.panel()}).events() as events,
            ):
                async for event in events:
                    if isinstance(event, RowPlaced):
                        raise BrokenPipeError

        with pytest.raises(BrokenPipeError):
            await read_one()
        found = await states(path)
        assert found["done"] == len(world.links) < 50
        assert found["sending"] == 0


@PANELS
async def test_max_spend_is_never_passed_and_is_used_whole(tmp_path: Path, name: str) -> None:
    """Over all sessions of the run, with every reply that was lost counted as spent."""
    async with ManualClock() as clock:
        world = World.make(name, clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(60))
        world.box.fail("add", Fault.DROP_AFTER, times=2)
        budget = Budget(max_spend=PRICE * 25)
        told = await run(path, world, budget=budget)
        (stopped,) = [event for event in told if isinstance(event, PanelStopped)]
        assert stopped.error == "MoneyGuard"
        assert world.box.spent == PRICE * 25
        await run(path, world, budget=budget)
        assert world.box.spent == PRICE * 25
        await run(path, world, budget=Budget(max_spend=PRICE * 30))
        assert world.box.spent == PRICE * 30


async def test_money_of_refused_rows_is_free_again(tmp_path: Path) -> None:
    """A row that waits for the budget is placed when one in the air before it was refused."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(8))
        world.box.fail("add", Fault.TOO_MANY, times=3)
        await run(path, world, budget=Budget(max_spend=PRICE * 8), max_connections=8)
        assert len(world.links) == 8


async def test_a_row_that_costs_too_much_is_held(tmp_path: Path) -> None:
    """And goes with a higher bound later; the others go now."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        given = rows(3) + rows(1, quantity=1000, start=3) + rows(2, start=4)
        await begin(path, world, given)
        told = await run(path, world, budget=Budget(max_order=PRICE * 2))
        (held,) = [event for event in told if isinstance(event, RowHeld)]
        assert held.entry.number == 4
        assert len(world.links) == 5
        await run(path, world, budget=Budget())
        assert world.links[-1] == "https://example.com/3"


@PANELS
async def test_the_reserve_remains(tmp_path: Path, name: str) -> None:
    """By our own count: NotPanel's figure is up to 30 s old, and never shows too little."""
    async with ManualClock() as clock:
        world = World.make(name, clock, limits=Limits(), balance=Decimal("3.00"))
        path = tmp_path / "run.db"
        await begin(path, world, rows(60))
        told = await run(path, world, budget=Budget(reserve=Decimal("1.00")))
        assert any(isinstance(event, PanelStopped) and event.error == "MoneyGuard" for event in told)
        assert Decimal("1.00") <= world.box.balance < Decimal("1.00") + PRICE
        # At once again, with a figure that does not know of the last orders yet.
        await run(path, world, budget=Budget(reserve=Decimal("1.00")))
        assert Decimal("1.00") <= world.box.balance < Decimal("1.00") + PRICE


async def test_a_lost_reply_is_settled_by_the_request_id(tmp_path: Path) -> None:
    """Also when every attempt of the call was lost: the row is asked about again, and placed once."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(1))
        world.box.fail("add", Fault.DROP_AFTER, times=9)
        told = await run(path, world)
        assert kinds(told)["RowInDoubt"] == kinds(told)["RowPlaced"] == 1
        assert await states(path) == {"done": 1}
        assert len(world.links) == 1


async def test_a_request_id_is_not_used_after_its_time(tmp_path: Path) -> None:
    """How long a panel knows it is not documented: later the row stays in doubt, and is not sent."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(1))
        world.box.fail("add", Fault.DROP_AFTER, times=4)
        await run(path, world, pace=Pace(repeat_within=1.0))
        assert await states(path) == {"in doubt": 1}
        count = world.box.count("add")
        clock.advance(3600)
        await run(path, world)
        assert world.box.count("add") == count
        assert await states(path) == {"in doubt": 1}


async def test_without_a_request_id_nothing_is_sent_again(tmp_path: Path) -> None:
    """PanelBon's rows in doubt stay so, in this session and in the next."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(10))
        world.box.fail("add", Fault.DROP_AFTER, times=2)
        told = await run(path, world)
        assert kinds(told)["RowInDoubt"] == 2
        await run(path, world)
        assert world.box.count("add") == 10
        assert await states(path) == {"done": 8, "in doubt": 2}


async def test_an_outage_does_not_put_row_after_row_in_doubt(tmp_path: Path) -> None:
    """The panel is left alone, tried with one order at a time, and goes on when it acts again."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(200))
        world.box.fail("add", Fault.BAD_GATEWAY, times=12)
        told = await run(path, world, pace=Pace(patience=7200), max_connections=8)
        counts = kinds(told)
        assert counts["RowInDoubt"] == 12
        assert counts["RowPlaced"] == 188
        assert counts["PanelPaused"] == counts["PanelResumed"] >= 3


async def test_a_row_that_the_panel_does_not_act_upon_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """It is tried a few times, then waits behind all others, and is pending in the end."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(30))
        panel = world.panel(retry=RetryPolicy(attempts=1))
        original = panel.add_order

        async def stuck(order: Order, **options: Any) -> Receipt:
            if order.link.endswith("/4"):
                await options["before_send"](order, "an-id")
                raise Overloaded("this service is temporarily unavailable")
            return await original(order, **options)

        panel.add_order = stuck  # type: ignore[method-assign, assignment]
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            told = await work(Runner(journal, {"notpanel": panel}, pace=Pace(patience=600)))
        assert await states(path) == {"done": 29, "pending": 1}
        assert isinstance(told[-1], PanelStopped)
        assert "temporarily unavailable" in told[-1].reason


async def test_patience_has_an_end(tmp_path: Path) -> None:
    """A panel that does not come back is given up for this session; its rows are pending."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(20))
        world.is_down = True
        told = await run(path, world, pace=Pace(patience=600))
        assert isinstance(told[-1], PanelStopped)
        assert any(isinstance(event, PanelPaused) for event in told)
        assert not any(isinstance(event, PanelResumed) for event in told)
        assert await states(path) == {"pending": 20}
        world.is_down = False
        await run(path, world)
        assert await states(path) == {"done": 20}


async def test_todays_price_counts(tmp_path: Path) -> None:
    """A row that costs another amount than when it was checked is told, and the guards count with today's."""
    async with ManualClock() as clock:
        cheap = World.make("notpanel", clock, limits=Limits(), discount=50)
        path = tmp_path / "run.db"
        await begin(path, cheap, rows(20))
        dear = World.make("notpanel", clock, limits=Limits())
        dear.url = cheap.url
        told = await run(path, dear, budget=Budget(max_spend=PRICE * 3))
        changed = [event for event in told if isinstance(event, PriceChanged)]
        assert {(event.entry.cost, event.cost) for event in changed} == {(PRICE / 2, PRICE)}
        assert dear.box.spent == PRICE * 3


async def test_rows_of_a_panel_that_was_not_given_are_an_error(tmp_path: Path) -> None:
    """Before anything is sent."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        await begin(tmp_path / "run.db", world, rows(3))
        async with await SqliteJournal.open(tmp_path / "run.db", is_inline=True) as journal:
            with pytest.raises(UsageError, match="notpanel"):
                await Runner(journal, {}).run()


async def test_an_outcome_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The disk fails while orders are in the air: nothing more is sent, and what came of each is known."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(50))
        told: list[BulkEvent] = []
        async with await SqliteJournal.open(path, is_inline=True) as journal:

            async def fail_at_the_tenth() -> None:
                async with Runner(journal, {"panelbon": world.panel()}).events() as events:
                    async for event in events:
                        told.append(event)
                        if isinstance(event, RowPlaced) and event.entry.number == 10:
                            journal._db.execute("PRAGMA query_only = 1")

            with pytest.raises(JournalError, match=r"run\.db cannot be"):
                await fail_at_the_tenth()
            journal._db.execute("PRAGMA query_only = 0")
        known = {event.receipt.order for event in told if isinstance(event, RowPlaced)}
        known |= {event.outcome.receipt.order for event in told if isinstance(event, RowNotSaved)}  # type: ignore[union-attr]
        assert known == {order.id for order in world.box.orders}
        found = await states(path)
        assert found["sending"] == sum(isinstance(event, RowNotSaved) for event in told)
        assert found["done"] + found["sending"] == len(world.links)


async def test_a_copy_of_a_run_places_nothing_twice_where_there_is_an_id(tmp_path: Path) -> None:
    """Nor does one that was put back to an earlier state: a row's request_id follows from the run and the row."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path, copy = tmp_path / "run.db", tmp_path / "copy.db"
        await begin(path, world, rows(20))
        shutil.copy(path, copy)
        await run(path, world)
        await run(copy, world)
        assert sorted(world.links) == sorted(f"https://example.com/{n}" for n in range(20))
        assert await states(copy) == await states(path) == {"done": 20}


async def test_an_answer_is_not_asked_for_again(tmp_path: Path) -> None:
    """A row that was refused for want of money goes under a new request_id: the panel may remember the answer."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits(), balance=0)
        path = tmp_path / "run.db"
        await begin(path, world, rows(1))
        ids: list[str] = []
        world.on_send = lambda form: ids.append(form["request_id"]) if form["action"] == "add" else None
        await run(path, world)
        world.box.set_balance(10)
        await run(path, world)
        assert len(ids) == len(set(ids)) == 2
        assert await states(path) == {"done": 1}
