"""A file of orders placed on several panels at once, followed to the end, and added up. No display here.

What it shows: the panels drop replies after the order was made, answer 502, and have a limit that the burst of
orders exceeds; yet no order is placed twice, and no 429 is met. The panels' own books are read at the end only, to
check our sums against them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

import anyio
from attrs import define, field, frozen

from smmclient.cli.demo_orders import DemoOrder
from smmclient.errors import OutcomeUnknown, SMMError, Unavailable
from smmclient.events import Attempted, Event
from smmclient.model import OrderStatus, Receipt
from smmclient.provider import Provider

__all__ = ["BookedOrder", "Books", "PanelRun", "Sum", "add_up", "run_demo", "total"]


class BookedOrder(Protocol):
    """An order in the panel's own books; what was given back is not yet taken off its charge."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def service(self) -> int: ...  # noqa: D102
    @property
    def link(self) -> str: ...  # noqa: D102
    @property
    def charge(self) -> Decimal: ...  # noqa: D102
    @property
    def refunded(self) -> Decimal: ...  # noqa: D102


class Books(Protocol):
    """What the panel itself knows, to check our sums against."""

    @property
    def orders(self) -> Sequence[BookedOrder]: ...  # noqa: D102
    @property
    def spent(self) -> Decimal: ...  # noqa: D102
    def count(self, action: str | None = None, status: int | None = None) -> int: ...  # noqa: D102


@define(eq=False)
class PanelRun:
    """One panel's part of the demo, as far as it has come."""

    name: str
    asked: tuple[DemoOrder, ...]
    placed: list[tuple[DemoOrder, Receipt]] = field(factory=list)
    refused: list[tuple[DemoOrder, SMMError]] = field(factory=list)
    #: Not acted upon by the panel, whatever was tried.
    unavailable: list[tuple[DemoOrder, SMMError]] = field(factory=list)
    unknown: list[tuple[DemoOrder, OutcomeUnknown]] = field(factory=list)
    statuses: dict[str, OrderStatus] = field(factory=dict)
    #: Requests sent, and how many of them were attempts beyond the first.
    requests: int = 0
    repeats: int = 0
    #: Why following had to be given up, where it had to.
    lost: SMMError | None = None

    @property
    def settled(self) -> int:
        """How many of the orders have an outcome."""
        return len(self.placed) + len(self.refused) + len(self.unavailable) + len(self.unknown)

    @property
    def finished(self) -> int:
        """How many of the placed orders are final."""
        return sum(status.state.is_final for status in list(self.statuses.values()))

    def note(self, event: Event) -> None:
        """Count an event; give this to `Settings` as ``on_event``."""
        if isinstance(event, Attempted):
            self.requests += 1
            self.repeats += event.attempt > 1


@frozen(kw_only=True)
class Sum:
    """What one panel's part adds up to. ``spent`` is by our count, ``booked`` by the panel's."""

    panel: str
    asked: int
    placed: int
    refused: int
    unavailable: int
    unknown: int
    #: Orders at the panel beyond what was asked for.
    duplicates: int
    #: 429s that were met.
    limited: int
    spent: Decimal
    booked: Decimal
    #: Unknown orders that the panel did place, and their cost.
    unknown_made: int
    unknown_cost: Decimal

    @property
    def adds_up(self) -> bool:
        """Whether every order has one outcome, none was placed twice, and the money agrees to the last digit."""
        return (
            self.asked == self.placed + self.refused + self.unavailable + self.unknown
            and self.duplicates == 0
            and self.limited == 0
            and self.spent + self.unknown_cost == self.booked
        )


async def run_demo(work: Sequence[tuple[PanelRun, Provider]], *, every: float = 0.5) -> None:
    """Place every order of every run at once, then follow what was placed until it is final."""
    async with anyio.create_task_group() as panels:
        for run, provider in work:
            panels.start_soon(_run_panel, run, provider, every)


async def _run_panel(run: PanelRun, provider: Provider, every: float) -> None:
    async with anyio.create_task_group() as orders:
        for wanted in run.asked:
            orders.start_soon(_place, run, provider, wanted)
    ids = [receipt.order for _, receipt in run.placed]
    if not ids:
        return
    try:
        async for status in provider.track(ids, every=every):
            run.statuses[status.order] = status
    except SMMError as error:
        run.lost = error


async def _place(run: PanelRun, provider: Provider, wanted: DemoOrder) -> None:
    try:
        run.placed.append((wanted, await provider.add_order(wanted.order)))
    except OutcomeUnknown as error:
        run.unknown.append((wanted, error))
    except Unavailable as error:
        run.unavailable.append((wanted, error))
    except SMMError as error:
        # The panel's refusals, and what its documents rule out before anything is sent.
        run.refused.append((wanted, error))


def add_up(run: PanelRun, books: Books) -> Sum:
    """The run's sums beside the panel's own books."""
    booked, orders = _snapshot(books)
    ours = {receipt.order for _, receipt in run.placed}
    made = Counter(_mark(order.service, order.link) for order in orders)
    placed = Counter(_mark(row.order.service, row.order.link) for row, _ in run.placed)
    doubtful = Counter(_mark(row.order.service, row.order.link) for row, _ in run.unknown)
    # An order at the panel that is none of ours is an unknown one that was made, as far as there are unknown ones
    # for its service and link; what is beyond that was placed twice.
    unknown_made, cost = 0, Decimal(0)
    left = doubtful.copy()
    for order in orders:
        mark = _mark(order.service, order.link)
        if order.id not in ours and left[mark] > 0:
            left[mark] -= 1
            unknown_made += 1
            cost += order.charge - order.refunded
    return Sum(
        panel=run.name,
        asked=len(run.asked),
        placed=len(run.placed),
        refused=len(run.refused),
        unavailable=len(run.unavailable),
        unknown=len(run.unknown),
        duplicates=sum((made - placed - doubtful).values()),
        limited=books.count(status=429),
        spent=_spent(run),
        booked=booked,
        unknown_made=unknown_made,
        unknown_cost=cost,
    )


def _spent(run: PanelRun) -> Decimal:
    charges = (status.charge for status in run.statuses.values())
    return sum((charge for charge in charges if charge is not None), Decimal(0))


def _snapshot(books: Books) -> tuple[Decimal, Sequence[BookedOrder]]:
    # An order that ends between the two looks gives money back: look until nothing has.
    while True:
        spent, orders = books.spent, books.orders
        if books.spent == spent:
            return spent, orders


def _mark(service: int | str, link: str) -> tuple[str, str]:
    return str(service), link


def total(sums: Iterable[Sum]) -> Sum:
    """All panels together."""
    each = list(sums)
    return Sum(
        panel="total",
        asked=sum(one.asked for one in each),
        placed=sum(one.placed for one in each),
        refused=sum(one.refused for one in each),
        unavailable=sum(one.unavailable for one in each),
        unknown=sum(one.unknown for one in each),
        duplicates=sum(one.duplicates for one in each),
        limited=sum(one.limited for one in each),
        spent=sum((one.spent for one in each), Decimal(0)),
        booked=sum((one.booked for one in each), Decimal(0)),
        unknown_made=sum(one.unknown_made for one in each),
        unknown_cost=sum((one.unknown_cost for one in each), Decimal(0)),
    )
