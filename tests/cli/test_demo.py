"""``smm demo``: orders from a file, placed on two panels that misbehave, and it all adds up."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from smmclient.cli.demo import PanelRun, add_up, run_demo, total
from smmclient.cli.demo_display import bars, show_demo
from smmclient.cli.demo_orders import DemoOrder, read_orders
from smmclient.cli.output import Out
from smmclient.errors import Unreachable, UsageError
from smmclient.model import OrderState, OrderStatus, Receipt
from smmclient.orders import Order
from smmclient.sandbox import serve

PANELS = ("notpanel", "panelbon")


def test_the_file_that_ships_is_worth_showing() -> None:
    """More than 100 orders with unique links, for both panels, some of which the panels' catalogs rule out."""
    rows = read_orders(None, PANELS)
    assert len(rows) >= 100
    assert len({row.order.link for row in rows}) == len(rows)
    bounds = {"notpanel": _bounds("notpanel"), "panelbon": _bounds("panelbon")}
    refused = 0
    for panel in PANELS:
        mine = [row.order for row in rows if row.panel == panel]
        assert len(mine) >= 50
        wrong = [order for order in mine if order.quantity not in bounds[panel].get(str(order.service), range(0))]
        assert any(str(order.service) not in bounds[panel] for order in wrong)
        assert any(str(order.service) in bounds[panel] for order in wrong)
        refused += len(wrong)
    assert refused < len(rows) / 10


def _bounds(panel: str) -> dict[str, range]:
    with serve(panel) as box:
        rows = box.handle({"key": box.api_key, "action": "services"})
    return {str(row["service"]): range(int(row["min"]), int(row["max"]) + 1) for row in json.loads(rows.body)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: no column service, link, quantity"),
        ("service;link;quantity\n", "line 1: no column"),
        ("service,link,quantity,colour\n", "line 1: unknown column 'colour'"),
        ("service,link,quantity\n", "holds no orders"),
        ("service,link,quantity\n1,l,5\n1,,5\n", "line 3, column link: it is empty"),
        ("service,link,quantity\n1,l,1.5\n", "line 2, column quantity: '1.5' is not a whole number"),
        ("service,link,quantity\n1,l,0\n", "line 2, column quantity must be at least 1"),
        ("service,link,quantity,runs\n1,l,5,x\n", "line 2, column runs: 'x'"),
        ("service,link,quantity\n1,l,5,6\n", "line 2, more cells than columns"),
        ("panel,service,link,quantity\nother,1,l,5\n", "line 2, column panel: 'other'"),
        ('service,link,quantity\n1,"l,5\n', "line 2: unexpected end of data"),
        ("service,link,quantity\n1,l,\n2,,5\n", "line 2, column quantity: it is empty; line 3, column link"),
    ],
)
def test_a_bad_row_is_told_by_line_and_column(tmp_path: Path, text: str, told: str) -> None:
    """Before a single order is placed."""
    path = tmp_path / "orders.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=told.replace("(", r"\(")):
        read_orders(path, PANELS)


def test_rows_without_a_panel_take_turns_or_go_where_told(tmp_path: Path) -> None:
    """A byte order mark, spaces and empty cells do no harm."""
    path = tmp_path / "orders.csv"
    path.write_text("\ufeffservice,link,quantity,runs\n1, a,5,\n1,b,5,2\n")
    assert [(row.line, row.panel, row.order.link) for row in read_orders(path, PANELS)] == [
        (2, "notpanel", "a"),
        (3, "panelbon", "b"),
    ]
    assert {row.panel for row in read_orders(path, PANELS, panel="panelbon")} == {"panelbon"}
    with pytest.raises(UsageError, match="no panel 'other'"):
        read_orders(path, PANELS, panel="other")


def test_the_whole_demo_adds_up(smm: Callable[..., Any]) -> None:
    """With dropped replies, 502s and a limit in the way: none twice, no 429, and the money agrees."""
    ran = smm("demo", "--json")
    assert ran.code == 0
    whole = ran.json["total"]
    assert ran.json["adds_up"] is True
    assert ran.json["seconds"] < 20
    assert whole["asked"] >= 100
    assert whole["asked"] == whole["placed"] + whole["refused"] + whole["unknown"]
    assert whole["duplicates"] == whole["limited"] == whole["unavailable"] == 0
    notpanel, panelbon = ran.json["panels"]
    assert notpanel["unknown"] == 0
    assert panelbon["unknown"] == 4
    assert panelbon["unknown_made"] == 3
    assert Decimal(whole["spent"]) + Decimal(whole["unknown_cost"]) == Decimal(whole["booked"])


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.asyncio
async def test_a_terminal_sees_bars_and_a_table_of_80_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums are readable without a wide window."""
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "orders.csv"
    path.write_text("service,link,quantity\n" + "".join(f"1,https://e.example/{n},100\n" for n in range(12)))
    screen = Screen()
    assert await show_demo(Out(stdout=screen), path) == 0
    shown = screen.getvalue()
    assert "settled" in shown
    assert "Everything adds up" in shown
    assert "asked 12 = placed 8 + refused 0 + unknown 4" in shown


def test_the_bars_fit_80_columns() -> None:
    """Whatever the numbers."""
    from rich.console import Console

    run = PanelRun("notpanel", (ROW,) * 99_999, requests=123_456, repeats=12_345)
    console = Console(file=io.StringIO(), width=80)
    assert max(sum(part.cell_length for part in line) for line in console.render_lines(bars([run]))) <= 80


@frozen
class Booked:
    """An order in a panel's books."""

    id: str
    service: int
    link: str
    charge: Decimal
    refunded: Decimal = Decimal(0)


@frozen
class Ledger:
    """Books that say what a test wants."""

    orders: tuple[Booked, ...]
    limited: int = 0

    @property
    def spent(self) -> Decimal:
        """Charges minus refunds."""
        return sum((one.charge - one.refunded for one in self.orders), Decimal(0))

    def count(self, action: str | None = None, status: int | None = None) -> int:
        """How many 429s were answered."""
        return self.limited if status == 429 else 0


ROW = DemoOrder(2, "notpanel", Order(1, "https://e.example/a", 10))
PLACED = Booked("o1", 1, "https://e.example/a", Decimal(2), Decimal("0.5"))
GOOD = Ledger((PLACED,))


def _done(**changes: Any) -> PanelRun:
    status = OrderStatus("o1", OrderState.PARTIAL, "Partial", charge=Decimal("1.5"))
    return PanelRun("notpanel", (ROW,), placed=[(ROW, Receipt("o1"))], statuses={"o1": status}, **changes)


@pytest.mark.parametrize(
    ("books", "adds_up", "duplicates"),
    [
        (GOOD, True, 0),
        (Ledger((PLACED, evolve(PLACED, id="o2"))), False, 1),
        (Ledger((PLACED, evolve(PLACED, id="o2", link="https://e.example/other"))), False, 1),
        (Ledger((evolve(PLACED, charge=Decimal("2.00000001")),)), False, 0),
        (Ledger((PLACED,), limited=1), False, 0),
        (Ledger(()), False, 0),
    ],
)
def test_what_does_not_add_up_is_seen(books: Ledger, adds_up: bool, duplicates: int) -> None:
    """An order too many, a digit too much, a 429 or a missing order: none of them passes."""
    one = add_up(_done(), books)
    assert (one.adds_up, one.duplicates) == (adds_up, duplicates)
    assert total([one]).adds_up is adds_up


class Unplugged:
    """A panel that cannot be reached for placing, and has nothing to follow."""

    async def add_order(self, order: Order) -> Receipt:
        """Fail before a byte is sent."""
        raise Unreachable("no connection")

    def track(self, orders: Iterable[str], *, every: float) -> AsyncIterator[OrderStatus]:
        """Never come to this."""
        raise AssertionError("there is nothing to follow")


@pytest.mark.asyncio
async def test_orders_that_were_not_acted_upon_are_counted_as_such() -> None:
    """They are neither refused nor unknown, and the sum still holds."""
    run = PanelRun("notpanel", (ROW,))
    await run_demo([(run, Unplugged())])  # type: ignore[list-item]
    one = add_up(run, Ledger(()))
    assert (one.unavailable, one.refused, one.unknown, one.adds_up) == (1, 0, 0, True)
