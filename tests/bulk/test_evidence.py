"""What the balance says of rows in doubt, and what their user decides."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_lab import World, begin, rows, work
from smmclient import Balance, Order, UsageError
from smmclient.bulk import (
    Entry,
    Likely,
    Pace,
    RowState,
    Runner,
    SqliteJournal,
    Weighed,
    look_at_all,
    resolve,
    seconds_to_wait,
    weigh,
)
from smmclient.bulk.evidence import _compare
from smmclient.sandbox import Fault, Limits
from smmclient.testing import ManualClock


@pytest.fixture
def anyio_backend() -> str:
    """The runs are on a virtual clock; one event loop is enough."""
    return "asyncio"


pytestmark = pytest.mark.anyio
MIXED = rows(4) + rows(1, quantity=250, start=4) + rows(1, quantity=130, start=5) + rows(4, start=6)


async def doubtful(path: Path, world: World, faults: list[Fault], given: list[dict[str, object]]) -> None:
    """A session in which the first orders meet these faults."""
    await begin(path, world, given)
    for fault in faults:
        world.box.fail("add", fault)
    async with await SqliteJournal.open(path, is_inline=True) as journal:
        # Nothing but PanelBon's rows stay in doubt; on NotPanel the id's time is over at once.
        await work(Runner(journal, {world.name: world.panel(max_connections=1)}, pace=Pace(repeat_within=0.001)))


async def weighed(path: Path, world: World) -> list[Weighed]:
    """What is known after a look at the balance, once that can tell."""
    async with await SqliteJournal.open(path, is_inline=True) as journal:
        panel = world.panel()
        wait = await seconds_to_wait(journal, world.name, panel)
        assert 25 < wait <= 90
        world.clock.advance(wait + 0.001)
        assert await seconds_to_wait(journal, world.name, panel) == 0
        assert await look_at_all(journal, {world.name: panel}) == {}
        return await weigh(journal)


async def test_a_missing_charge_of_one_rows_price_says_placed(tmp_path: Path) -> None:
    """And that of none says not placed: rows of different prices are told apart."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        first = [MIXED[4], MIXED[5], *MIXED[:4], *MIXED[6:]]
        await doubtful(path, world, [Fault.DROP_AFTER, Fault.DROP_BEFORE], first)
        one, other = await weighed(path, world)
        made = set(world.links)
        assert one.entry.order is not None
        assert (one.likely, other.likely) == (Likely.PLACED, Likely.NOT_PLACED)
        assert isinstance(one.entry.order, Order)
        assert one.entry.order.link in made
        assert one.evidence is not None
        assert one.evidence.missing == one.entry.cost
        assert one.evidence.found == world.box.balance
        assert "price of 1 of 2" in one.evidence.note


@pytest.mark.parametrize(
    ("faults", "likely", "placed"),
    [
        ([Fault.DROP_AFTER, Fault.BAD_GATEWAY_AFTER], Likely.PLACED, 2),
        ([Fault.DROP_BEFORE, Fault.BAD_GATEWAY], Likely.NOT_PLACED, 0),
        ([Fault.DROP_AFTER, Fault.BAD_GATEWAY], Likely.UNCLEAR, 1),
    ],
)
async def test_rows_of_one_price_are_counted(tmp_path: Path, faults: list[Fault], likely: Likely, placed: int) -> None:
    """All, none, or so many of them: then it is not said which."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        await doubtful(tmp_path / "run.db", world, faults, rows(8))
        found = await weighed(tmp_path / "run.db", world)
        assert {one.likely for one in found} == {likely}
        assert found[0].evidence is not None
        assert found[0].evidence.placed == placed


async def test_what_others_spend_is_not_taken_for_a_row(tmp_path: Path) -> None:
    """A sum that no choice of rows explains proves nothing."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        await doubtful(tmp_path / "run.db", world, [Fault.DROP_AFTER], rows(5))
        await world.panel().add_order(Order(service=4, link="https://example.com/other", quantity=77))
        (one,) = await weighed(tmp_path / "run.db", world)
        assert one.likely is Likely.UNCLEAR
        assert one.evidence is not None
        assert one.evidence.missing > 0


async def test_a_balance_that_is_too_young_is_no_evidence(tmp_path: Path) -> None:
    """NotPanel's figure is up to 30 s old, and a panel may be slow to charge."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await doubtful(path, world, [Fault.DROP_AFTER] * 4, rows(3))
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            panel = world.panel()
            assert 80 < await seconds_to_wait(journal, "notpanel", panel) <= 90
            await look_at_all(journal, {"notpanel": panel})
            (one,) = await weigh(journal)
            assert (one.likely, one.evidence) == (Likely.UNCLEAR, None)
        (one,) = await weighed(path, world)
        assert one.likely is Likely.PLACED


async def test_refunds_of_followed_orders_are_counted_in(tmp_path: Path) -> None:
    """What came back of canceled orders is no sign of an order that was not placed."""
    from smmclient.bulk import Follower

    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits(), troubled=0.5, seconds_to_finish=20)
        path = tmp_path / "run.db"
        await doubtful(path, world, [Fault.DROP_AFTER], rows(30))
        # The order in doubt is completed and charged in full, or the sum would tell of a part of it.
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            await Follower(journal, {"panelbon": world.panel()}, every=5).run()
            assert sum([entry.returned or 0 async for entry in journal.entries()]) > 0
        (one,) = await weighed(path, world)
        order = world.box.orders[0]
        assert one.evidence is not None
        assert one.evidence.missing == order.charge - order.refunded


async def test_the_user_decides(tmp_path: Path) -> None:
    """Placed with its id, or not placed: then the next session sends it."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await doubtful(path, world, [Fault.DROP_AFTER, Fault.DROP_BEFORE], rows(5))
        made = world.box.orders[0]
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            one, other = [entry async for entry in journal.entries(states=[RowState.DOUBT])]
            done, *_ = [entry async for entry in journal.entries(states=[RowState.DONE])]
            with pytest.raises(UsageError, match="no row 'x'"):
                await resolve(journal, "x", placed=None)
            with pytest.raises(UsageError, match="not in doubt"):
                await resolve(journal, done.ref, placed=None)
            with pytest.raises(UsageError, match="is that of row"):
                await resolve(journal, one.ref, placed=done.order_id)
            with pytest.raises(UsageError, match="order's id"):
                await resolve(journal, one.ref, placed="a b")
            changed = await resolve(journal, one.ref, placed=made.id)
            assert (changed.state, changed.order_id) == (RowState.DONE, made.id)
            changed = await resolve(journal, other.ref, placed=None)
            assert changed.state is RowState.PENDING
            await Runner(journal, {"panelbon": world.panel()}).run()
            assert [entry.state async for entry in journal.entries()] == [RowState.DONE] * 5
        assert sorted(world.links) == sorted(f"https://example.com/{n}" for n in range(5))


async def test_a_wrong_decision_does_not_place_twice_where_there_is_an_id(tmp_path: Path) -> None:
    """The row goes under the same request_id, and the panel gives the first order again."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits())
        path = tmp_path / "run.db"
        await doubtful(path, world, [Fault.DROP_AFTER] * 4, rows(1))
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            (one,) = [entry async for entry in journal.entries()]
            await resolve(journal, one.ref, placed=None)
            await Runner(journal, {"notpanel": world.panel()}).run()
            (one,) = [entry async for entry in journal.entries()]
        assert one.order_id == world.box.orders[0].id
        assert len(world.links) == 1


PRICES = st.decimals("0.01", "9.99", places=2)


@given(prices=st.lists(PRICES, min_size=1, max_size=7), made=st.data(), noise=st.sampled_from(["0", "0", "0", "0.001"]))
def test_what_is_said_is_never_wrong_while_the_account_is_ours_alone(
    prices: list[Decimal], made: st.DataObject, noise: str
) -> None:
    """Probably placed means placed, probably not means not, whatever the prices; unclear is always allowed."""
    placed = made.draw(st.sets(st.sampled_from(range(len(prices)))))
    doubts = [
        Entry(
            number=n,
            source="f",
            line=n,
            ref=str(n),
            panel="p",
            state=RowState.DOUBT,
            order=Order(1, "l", 1),
            cost=price,
            sent_at=5.0,
        )
        for n, price in enumerate(prices)
    ]
    missing = sum((prices[n] for n in placed), Decimal(0)) + Decimal(noise)
    before, after = Balance(Decimal(100), "USD", 1.0), Balance(Decimal(90) - missing, "USD", 9.0)
    evidence, verdicts = _compare("p", before, after, Decimal(10), doubts, None)
    assert evidence.missing == missing
    for n in range(len(prices)):
        if noise != "0":
            assert verdicts[n] is Likely.UNCLEAR
        elif verdicts[n] is not Likely.UNCLEAR:
            assert (verdicts[n] is Likely.PLACED) == (n in placed)
    if evidence.placed is not None:
        assert evidence.placed == len(placed)


def test_an_unknown_price_is_no_evidence() -> None:
    """Nor is a currency that has changed."""
    entry = Entry(number=1, source="f", line=1, ref="1", panel="p", state=RowState.DOUBT, order=Order(1, "l", 1))
    before, after = Balance(Decimal(100), "USD", 1.0), Balance(Decimal(100), "USD", 9.0)
    assert _compare("p", before, after, Decimal(0), [entry], None)[1] == {1: Likely.UNCLEAR}
    other = Balance(Decimal(100), "EUR", 9.0)
    assert _compare("p", before, other, Decimal(0), [entry], None)[1] == {1: Likely.UNCLEAR}
