"""The books: how orders move, what comes back, and that no cent is lost."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smmclient.sandbox.catalog import build_catalog
from smmclient.sandbox.engine import Engine
from smmclient.sandbox.values import (
    CUSTOM_COMMENTS,
    DEFAULT,
    PACKAGE,
    SUBSCRIPTIONS,
    Draft,
    Order,
    Reason,
    RefillState,
    Refusal,
    State,
)

EVERY_TYPE = (DEFAULT, PACKAGE, SUBSCRIPTIONS, CUSTOM_COMMENTS)
PLENTY = Decimal(1000)
LONG = 1_000.0


def make_engine(*, balance: Decimal = PLENTY, discount: int = 0, **options: float) -> Engine:
    """Open two accounts at a panel where orders take about ten seconds and come out well."""

    def count(number: int, now: float, chance: Random) -> str:
        return str(number)

    engine = Engine(
        build_catalog(EVERY_TYPE),
        order_id=count,
        refill_id=count,
        seed=int(options.get("seed", 0)),
        seconds_to_finish=options.get("seconds", 10.0),
        troubled=options.get("troubled", 0.0),
        coupons={"TEN": 10},
    )
    engine.open_account("a", balance=balance, discount=discount)
    engine.open_account("b", balance=balance)
    return engine


def add(engine: Engine, *, at: float = 0.0, request_id: str | None = None, **draft: Any) -> Order:
    """Order 1,000 of the first service, or what is given."""
    asked: dict[str, Any] = {"service": 1, "link": "https://example.com/1", "quantity": 1000} | draft
    return engine.add("a", Draft(**asked), now=at, request_id=request_id)


def balance(engine: Engine, *, at: float) -> Decimal:
    """Give the live balance of the first account."""
    return engine.account("a", now=at).balance


def refusal_of(engine: Engine, **draft: Any) -> Reason:
    """Give the reason why this order is refused."""
    with pytest.raises(Refusal) as refused:
        add(engine, **draft)
    return refused.value.reason


def test_order_goes_through_its_states() -> None:
    """An order waits, runs, and is completed, with fewer units remaining all the time."""
    engine = make_engine()
    order = add(engine)
    seen = [(order.plan.state(t / 10), order.remains(t / 10)) for t in range(300)]
    assert list(dict.fromkeys(state for state, _ in seen)) == [
        State.PENDING,
        State.IN_PROGRESS,
        State.COMPLETED,
    ]
    remains = [left for _, left in seen]
    assert remains == sorted(remains, reverse=True)
    assert (remains[0], remains[-1]) == (1000, 0)


def test_charge_is_the_rate_per_thousand() -> None:
    """1,000 units of a service at 0.90 cost 0.90, taken from the balance at once."""
    engine = make_engine()
    assert add(engine).charge == Decimal("0.90")
    assert balance(engine, at=0) == PLENTY - Decimal("0.90")


@pytest.mark.parametrize(
    ("draft", "quantity", "charge"),
    [
        ({"service": 1, "quantity": 10, "runs": 5}, 50, "0.045"),
        ({"service": 18, "quantity": 7}, 1000, "2.50"),
        ({"service": 11, "quantity": 7}, 50, "0.0225"),
        ({"service": 9, "comments": ("a", "b", "c", "d", "e"), "quantity": 900}, 5, "0.03"),
        ({"service": 1, "coupon": "TEN"}, 1000, "0.81"),
    ],
    ids=["drip-feed", "package", "subscription", "comments", "coupon"],
)
def test_quantity_and_charge_by_kind(draft: dict[str, Any], quantity: int, charge: str) -> None:
    """Runs multiply; packages and subscriptions are billed on their min; comments are counted by line."""
    order = add(make_engine(), **draft)
    assert (order.quantity, order.charge) == (quantity, Decimal(charge))


def test_discount_of_the_account() -> None:
    """An account with 25 percent off pays three quarters, and the full price is kept beside it."""
    order = add(make_engine(discount=25))
    assert (order.original_price, order.charge) == (Decimal("0.90"), Decimal("0.675"))


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        ({"service": 999}, Reason.UNKNOWN_SERVICE),
        ({"quantity": 9}, Reason.QUANTITY_BELOW),
        ({"quantity": 500_001}, Reason.QUANTITY_ABOVE),
        ({"quantity": None}, Reason.MISSING),
        ({"service": 9}, Reason.MISSING),
        ({"service": 3, "runs": 2}, Reason.NO_DRIPFEED),
        ({"coupon": "NOPE"}, Reason.BAD_COUPON),
        ({"service": 21, "quantity": 10_000, "coupon": ""}, Reason.NO_FUNDS),
    ],
)
def test_refused_orders_cost_nothing(draft: dict[str, Any], reason: Reason) -> None:
    """What cannot be ordered is refused with its reason, and leaves no order and no charge."""
    engine = make_engine(balance=Decimal(100))
    assert refusal_of(engine, **draft) is reason
    assert not list(engine.orders(now=0))
    assert balance(engine, at=0) == 100


def test_same_request_id_is_one_order() -> None:
    """A request id that is known returns the first order, and charges nothing, however late it comes."""
    engine = make_engine(balance=Decimal("0.90"))
    first = add(engine, request_id="r1")
    again = add(engine, request_id="r1", at=LONG)
    assert again.id == first.id
    assert len(list(engine.orders(now=LONG))) == 1
    assert balance(engine, at=LONG) == 0


def test_request_id_with_another_order_is_refused() -> None:
    """A request id that is known for something else makes no second order."""
    engine = make_engine()
    add(engine, request_id="r1")
    with pytest.raises(Refusal, match="REQUEST_ID_REUSED"):
        add(engine, request_id="r1", quantity=2000)
    assert len(list(engine.orders(now=0))) == 1


def test_refused_request_id_may_be_used_again() -> None:
    """A request that was refused is not remembered: corrected, it makes its order under the same id."""
    engine = make_engine()
    with pytest.raises(Refusal, match="QUANTITY_BELOW"):
        add(engine, request_id="r1", quantity=1)
    assert add(engine, request_id="r1").request_id == "r1"


def test_request_ids_belong_to_an_account() -> None:
    """Two customers may use the same request id."""
    engine = make_engine()
    draft = Draft(service=1, link="https://example.com/1", quantity=1000)
    first, second = (engine.add(name, draft, now=0, request_id="r1") for name in "ab")
    assert first.id != second.id


def test_seed_decides_the_fate_of_the_nth_order() -> None:
    """The n-th order of a seed ends the same way and as fast, whatever is asked in between."""
    calm, busy = make_engine(troubled=0.5), make_engine(troubled=0.5)
    expected = [add(calm, link=f"https://example.com/{n}").plan for n in range(20)]
    plans = []
    for n in range(20):
        plans.append(add(busy, link=f"https://example.com/{n}").plan)
        if n == 3:
            busy.cancel("a", "1", now=0)
    assert plans == expected
    assert plans != [add(make_engine(troubled=0.5, seed=1)).plan for _ in range(20)]


def test_troubled_orders_give_back_what_was_not_delivered() -> None:
    """Of many troubled orders some end partial and some canceled, with what was not used given back."""
    engine = make_engine(troubled=1.0)
    for n in range(40):
        add(engine, link=f"https://example.com/{n}")
    ended = list(engine.orders(now=LONG))
    assert {order.plan.state(LONG) for order in ended} == {State.PARTIAL, State.CANCELED}
    for order in ended:
        left = order.remains(LONG)
        assert order.refunded == order.charge * left / order.quantity
        assert (left == order.quantity) == (order.plan.fate is State.CANCELED)


def test_cancel_of_a_pending_order_gives_all_back_at_once() -> None:
    """A pending order is canceled on the spot and costs nothing."""
    engine = make_engine()
    order = engine.cancel("a", add(engine).id, now=0)
    assert order.plan.state(0) is State.CANCELED
    assert order.cost == 0
    assert balance(engine, at=0) == PLENTY


def test_cancel_of_a_running_order_is_decided_later() -> None:
    """A running order goes on when the wish is queued; when granted it ends partial, the rest given back."""
    granted = 0
    for seed in range(10):
        engine = make_engine(seed=seed)
        order = add(engine)
        asked_at = (order.plan.starts_at + order.plan.ends_at) / 2
        queued = engine.cancel("a", order.id, now=asked_at)
        assert queued.plan.state(asked_at) is State.IN_PROGRESS
        assert queued.refunded == 0
        ended = engine.order("a", order.id, now=LONG)
        granted += ended.plan.fate is State.PARTIAL
        assert (ended.refunded > 0) == (ended.plan.fate is State.PARTIAL)
        assert balance(engine, at=LONG) == PLENTY - ended.cost
    assert 0 < granted < 10


def test_second_cancel_changes_nothing() -> None:
    """A queued wish may be repeated: it is accepted again and decided once."""
    engine = make_engine()
    order = add(engine)
    running_at = (order.plan.starts_at + order.plan.ends_at) / 2
    first = engine.cancel("a", order.id, now=running_at)
    assert engine.cancel("a", order.id, now=running_at + 0.01) == first


@pytest.mark.parametrize(("service", "at"), [(1, LONG), (3, 0.0)], ids=["completed", "no cancel flag"])
def test_what_cannot_be_canceled(service: int, at: float) -> None:
    """An order that has ended, or whose service has no cancel, is refused."""
    engine = make_engine()
    order = add(engine, service=service)
    with pytest.raises(Refusal, match="NOT_CANCELABLE"):
        engine.cancel("a", order.id, now=at)


def test_refill_caps() -> None:
    """A completed order gets three refills in all, one at a time; a running one gets none."""
    engine = make_engine()
    order = add(engine)
    with pytest.raises(Refusal, match="NOT_FINISHED"):
        engine.refill("a", order.id, now=0)
    for n in range(1, 4):
        refill = engine.refill("a", order.id, now=n * LONG)
        with pytest.raises(Refusal, match="REFILL_ACTIVE"):
            engine.refill("a", order.id, now=n * LONG + 0.1)
        assert refill.state(n * LONG) is RefillState.IN_PROGRESS
        assert engine.refill_of("a", refill.id, now=n * LONG).state(n * LONG + 50) is RefillState.COMPLETED
    with pytest.raises(Refusal, match="REFILL_CAP"):
        engine.refill("a", order.id, now=9 * LONG)


def test_refill_needs_a_service_that_refills() -> None:
    """An order of a service without refill is refused."""
    engine = make_engine()
    order = add(engine, service=2)
    with pytest.raises(Refusal, match="NOT_REFILLABLE"):
        engine.refill("a", order.id, now=LONG)


def test_orders_of_others_are_unknown() -> None:
    """A customer sees neither the orders nor the refills of another."""
    engine = make_engine()
    order = add(engine)
    refill = engine.refill("a", order.id, now=LONG)
    with pytest.raises(Refusal, match="UNKNOWN_ORDER"):
        engine.order("b", order.id, now=LONG)
    with pytest.raises(Refusal, match="UNKNOWN_REFILL"):
        engine.refill_of("b", refill.id, now=LONG)


def test_shown_balance_may_be_old() -> None:
    """A balance with a cache of 30 s misses a fresh order, and has it when the 30 s are over."""
    engine = make_engine()
    assert engine.shown_balance("a", now=0, max_age=30) == PLENTY
    add(engine, at=1)
    assert engine.shown_balance("a", now=29.9, max_age=30) == PLENTY
    assert engine.shown_balance("a", now=30, max_age=30) == PLENTY - Decimal("0.90")
    assert engine.shown_balance("a", now=30, max_age=0) == PLENTY - Decimal("0.90")


def test_time_never_runs_backwards() -> None:
    """A clock that steps back cannot undo an order that has ended."""
    engine = make_engine()
    order = add(engine)
    engine.order("a", order.id, now=LONG)
    with pytest.raises(Refusal, match="NOT_CANCELABLE"):
        engine.cancel("a", order.id, now=0)


steps = st.one_of(
    st.tuples(st.just("add"), st.sampled_from([1, 2, 4, 6, 11, 18, 21]), st.integers(1, 3_000)),
    st.tuples(st.just("again"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("cancel"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("refill"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("pay in"), st.integers(0, 50), st.just(0)),
    st.tuples(st.just("wait"), st.integers(0, 80), st.just(0)),
)


@given(
    script=st.lists(steps, max_size=40),
    seed=st.integers(0, 1_000),
    troubled=st.sampled_from([0.0, 0.3, 1.0]),
    discount=st.sampled_from([0, 7, 33]),
)
def test_money_always_adds_up(script: list[tuple[str, int, int]], seed: int, troubled: float, discount: int) -> None:
    """Whatever is asked for, and when: deposits - charges + refunds == balance, never below zero."""
    deposited = Decimal(50)
    engine = make_engine(balance=deposited, seed=seed, troubled=troubled, discount=discount)
    now, made, over = 0.0, list[tuple[Draft, str]](), dict[str, Order]()
    for what, which, quantity in script:
        try:
            if what == "add":
                draft = Draft(service=which, link=f"https://example.com/{len(made)}", quantity=quantity)
                engine.add("a", draft, now=now, request_id=f"r{len(made)}")
                made.append((draft, f"r{len(made)}"))
            elif what == "again" and which < len(made):
                engine.add("a", made[which][0], now=now, request_id=made[which][1])
            elif what == "cancel":
                engine.cancel("a", str(which), now=now)
            elif what == "refill":
                engine.refill("a", str(which), now=now)
            elif what == "pay in":
                before = balance(engine, at=now)
                engine.set_balance("a", Decimal(which), now=now)
                deposited += which - before
            else:
                now += which / 10
        except Refusal:
            pass
        orders = list(engine.orders(now=now))
        assert len(orders) == len(made)
        left = deposited - sum(order.charge for order in orders) + sum(order.refunded for order in orders)
        assert balance(engine, at=now) == left >= 0
        for order in orders:
            assert 0 <= order.refunded <= order.charge
            assert 0 <= order.remains(now) <= order.quantity
            assert over.get(order.id, order) == order
            if order.plan.state(now) not in (State.PENDING, State.IN_PROGRESS):
                over[order.id] = order
