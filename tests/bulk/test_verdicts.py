"""What an error means for its row and for those behind it, and what the money guards count."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smmclient import (
    AccountSuspended,
    AuthenticationFailed,
    Balance,
    Blocked,
    ConfigError,
    DuplicateOrder,
    InsufficientFunds,
    InvalidLink,
    InvalidOrder,
    Malformed,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    Refused,
    SMMError,
    Unreachable,
    Unsupported,
    UsageError,
)
from smmclient.bulk import Budget, InDoubt, NotPlaced, RefusedRow
from smmclient.bulk.budget import Ledger
from smmclient.bulk.verdict import judge


def unknown(cause: Exception | None) -> OutcomeUnknown:
    """An unknown outcome that came of this."""
    error = OutcomeUnknown("it may have happened")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "was_sent", "outcome", "stops"),
    [
        (Refused("no"), True, RefusedRow, False),
        (InvalidLink("no"), True, RefusedRow, False),
        (DuplicateOrder("no"), True, RefusedRow, False),
        (InvalidOrder("no"), False, RefusedRow, False),
        (Unsupported("no"), False, RefusedRow, False),
        (AuthenticationFailed("no"), True, NotPlaced, True),
        (AccountSuspended("no"), True, NotPlaced, True),
        (InsufficientFunds("no"), True, NotPlaced, True),
        (Blocked("no"), True, NotPlaced, True),
        (ConfigError("moved"), True, NotPlaced, True),
        (ConfigError("no key"), False, NotPlaced, True),
        (Unreachable("down"), True, NotPlaced, False),
        (Overloaded("down"), True, NotPlaced, False),
        (RateLimited("later"), True, NotPlaced, False),
        (unknown(None), True, InDoubt, False),
        (unknown(TimeoutError()), True, InDoubt, False),
        (unknown(AuthenticationFailed("no")), True, InDoubt, True),
        (unknown(InsufficientFunds("no")), True, InDoubt, True),
        (UsageError("the provider is closed"), False, NotPlaced, True),
        (Malformed("what"), True, InDoubt, True),
        (SMMError("what"), True, InDoubt, True),
        (RuntimeError("a fault of a provider"), True, InDoubt, True),
        (RuntimeError("a fault of a provider"), False, NotPlaced, True),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_each_error_has_one_meaning(error: Exception, was_sent: bool, outcome: type, stops: bool) -> None:
    """Only what is surely not placed may be sent again, and what would hit every row stops the panel."""
    verdict = judge(error, was_sent=was_sent)
    assert isinstance(verdict.outcome, outcome)
    assert (verdict.stops is not None) == stops


AMOUNTS = st.decimals("0", "50", places=3)


@given(
    costs=st.lists(st.tuples(AMOUNTS, st.sampled_from(["placed", "refused", "unknown", "dearer"])), max_size=40),
    bound=AMOUNTS,
    reserve=AMOUNTS,
)
def test_a_ledger_never_lets_more_be_spent_than_its_budget(
    costs: list[tuple[Decimal, str]], bound: Decimal, reserve: Decimal
) -> None:
    """Up to eight orders in the air, whatever becomes of them; a charge above the price shows at the next order."""
    ledger = Ledger(Budget(max_spend=bound, reserve=reserve), spent=Decimal(0))
    ledger.look(Balance(Decimal(40), "USD", 0.0))
    in_air: list[tuple[Decimal, str]] = []
    spent = extra = Decimal(0)
    for now, (cost, fate) in enumerate(costs):
        if ledger.stops(cost) is None:
            ledger.hold(cost)
            in_air.append((cost, fate))
            assert spent + sum((one for one, _ in in_air), Decimal(0)) <= bound + extra
            assert 40 - spent - sum((one for one, _ in in_air), Decimal(0)) >= reserve - extra
        if len(in_air) == 8 or now % 3 == 0:
            for one, what in in_air:
                paid = {"placed": one, "refused": Decimal(0), "unknown": one, "dearer": one + 1}[what]
                extra += max(paid - one, Decimal(0))
                spent += paid
                ledger.let_go(one, paid=paid, at=float(now))
            in_air.clear()
    assert ledger.is_idle == (not in_air)
    for one, _ in in_air:
        ledger.let_go(one, paid=Decimal(0), at=99.0)
    assert ledger.is_idle
    assert ledger.spent == spent
    assert ledger.left == 40 - spent


def test_an_old_figure_of_the_balance_does_not_hide_what_was_spent() -> None:
    """What was paid since the moment it may stand for is taken off it."""
    ledger = Ledger(Budget(reserve=Decimal(1)), spent=Decimal(0))
    ledger.hold(Decimal(3))
    ledger.let_go(Decimal(3), paid=Decimal(3), at=100.0)
    ledger.look(Balance(Decimal(10), "USD", fetched_at=120.0, max_age=30.0))
    assert ledger.left == Decimal(7)
    ledger.look(Balance(Decimal(7), "USD", fetched_at=140.0, max_age=30.0))
    assert ledger.left == Decimal(7)
    ledger.note(Decimal(2), at=139.0)
    ledger.look(Balance(Decimal(7), "USD", fetched_at=140.0, max_age=30.0))
    assert ledger.left == Decimal(5)


@pytest.mark.parametrize(
    ("budget", "cost", "holds"),
    [
        (Budget(), None, False),
        (Budget(), Decimal(10**9), False),
        (Budget(max_order=Decimal(1)), Decimal(1), False),
        (Budget(max_order=Decimal(1)), Decimal("1.0001"), True),
        (Budget(max_order=Decimal(1)), None, True),
        (Budget(max_spend=Decimal(1)), None, True),
        (Budget(reserve=Decimal(1)), None, True),
        (Budget(max_order=Decimal(0)), Decimal(0), False),
    ],
)
def test_a_row_is_held_for_its_own_price(budget: Budget, cost: Decimal | None, holds: bool) -> None:
    """Or because nobody can know it, where there is any guard."""
    assert (budget.holds(cost) is not None) == holds
