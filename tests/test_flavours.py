"""The client on every flavour of the convention, over HTTP: what it says is what the panel's books say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any, TypeVar

import pytest

import smmclient
from sandbox_bench import UNKNOWN_ORDER, Bench, bench
from smmclient import (
    AuthenticationFailed,
    Cancellation,
    CommentsOrder,
    InsufficientFunds,
    NotRefillable,
    Order,
    OrderState,
    OrderStatus,
    OutcomeUnknown,
    PackageOrder,
    PollOrder,
    Provider,
    Refill,
    RefillState,
    RefillStatus,
    Refused,
    RetryPolicy,
    Settings,
    SMMError,
    UnknownOrder,
    UnknownRefill,
    UnknownService,
)
from smmclient.orders import (
    AnyOrder,
    CommentLikesOrder,
    CommentRepliesOrder,
    CommentsPackageOrder,
    InvitesOrder,
    MentionsFollowersOrder,
    MentionsHashtagOrder,
    MentionsLikersOrder,
    MentionsListOrder,
    MentionsOrder,
    MentionsWithHashtagsOrder,
    SeoOrder,
    SubscriptionOrder,
    WebTrafficOrder,
)
from smmclient.sandbox import FLAVOURS, SandboxOrder, State

pytestmark = pytest.mark.anyio
T = TypeVar("T")

#: The smallest coin of a flavour whose books have no smaller parts.
SMALLEST = {"cmsnt": Decimal(1), "php": Decimal(1)}
#: What a flavour's own word for a state means, where that is another state of ours.
WORDS: Mapping[str, Mapping[State, OrderState]] = {"smartpanel": {State.IN_PROGRESS: OrderState.PROCESSING}}
#: What an order is called that the panel gave up by itself.
GIVEN_UP = {"keyed": OrderState.FAILED, "php": OrderState.REFUNDED}
#: Flavours whose statuses say no currency.
NO_CURRENCY = {"cmsnt", "smartpanel"}
#: A flavour with lists that name no ids: what they say cannot be known.
NAMELESS = "laravel"
#: A flavour that answers a refill with 1, which is no id.
NO_REFILL_ID = "php"
#: A flavour that says of a wrong key only {"message": "Unauthorized"}: it could be about the account as well.
SAYS_LITTLE = "laravel"


@asynccontextmanager
async def client(to: Bench) -> AsyncIterator[Provider]:
    """A client of the plain convention, connected to the box."""
    # Once: what is asked again after a pause is said elsewhere, and would only make this slow.
    settings = Settings(limits=(), retry=RetryPolicy(attempts=1))
    async with smmclient.connect("v2", api_key=to.box.api_key, base_url=to.box.base_url, settings=settings) as panel:
        yield panel


def order_on(number: int) -> Order:
    """An order of the first service, on a link of its own."""
    return Order(service=1, link=f"https://example.com/{number}", quantity=100 + number)


def agrees(said: object, books: SandboxOrder, flavour: str, *, is_cancelled: bool = False) -> bool:
    """Whether a status says what the books say: state, money, what is to come, and the currency."""
    assert isinstance(said, OrderStatus), said
    state = WORDS.get(flavour, {}).get(books.state, OrderState(books.state.value))
    if books.state is State.CANCELED and not is_cancelled:
        state = GIVEN_UP.get(flavour, state)
    # One flavour has no counters while nothing has begun, and says so by sending none.
    remains = None if flavour == "keyed" and books.state is State.PENDING else books.remains
    assert (said.order, said.state, said.charge, said.remains) == (
        books.id,
        state,
        books.charge - books.refunded,
        remains,
    )
    return True


async def place(panel: Provider, to: Bench, count: int) -> list[str]:
    """Place so many orders, and return their ids; the books must have each of them once."""
    ids = [(await panel.add_order(order_on(number))).order for number in range(count)]
    assert ids == [order.id for order in to.box.orders]
    return ids


async def rows_of(ids: list[str], asking: Awaitable[Mapping[str, T | SMMError]]) -> dict[str, T | SMMError]:
    """What is said of each id; an error that is about the whole call is said of every one."""
    try:
        return dict(await asking)
    except SMMError as error:
        return dict.fromkeys(ids, error)


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_orders_are_followed_to_their_ends(flavour: str) -> None:
    """Single and batch statuses agree with the books at every moment, for orders of every fate."""
    with bench("v2", flavour=flavour, troubled=0.6, seed=4) as to:
        async with client(to) as panel:
            ids = await place(panel, to, 12)
            seen: set[State] = set()
            for _ in range(16):
                books = to.box.orders
                seen |= {order.state for order in books}
                single = await panel.order_status(ids[0])
                assert agrees(single, books[0], flavour)
                assert single.currency == (None if flavour in NO_CURRENCY else to.box.currency)
                batch = await rows_of(ids, panel.order_statuses(ids))
                assert list(batch) == ids
                # Where rows do not say whose they are, the client asks for one order each.
                assert all(agrees(batch[order.id], order, flavour) for order in books)
                to.wait(1)
            assert seen == set(State)


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_an_order_that_is_not_there(flavour: str) -> None:
    """It is an UnknownOrder by itself, and one among others in a batch that says whose each row is."""
    with bench("v2", flavour=flavour) as to:
        async with client(to) as panel:
            (known,) = await place(panel, to, 1)
            with pytest.raises(UnknownOrder):
                await panel.order_status(UNKNOWN_ORDER)
            both = [UNKNOWN_ORDER, known]
            rows = await rows_of(both, panel.order_statuses(both))
            kinds = [type(rows[UNKNOWN_ORDER]), type(rows[known])]
            assert kinds == [UnknownOrder, OrderStatus]


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_refills_are_asked_for_and_followed(flavour: str) -> None:
    """A refill's id leads to its state; where there is none to be had, nothing is made up."""
    with bench("v2", flavour=flavour) as to:
        async with client(to) as panel:
            first, second = await place(panel, to, 2)
            to.wait()
            row = (await panel.refill(first))[first]
            assert isinstance(row, Refill)
            assert row.order == first
            ids = [row.refill]
            states = [(await rows_of(ids, panel.refill_statuses(ids)))[row.refill]]
            to.wait()
            states.append((await rows_of(ids, panel.refill_statuses(ids)))[row.refill])
            if flavour == NO_REFILL_ID:
                assert row.refill == "1"
                assert [type(one) for one in states] == [UnknownRefill] * 2
            else:
                assert [one.state.is_final for one in known_refills(states)] == [False, True]
                assert known_refills(states)[1].state is RefillState.COMPLETED
            for each, error in ((UNKNOWN_ORDER, UnknownOrder), (second, Refill), (second, NotRefillable)):
                assert isinstance((await rows_of([each], panel.refill(each)))[each], error)
            to.wait()
            both = [second, UNKNOWN_ORDER]
            rows = await rows_of(both, panel.refill(both))
            if flavour == NAMELESS:
                assert {type(one) for one in rows.values()} == {OutcomeUnknown}
            else:
                assert isinstance(rows[second], Refill)
                assert isinstance(rows[UNKNOWN_ORDER], UnknownOrder)


def known_refills(rows: list[RefillStatus | SMMError]) -> list[RefillStatus]:
    """The statuses, none of which may be an error."""
    assert not [row for row in rows if isinstance(row, SMMError)]
    return [row for row in rows if isinstance(row, RefillStatus)]


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_cancels_give_back_what_the_books_give_back(flavour: str) -> None:
    """A cancel is accepted, one of an order that is not there is not, and status and balance show what came of it."""
    with bench("v2", flavour=flavour, seed=2) as to:
        async with client(to) as panel:
            waiting, running, other = await place(panel, to, 3)
            rows = await panel.cancel([waiting, UNKNOWN_ORDER])
            assert isinstance(rows[waiting], Cancellation)
            assert isinstance(rows[UNKNOWN_ORDER], UnknownOrder)
            to.wait(5)
            assert isinstance((await panel.cancel(running))[running], Cancellation)
            to.wait()
            books = {order.id: order for order in to.box.orders}
            assert books[waiting].state is State.CANCELED
            assert books[running].refunded > 0
            for each in (waiting, running, other):
                assert agrees(await panel.order_status(each), books[each], flavour, is_cancelled=each != other)
            assert (await panel.balance()).amount == to.box.balance


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_money_is_what_the_books_have(flavour: str) -> None:
    """The balance is the books' to the last digit, in the box's currency, before and after an order."""
    with bench("v2", flavour=flavour) as to:
        async with client(to) as panel:
            for _ in range(3):
                balance = await panel.balance()
                assert (balance.amount, balance.currency) == (to.box.balance, to.box.currency)
                to.order(quantity=777)
            assert len({order.charge for order in to.box.orders}) == 1


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_an_order_costs_what_was_said_before_it(flavour: str) -> None:
    """The cost that the catalog gives is charged, but for the part of a coin; a package's is not guessed."""
    bought = "srv_" if flavour == "keyed" else ""
    link = "https://example.com/"
    orders: list[AnyOrder] = [
        *(Order(service=service, link=f"{link}{service}", quantity=1_234) for service in (1, 2, 5, 13, 22, 29)),
        Order(service=1, link=f"{link}runs", quantity=100, runs=3, interval=60),
        CommentsOrder(service=f"{bought}9", link=f"{link}9", comments=[f"comment {n}" for n in range(7)]),
        PackageOrder(service=f"{bought}18", link=f"{link}18"),
    ]
    with bench("v2", flavour=flavour) as to:
        async with client(to) as panel:
            catalog = await panel.services()
            for order in orders:
                service = catalog.get(order.service)
                assert service is not None
                said = service.cost(order)
                receipt = await panel.add_order(order)
                books = to.box.orders[-1]
                assert receipt.order == books.id
                assert receipt.charge in (None, books.charge)
                if isinstance(order, PackageOrder):
                    assert said is None
                else:
                    assert said is not None
                    smallest = SMALLEST.get(flavour, Decimal("0.00000001"))
                    assert said.quantize(smallest, rounding=ROUND_DOWN) == books.charge


LINK = "https://example.com/1"
#: An order of every kind: the service of its type, and the class with all that it needs.
KINDS: tuple[tuple[int, Callable[[int | str], AnyOrder]], ...] = (
    (1, lambda service: Order(service, LINK, 100)),
    (18, lambda service: PackageOrder(service, LINK)),
    (9, lambda service: CommentsOrder(service, LINK, ["1", "2", "3", "4", "5"])),
    (11, lambda service: SubscriptionOrder(service, "somebody", min=50, max=60, posts=3, expiry=date(2027, 12, 31))),
    (41, lambda service: CommentsPackageOrder(service, LINK, ["one", "two"])),
    (42, lambda service: SeoOrder(service, LINK, 100, ["shoes", "boots"])),
    (43, lambda service: MentionsOrder(service, LINK, 100, ["a", "b"])),
    (44, lambda service: MentionsWithHashtagsOrder(service, LINK, 100, ["a"], ["x", "y"])),
    (45, lambda service: MentionsListOrder(service, LINK, ["a", "b", "c"])),
    (46, lambda service: MentionsHashtagOrder(service, LINK, 100, "summer")),
    (47, lambda service: MentionsFollowersOrder(service, LINK, 100, "somebody")),
    (48, lambda service: MentionsLikersOrder(service, LINK, 100, "https://example.com/p/1")),
    (49, lambda service: CommentLikesOrder(service, LINK, 100, "somebody")),
    (50, lambda service: CommentRepliesOrder(service, LINK, "somebody", ["yes", "no"])),
    (51, lambda service: PollOrder(service, LINK, 100, 2)),
    (52, lambda service: InvitesOrder(service, LINK, 100, ["g1", "g2"])),
    (53, lambda service: WebTrafficOrder(service, LINK, 500, "US", 5, 1, google_keyword="shoes", runs=2, interval=60)),
)


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_every_kind_of_order_is_taken(flavour: str) -> None:
    """Each class sends what its type needs; the panel bills the units that the class counts."""
    with bench("v2", flavour=flavour, balance=10**9) as to:
        async with client(to) as panel:
            types = {service.id: service.type for service in await panel.services()}
            for number, make in KINDS:
                order = make(f"srv_{number}" if f"srv_{number}" in types else number)
                receipt = await panel.add_order(order)
                books = to.box.orders[-1]
                assert (receipt.order, books.service) == (books.id, number)
                assert order.units in (None, books.quantity)
                if types[str(order.service)]:
                    assert types[str(order.service)] == order.type
        assert len(to.box.orders) == len(KINDS)
        assert to.box.balance == 10**9 - sum(order.charge for order in to.box.orders)


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_the_catalog_is_read_whole(flavour: str) -> None:
    """Every row is a service or a problem that says why; prices, bounds and flags are the panel's own."""
    with bench("v2", flavour=flavour) as to:
        async with client(to) as panel:
            catalog = await panel.services()
        shown = to.post("services").json
    rows = shown["services"] if isinstance(shown, dict) else shown
    assert len(catalog) + len(catalog.problems) == len(rows)
    plain = [row for row in rows if not 900 < int(str(row["service"]).removeprefix("srv_")) < 1_000]
    assert {str(row["service"]) for row in plain} <= {service.id for service in catalog}
    for row in plain:
        service = catalog.get(row["service"])
        assert service is not None
        assert service.name == row["name"]
        assert (service.min, service.max) == (int(row["min"]), int(row["max"]))
        assert service.rate == plainly(row["rate"], flavour)
        assert [service.refill, service.cancel, service.dripfeed] == [
            flag(row.get(name)) for name in ("refill", "cancel", "dripfeed")
        ]


def plainly(shown: object, flavour: str) -> Decimal:
    """What a shown amount is worth."""
    text = str(shown)
    return Decimal(text.replace(",", "." if flavour == "cmsnt" else ""))


def flag(shown: Any) -> bool | None:
    """What a shown flag says."""
    return None if shown is None else str(shown).casefold() not in ("0", "false")


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_refusals_are_known_for_what_they_are(flavour: str) -> None:
    """A service that is not there, too little money, a wrong key: an error of its own each, and nothing is made."""
    with bench("v2", flavour=flavour, balance="0.5") as to:
        async with client(to) as panel:
            with pytest.raises(UnknownService):
                await panel.add_order(Order(service=999, link="https://example.com/1", quantity=100))
            with pytest.raises(InsufficientFunds):
                await panel.add_order(Order(service=1, link="https://example.com/1", quantity=100_000))
        assert not to.box.orders
        to.box.revoke_key(to.box.api_key)
        async with client(to) as panel:
            with pytest.raises(Refused if flavour == SAYS_LITTLE else AuthenticationFailed):
                await panel.balance()


async def test_messy_rows_are_read_or_named() -> None:
    """Of the odd rows of a real catalog those that can be ordered are there, at the price that is charged."""
    with bench("v2", flavour="php", balance=10**9) as to:
        async with client(to) as panel:
            catalog = await panel.services()
            for service in [one for one in catalog if int(one.id) > 900]:
                if service.min > service.max or service.rate > 10**9:
                    continue
                order: AnyOrder = Order(service=service.id, link=f"https://example.com/{service.id}", quantity=1_000)
                if service.type == "custom_comments":
                    order = CommentsOrder(service=service.id, link="https://example.com/c", comments=["a"] * 10)
                elif service.max < 1_000:
                    order = Order(service=service.id, link="https://example.com/few", quantity=service.max)
                receipt = await panel.add_order(order)
                cost = service.cost(order)
                assert cost is not None
                assert receipt.charge == to.box.orders[-1].charge == cost // 1
    readable = {str(number) for number in range(901, 917)} - {"907", "908", "909"}
    assert {service.id for service in catalog if int(service.id) > 900} >= readable
    assert len(to.box.orders) == len(readable)
