"""Bad moments and odd providers: nothing is sent twice, nothing is left without an outcome, and every run ends."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from bulk_lab import World, begin, rows, work
from smmclient import AuthenticationFailed, Order, Receipt, RetryPolicy
from smmclient.bulk import (
    Budget,
    BulkEvent,
    Entry,
    Likely,
    Pace,
    PanelStopped,
    RowPlaced,
    RowState,
    Runner,
    Source,
    SqliteJournal,
    admit,
    look_at_all,
    seconds_to_wait,
    weigh,
)
from smmclient.panel import Panel
from smmclient.sandbox import Fault, Limits
from smmclient.testing import ManualClock

pytestmark = pytest.mark.anyio
PRICE = Decimal("0.09")


async def session(path: Path, panels: dict[str, Panel], **options: Any) -> list[BulkEvent]:
    """One session of the run."""
    async with await SqliteJournal.open(path, is_inline=True) as journal:
        return await work(Runner(journal, panels, **options))


async def entries(path: Path) -> list[Entry]:
    """All rows."""
    async with await SqliteJournal.read(path) as journal:
        return [entry async for entry in journal.entries()]


def stopped(told: list[BulkEvent]) -> PanelStopped:
    """The one event of a panel that was stopped."""
    (event,) = [event for event in told if isinstance(event, PanelStopped)]
    return event


async def test_a_row_in_doubt_is_not_asked_about_after_its_time_however_long_it_waited(tmp_path: Path) -> None:
    """The panel was down when its turn came: by then it may have forgotten the id."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(1))
        world.box.fail("add", Fault.DROP_AFTER, times=4)
        world.on_send = lambda form: setattr(world, "is_down", world.box.count("add") >= 4)
        await session(path, {"notpanel": world.panel()}, pace=Pace(repeat_within=300, patience=900))
        sent = [at for at, action in world.hits if action == "add"]
        assert sent[-1] - sent[0] <= 360
        world.on_send, world.is_down = None, False
        clock.advance(301)
        await session(path, {"notpanel": world.panel()}, pace=Pace(repeat_within=300))
        assert len(world.links) == 1
        assert [one.state for one in await entries(path)] == [RowState.DOUBT]


async def test_a_row_that_waits_for_money_does_not_keep_the_panel_from_being_tried(tmp_path: Path) -> None:
    """Money is tied up in rows in doubt, and the panel is in trouble: the doubt is settled first, then the row goes."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(5))
        world.box.fail("add", Fault.DROP_AFTER, times=3)
        guard = Budget(max_spend=3 * PRICE)
        panel = world.panel(max_connections=1, retry=RetryPolicy(attempts=1))
        with anyio.fail_after(20):
            told = await session(path, {"notpanel": panel}, budget=guard)
        assert stopped(told).error == "MoneyGuard"
        assert [one.state for one in await entries(path)] == [RowState.DONE] * 3 + [RowState.PENDING] * 2
        assert len(world.links) == 3


async def test_an_outage_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    """Also when good replies of rows that were in the air came in after it had begun."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(200))
        slow = iter([0.05] * 60 + [0.05, 9.0] * 4)
        world.latency = lambda: next(slow, 0.05)
        world.on_send = lambda form: setattr(world, "is_down", world.box.count("add") > 30)
        began = clock.now()
        told = await session(path, {"panelbon": world.panel()}, pace=Pace(patience=600))
        assert stopped(told).error == "Unavailable"
        assert clock.now() - began < 2400


async def test_the_price_of_the_day_is_what_is_in_doubt(tmp_path: Path) -> None:
    """Evidence and guards of later sessions count with what a row cost when it was sent."""
    async with ManualClock() as clock:
        cheap = World.make("panelbon", clock, limits=Limits(), discount=50)
        path = tmp_path / "run.db"
        await begin(path, cheap, rows(2))
        dear = World.make("panelbon", clock, limits=Limits())
        dear.url = cheap.url
        dear.box.fail("add", Fault.DROP_AFTER)
        dear.box.fail("add", Fault.DROP_BEFORE)
        await session(path, {"panelbon": dear.panel(max_connections=1)})
        assert [one.cost for one in await entries(path)] == [PRICE, PRICE]
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            clock.advance(await seconds_to_wait(journal, "panelbon", dear.panel()) + 1)
            await look_at_all(journal, {"panelbon": dear.panel()})
            found = await weigh(journal)
        assert {one.likely for one in found} == {Likely.UNCLEAR}
        assert found[0].evidence is not None
        assert found[0].evidence.placed == 1


async def test_asking_again_is_a_sending_for_the_evidence(tmp_path: Path) -> None:
    """The first sending did nothing, the second placed the order: the balance before the second proves nothing."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(1))
        world.box.fail("add", Fault.DROP_BEFORE, times=4)
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            runner = Runner(journal, {"notpanel": world.panel()})
            async with runner.events() as events:
                async for event in events:
                    if type(event).__name__ == "RowInDoubt":
                        runner.stop()
        clock.advance(300)
        world.box.fail("add", Fault.DROP_AFTER, times=60)
        await session(path, {"notpanel": world.panel()}, pace=Pace(patience=60))
        assert len(world.links) == 1
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            assert await seconds_to_wait(journal, "notpanel", world.panel()) > 0
            clock.advance(200)
            await look_at_all(journal, {"notpanel": world.panel()})
            (one,) = await weigh(journal)
        assert one.likely is Likely.PLACED


@pytest.mark.parametrize("name", ["notpanel", "panelbon"])
async def test_the_reserve_is_used_whole(tmp_path: Path, name: str) -> None:
    """A figure of the balance that already knew of orders in the air is looked up again before giving up."""
    async with ManualClock() as clock:
        world = World.make(name, clock, limits=Limits(), balance=Decimal(20))
        world.latency = lambda: 2.0
        path = tmp_path / "run.db"
        await begin(path, world, rows(220))
        await session(path, {name: world.panel()}, budget=Budget(reserve=Decimal(2)))
        assert world.box.balance == Decimal(2)


async def test_money_of_a_row_in_doubt_is_waited_for(tmp_path: Path) -> None:
    """The guard does not end the run while a row in doubt can still be asked about, and may free its money."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(3))
        world.box.fail("add", Fault.DROP_AFTER, times=4)
        told = await session(path, {"notpanel": world.panel(max_connections=1)}, budget=Budget(max_spend=PRICE * 2))
        assert stopped(told).error == "MoneyGuard"
        assert sum(isinstance(event, RowPlaced) for event in told) == 2
        assert [one.state.value for one in await entries(path)] == ["done", "done", "pending"]


async def test_one_panels_odd_error_does_not_end_the_others(tmp_path: Path) -> None:
    """Whatever a provider raises or gives, its panel is stopped with a reason, and nothing of it is sent again."""
    async with ManualClock() as clock:
        good, odd = World.make("panelbon", clock, limits=Limits()), World.make("notpanel", clock, limits=Limits())
        panels = {"panelbon": good.panel(), "notpanel": odd.panel(max_connections=2)}
        given = [{**row, "panel": "panelbon" if n % 2 else "notpanel"} for n, row in enumerate(rows(60))]
        path = tmp_path / "run.db"
        async with await SqliteJournal.open(path, may_create=True, is_inline=True) as journal:
            await admit(Source.of(given), journal, panels)
        original = panels["notpanel"].add_order

        async def odd_receipt(order: Order, **options: Any) -> Any:
            receipt = await original(order, **options)
            return {"order": receipt.order}

        panels["notpanel"].add_order = odd_receipt  # type: ignore[method-assign, assignment]
        told = await session(path, panels)
        assert (stopped(told).panel, stopped(told).error) == ("notpanel", "ProviderError")
        found = await entries(path)
        assert sum(one.state is RowState.DONE for one in found if one.panel == "panelbon") == 30
        assert sum(one.state is RowState.DOUBT for one in found if one.panel == "notpanel") == len(odd.links) <= 2

        async def broken(**_: object) -> Any:
            raise ValueError("not a balance")

        panels["notpanel"].balance = broken  # type: ignore[method-assign]
        assert stopped(await session(path, panels)).error == "ValueError"


async def test_a_provider_that_does_not_call_the_hook_is_stopped(tmp_path: Path) -> None:
    """What it sent is written down after all, and no more is sent."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(9))
        panel = world.panel(max_connections=2)
        original = panel.add_order

        async def without_hook(order: Order, *, before_send: object = None, **options: Any) -> Receipt:
            return await original(order, **options)

        panel.add_order = without_hook  # type: ignore[method-assign, assignment]
        for _ in range(2):
            told = await session(path, {"panelbon": panel})
            assert "before_send" in stopped(told).reason
            found = await entries(path)
            assert sorted(one.order_id or "" for one in found if one.state is RowState.DONE) == sorted(
                order.id for order in world.box.orders
            )
        assert len(world.links) == len(set(world.links)) <= 4


async def test_a_provider_that_calls_the_hook_twice_is_no_trouble(tmp_path: Path) -> None:
    """A row is written once."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(5))
        panel = world.panel()
        original = panel.add_order

        async def twice(order: Order, *, before_send: Any, **options: Any) -> Receipt:
            async def hook(order: Any, request_id: str | None) -> None:
                await before_send(order, request_id)
                await before_send(order, request_id)

            return await original(order, before_send=hook, **options)

        panel.add_order = twice  # type: ignore[method-assign, assignment]
        await session(path, {"notpanel": panel})
        assert {one.state for one in await entries(path)} == {RowState.DONE}


async def test_guards_are_kept_with_the_run(tmp_path: Path) -> None:
    """A session without guards of its own has those of the last one; a budget without bounds takes them off."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(10))
        await session(path, {"panelbon": world.panel()}, budget=Budget(max_spend=PRICE * 4))
        await session(path, {"panelbon": world.panel()})
        assert world.box.spent == PRICE * 4
        await session(path, {"panelbon": world.panel()}, budget=Budget())
        assert world.box.spent == PRICE * 10


async def test_a_key_that_does_not_work_is_not_bound_to(tmp_path: Path) -> None:
    """Whatever its user says of it; the run goes on with the one that it was begun with."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await begin(path, world, rows(3))
        with pytest.raises(AuthenticationFailed):
            await session(path, {"panelbon": world.panel(api_key="wrong-key")}, is_same_account=True)
        await session(path, {"panelbon": world.panel()})
        assert len(world.links) == 3
