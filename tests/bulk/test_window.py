"""What orders have cost between two looks at a balance, and when that is not known."""

from __future__ import annotations

from decimal import Decimal

import pytest

from smmclient import Balance, Order, OrderState, OrderStatus
from smmclient.bulk import Entry, RowState
from smmclient.bulk.unit import Unit
from smmclient.bulk.window import Moved, spending

BEFORE = Balance(Decimal(100), "USD", 1000.0, 30.0)
AFTER = Balance(Decimal(90), "USD", 2000.0, 30.0)
UNIT = Unit(2)


def moved(state: OrderState | None, charge: str | None, *, sent: float = 1100.0, seen: float = 1500.0) -> Moved:
    """An order of 0.90, sent at that time, and seen in that state, with that charge, at the other."""
    status = None
    if state is not None:
        status = OrderStatus("7", state, state.value, charge=None if charge is None else Decimal(charge))
    return Moved.of(
        Entry(
            number=1,
            source="f",
            line=1,
            ref="1",
            panel="p",
            state=RowState.DONE,
            order=Order(1, "l", 1000),
            cost=Decimal("0.90"),
            sent_at=sent,
            ended_at=sent + 1,
            status=status,
            status_at=None if status is None else seen,
        )
    )


@pytest.mark.parametrize(
    ("order", "paid"),
    [
        (moved(OrderState.COMPLETED, "0.90"), "0.90"),
        (moved(OrderState.COMPLETED, "0.89"), "0.89"),
        (moved(OrderState.COMPLETED, None), "0.90"),
        (moved(OrderState.COMPLETED, "0.90", seen=2000.0), "0.90"),
        (moved(OrderState.PARTIAL, "0.40", seen=1910.0), "0.40"),
        (moved(OrderState.CANCELED, "0"), "0"),
        (moved(OrderState.COMPLETED, "0.90", sent=500.0), "0"),
        (moved(OrderState.CANCELED, "0", sent=500.0, seen=910.0), "0"),
        (moved(OrderState.PENDING, "0.90", sent=2000.0), "0"),
    ],
)
def test_the_panels_own_charge_of_a_final_order_is_what_it_cost(order: Moved, paid: str) -> None:
    """Known by the look at the balance, and a while before if money came back; what is outside costs nothing."""
    found = spending([order], BEFORE, AFTER, UNIT, settle=60.0)
    assert (found.problem, found.paid) == (None, Decimal(paid))
    assert found.low <= found.paid <= found.high


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        (moved(None, None), "1 order was not final"),
        (moved(OrderState.IN_PROGRESS, "0.90"), "1 order was not final"),
        (moved(OrderState.UNKNOWN, "0.90"), "1 order was not final"),
        (moved(OrderState.COMPLETED, "0.90", seen=2000.1), "1 order was not final"),
        (moved(OrderState.PARTIAL, "0.40", seen=1910.1), "1 order was not final"),
        (moved(OrderState.IN_PROGRESS, "0.90", sent=500.0), "1 order was not final"),
        (moved(OrderState.CANCELED, "0", sent=500.0, seen=1500.0), "what came back"),
        (moved(OrderState.CANCELED, "0.90"), "what came back"),
        (moved(OrderState.FAILED, "0.90"), "what came back"),
        (moved(OrderState.REFUNDED, None), "what came back"),
        (moved(OrderState.COMPLETED, "0"), "what came back"),
        (moved(OrderState.COMPLETED, "0.90", sent=999.5), "when they were paid for"),
        (moved(OrderState.COMPLETED, "0.90", sent=1999.5), "when they were paid for"),
    ],
)
def test_what_is_not_known_is_said(order: Moved, problem: str) -> None:
    """Open, seen too late, paid for on the border, or a charge that does not go with how the order ended."""
    found = spending([order], BEFORE, AFTER, UNIT, settle=60.0)
    assert problem in (found.problem or "")
