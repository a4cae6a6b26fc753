"""What the balance says of rows in doubt, and what their user decides."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bulk_lab import World, begin, rows, work
from smmclient import (
    AuthenticationFailed,
    Balance,
    JournalError,
    Order,
    OrderState,
    OrderStatus,
    UsageError,
)
from smmclient.bulk import (
    Entry,
    Follower,
    Likely,
    Pace,
    RowState,
    Runner,
    SqliteJournal,
    TakenBack,
    Weighed,
    look_at_all,
    look_up,
    resolve,
    seconds_to_wait,
    weigh,
)
from smmclient.bulk.evidence import _Scale
from smmclient.bulk.explain import explain
from smmclient.bulk.unit import Unit
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
    """What is known after the orders were followed, and a look at the balance, once that can tell."""
    async with await SqliteJournal.open(path, is_inline=True) as journal:
        panel = world.panel()
        await Follower(journal, {world.name: panel}, every=5).run()
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
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits(), troubled=0.5, seconds_to_finish=20)
        path = tmp_path / "run.db"
        await doubtful(path, world, [Fault.DROP_AFTER], rows(30))
        # The order in doubt is completed and charged in full, or the sum would tell of a part of it.
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            await Follower(journal, {"panelbon": world.panel()}, every=5).run()
            assert sum([entry.returned or 0 async for entry in journal.entries()]) > 0
            (early,) = await weigh(journal)
            assert early.likely is Likely.UNCLEAR
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


async def test_nothing_is_said_while_an_order_is_open(tmp_path: Path) -> None:
    """What came back of an order that nobody looked at since would be mistaken for a row's price."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits(), seconds_to_finish=600)
        path = tmp_path / "run.db"
        # The first is placed, the second is not, and what comes back of the third is as much as the first has cost.
        given = [row for n, quantity in enumerate([101, 203, 101, 205]) for row in rows(1, quantity=quantity, start=n)]
        await doubtful(path, world, [Fault.DROP_AFTER, Fault.DROP_BEFORE], given)
        made = world.box.orders
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            panel = world.panel()
            world.box._panel.engine.cancel("owner", made[1].id, now=clock.wall())
            clock.advance(await seconds_to_wait(journal, "panelbon", panel) + 0.001)
            await look_at_all(journal, {"panelbon": panel})
            found = await weigh(journal)
            assert {one.likely for one in found} == {Likely.UNCLEAR}
            assert found[0].evidence is not None
            assert "2 orders were not final" in found[0].evidence.note
            assert found[0].evidence.caveat == ""
            first = found[0].evidence.until
            await Follower(journal, {"panelbon": panel}, every=30).run()
            # The old look is as blind as it was; a new one is not.
            assert {one.likely for one in await weigh(journal)} == {Likely.UNCLEAR}
            clock.advance(await seconds_to_wait(journal, "panelbon", panel) + 0.001)
            await look_at_all(journal, {"panelbon": panel})
            found = await weigh(journal)
            assert [one.likely for one in found] == [Likely.PLACED, Likely.NOT_PLACED]
            assert found[0].evidence is not None
            assert found[0].evidence.until > first
            assert "no proof" in found[0].evidence.caveat


async def test_whole_units_explain_prices_with_fractions(tmp_path: Path) -> None:
    """A panel that charges whole VND: by our count is by the charges that it reports, as in what was spent."""
    async with ManualClock() as clock:
        world = World.make("v2", clock, flavour="cmsnt", limits=Limits(), seconds_to_finish=5)
        path = tmp_path / "run.db"
        given = [row for n in range(9) for row in rows(1, quantity=203 + 14 * n, start=n)]
        await doubtful(path, world, [Fault.DROP_AFTER] * 3, given)
        found = await weighed(path, world)
        assert [one.likely for one in found] == [Likely.PLACED] * 3
        assert any(one.entry.cost and one.entry.cost % 1 for one in found)
        evidence = found[0].evidence
        assert evidence is not None
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            spent = sum([one.spent for one in await journal.tallies() if one.state is RowState.DONE])
        assert evidence.should_be == Decimal(1_000_000) - spent
        assert evidence.missing == sum(order.charge for order in world.box.orders[:3])


async def test_a_decision_can_be_changed_until_the_row_is_sent(tmp_path: Path) -> None:
    """To another order, to none, and back; what the panel itself said stands."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await doubtful(path, world, [Fault.DROP_AFTER], rows(3))
        made = world.box.orders[0]
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            (one,) = [entry async for entry in journal.entries(states=[RowState.DOUBT])]
            wrong = await resolve(journal, one.ref, placed="999")
            assert (wrong.order_id, wrong.is_by_hand) == ("999", True)
            await journal.follow("panelbon", [OrderStatus("999", OrderState.CANCELED, "Canceled")], at=clock.wall())
            right = await resolve(journal, one.ref, placed=made.id)
            assert (right.state, right.order_id, right.status) == (RowState.DONE, made.id, None)
            assert await journal.find_order("panelbon", "999") is None
            none = await resolve(journal, one.ref, placed=None)
            assert (none.state, none.order_id, none.is_by_hand) == (RowState.PENDING, None, True)
            again = await resolve(journal, one.ref, placed=made.id)
            assert again.order_id == made.id
        # Every seal holds.
        async with await SqliteJournal.open(path, is_inline=True) as journal:
            await resolve(journal, one.ref, placed=None)
            await Runner(journal, {"panelbon": world.panel()}).run()
            with pytest.raises(UsageError, match="done, not in doubt"):
                await resolve(journal, one.ref, placed=None)
            sent = await journal.find(one.ref)
            assert sent is not None
            with pytest.raises(JournalError, match="cannot follow"):
                await journal.settle(sent, TakenBack("no"), at=1.0)


async def test_an_order_is_looked_up_before_it_is_believed() -> None:
    """The panel says where it stands, or that it does not know it; a key that is refused says neither."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        receipt = await world.panel().add_order(Order(1, "https://example.com/a", 100))
        assert (await look_up(world.panel(), receipt.order)).charge == Decimal("0.09")
        with pytest.raises(UsageError, match="does not know order 31337"):
            await look_up(world.panel(), "31337")
        with pytest.raises(AuthenticationFailed):
            await look_up(world.panel(api_key="another-key-0001"), receipt.order)


PRICES = st.decimals("0.01", "9.99", places=2)


def doubts_of(prices: list[Decimal | None]) -> list[Entry]:
    """Rows in doubt at these prices."""
    return [
        Entry(
            number=n,
            source="f",
            line=n,
            ref=str(n),
            panel="p",
            state=RowState.DOUBT,
            order=Order(1, "l", 100_000),
            cost=price,
            sent_at=5.0,
        )
        for n, price in enumerate(prices)
    ]


@given(
    prices=st.lists(PRICES, min_size=1, max_size=7),
    made=st.data(),
    noise=st.sampled_from(["0", "0", "0", "0.001"]),
    decimals=st.sampled_from([2, 2, 1, 0]),
    rounding=st.sampled_from([ROUND_DOWN, ROUND_HALF_UP, ROUND_UP]),
)
def test_what_is_said_is_never_wrong_while_the_account_is_ours_alone(
    prices: list[Decimal | None], made: st.DataObject, noise: str, decimals: int, rounding: str
) -> None:
    """Paid means paid, not paid means not, whatever the prices and however they are rounded; nothing is allowed."""
    placed = made.draw(st.sets(st.sampled_from(range(len(prices)))))
    unit = Unit(decimals)
    missing = sum(
        ((prices[n] or Decimal(0)).quantize(Decimal(1).scaleb(-decimals), rounding=rounding) for n in placed),
        Decimal(noise),
    )
    choice = explain(missing, missing, doubts_of(prices), unit, partial=0.0)
    assert not choice.paid & choice.not_paid
    if noise == "0":
        assert choice.paid <= placed
        assert not choice.not_paid & placed
        assert choice.count in (None, len(placed))
    elif decimals == 2:
        assert (choice.paid, choice.not_paid, choice.count) == (frozenset(), frozenset(), None)


def test_what_chance_may_have_made_is_not_said() -> None:
    """Half of one row's money came back, and the rest is the price of another: it depends on how common that is."""
    doubts = [evolve(one, order=Order(1, "l", 100)) for one in doubts_of([Decimal("0.10"), Decimal("0.05")])]
    missing = Decimal("0.05")
    assert explain(missing, missing, doubts, Unit(2), partial=0.5).paid == frozenset()
    rare = explain(missing, missing, doubts, Unit(2), partial=0.001)
    assert (set(rare.paid), set(rare.not_paid)) == ({1}, {0})
    # All of it, or nothing, no part of an order makes.
    for sure in (Decimal("0.15"), Decimal(0)):
        assert explain(sure, sure, doubts, Unit(2), partial=1.0).count == (2 if sure else 0)


@pytest.mark.parametrize(
    ("balances", "charges", "decimals"),
    [
        (["100", "99.91"], [], 2),
        (["2417208.00000"], ["292.00000"], 0),
        (["100.0", "99.4"], ["0.5976"], 1),
        (["100.0000", "99.4000"], ["0.5976"], 4),
        (["99.98992738000001"], [], 8),
        ([], [], 8),
    ],
)
def test_the_unit_is_what_balances_and_charges_show(balances: list[str], charges: list[str], decimals: int) -> None:
    """Zeros at the end are none of its decimals, nor is what a float left; balances may be rounded."""
    assert Unit.of(map(Decimal, balances), map(Decimal, charges)) == Unit(decimals)


async def test_an_unknown_price_is_no_evidence(tmp_path: Path) -> None:
    """Nor is a currency that has changed."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock, limits=Limits())
        path = tmp_path / "run.db"
        await doubtful(path, world, [Fault.DROP_AFTER], rows(2))
        (one,) = await weighed(path, world)
        assert one.likely is Likely.PLACED
        assert one.evidence is not None
        before, after = (Balance(Decimal(9), "USD", at) for at in (one.evidence.since, one.evidence.until))
        odd = evolve(one.entry, cost=None)
        scale = _Scale(panel="p", doubts=[odd], orders=[], looks=[before, after], unit=Unit(2), settle=60.0)
        found = scale.weigh(odd)
        assert found.evidence is not None
        assert (found.likely, found.evidence.note) == (Likely.UNCLEAR, "what a row in doubt costs is not known")
        scale = evolve(scale, doubts=[one.entry], looks=[before, evolve(after, currency="EUR")])
        found = scale.weigh(one.entry)
        assert found.evidence is not None
        assert (found.likely, found.evidence.note) == (Likely.UNCLEAR, "the currency has changed")
