"""Following a run's orders: to the end, in batches, and what came back is written down."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from bulk_lab import World, begin, rows
from smmclient import OrderState
from smmclient.bulk import Entry, Follower, OrderChanged, PanelStopped, Runner, SqliteJournal
from smmclient.sandbox import Limits
from smmclient.testing import ManualClock

pytestmark = pytest.mark.anyio


async def placed(path: Path, world: World, count: int) -> None:
    """A run whose orders are placed."""
    await begin(path, world, rows(count))
    async with await SqliteJournal.open(path, is_inline=True) as journal:
        await Runner(journal, {world.name: world.panel()}).run()


async def entries(path: Path) -> list[Entry]:
    """All rows."""
    async with await SqliteJournal.read(path) as journal:
        return [entry async for entry in journal.entries()]


@pytest.mark.parametrize("name", ["notpanel", "panelbon"])
async def test_every_order_is_followed_to_its_end(tmp_path: Path, name: str) -> None:
    """In batches of 100; the journal has the panel's last word, charge and remains, and what came back."""
    async with ManualClock() as clock:
        world = World.make(name, clock, limits=Limits(), troubled=0.3, seconds_to_finish=300)
        path = tmp_path / "run.db"
        await placed(path, world, 250)
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            follower = Follower(journal, {name: world.panel()}, every=30)
            changes = 0
            async with follower.events() as events:
                async for event in events:
                    assert isinstance(event, OrderChanged)
                    changes += 1
            tallies = await journal.tallies()
        found = await entries(path)
        by_id = {order.id: order for order in world.box.orders}
        for entry in found:
            assert entry.order_id is not None
            assert entry.status is not None
            order = by_id[entry.order_id]
            assert entry.status.state.is_final
            assert entry.status.state.value == order.state.value
            assert entry.spent == order.charge - order.refunded
            assert entry.returned == (order.refunded if order.state.value != "completed" else None)
            if name == "notpanel":
                # PanelBon's batch rows hold charge and status only.
                assert entry.status.remains == order.remains
        assert changes >= 250
        assert sum((one.spent for one in tallies), Decimal(0)) == world.box.spent
        assert sum((one.returned for one in tallies), Decimal(0)) == sum(
            (one.refunded for one in by_id.values()), Decimal(0)
        )
        assert world.box.count("status") < changes / 10


async def test_following_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    """Final orders are not asked about again."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits(), seconds_to_finish=300)
        path = tmp_path / "run.db"
        await placed(path, world, 120)
        async with (
            await SqliteJournal.open(path, is_inline=True) as journal,
            Follower(journal, {"panelbon": world.panel()}).events() as events,
        ):
            final = 0
            async for event in events:
                final += isinstance(event, OrderChanged) and event.status.state.is_final
                if final == 40:
                    break
        seen = [one for one in await entries(path) if one.status is not None and one.status.state.is_final]
        assert len(seen) >= 40
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            told = await work_of(Follower(journal, {"panelbon": world.panel()}))
        again = {event.status.order for event in told if isinstance(event, OrderChanged)}
        assert not again & {one.order_id for one in seen}
        assert all(one.status is not None and one.status.state is OrderState.COMPLETED for one in await entries(path))
        before = world.box.count("status")
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            await Follower(journal, {"panelbon": world.panel()}).run()
        assert world.box.count("status") == before


async def work_of(follower: Follower) -> list[object]:
    """Follow to the end; returns what was told."""
    async with follower.events() as events:
        return [event async for event in events]


async def test_a_panel_that_cannot_be_asked_does_not_stop_the_others(tmp_path: Path) -> None:
    """Its orders stay open, and it is said why."""
    async with ManualClock() as clock:
        good, bad = World.make("panelbon", clock), World.make("notpanel", clock)
        path = tmp_path / "run.db"
        await placed(path, good, 3)
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            from smmclient.bulk import Source, admit

            await admit(Source.of(rows(3)), journal, {"notpanel": bad.panel()}, panel="notpanel", may_add=True)
            panels = {"panelbon": good.panel(), "notpanel": bad.panel()}
            await Runner(journal, panels).run()
            bad.box.revoke_key(bad.box.api_key)
            told = await work_of(Follower(journal, panels))
        (stopped,) = [event for event in told if isinstance(event, PanelStopped)]
        assert (stopped.panel, stopped.error) == ("notpanel", "AuthenticationFailed")
        found = await entries(path)
        assert [one.status is not None for one in found] == [True] * 3 + [False] * 3
