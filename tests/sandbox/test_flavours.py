"""What is special to a flavour: its books, its catalog, its rules, and how it is chosen; see test_shapes.py too."""

from decimal import Decimal
from typing import Any

import pytest

from sandbox_bench import UNKNOWN_ORDER, bench
from smmclient.sandbox import DIALECTS, FLAVOURS, Dialect, Fault, Limit, Limits, Sandbox, State, serve
from smmclient.sandbox.dialects import find_dialect
from smmclient.sandbox.server import build

UNKNOWN = UNKNOWN_ORDER

# How a shown amount is read: what separates thousands, and what the fraction.
SEPARATORS = {"cmsnt": ("", ","), "php": (",", ".")}


def amount(shown: object, flavour: str) -> Decimal:
    """Return the amount that a reply shows."""
    thousands, point = SEPARATORS.get(flavour, ("", "."))
    return Decimal(str(shown).replace(thousands or "\0", "").replace(point, "."))


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("discount", [0, 7])
def test_the_books_are_true(flavour: str, discount: int) -> None:
    """Deposits less charges plus refunds are the balance, in the books and on the page, whatever became of orders."""
    kinds: list[dict[str, object]] = [
        {"quantity": 1_357},
        {"service": 5, "quantity": 23},
        {"service": 6, "quantity": 1_001},
        {"service": "srv_18" if flavour == "keyed" else 18},
    ]
    with bench("v2", flavour=flavour, troubled=0.7, discount=discount, seed=5) as to:
        opened = to.box.balance
        placed = [to.order(**kinds[number % 4]) for number in range(40)]
        to.wait(3.0)
        to.post("cancel", orders=",".join(placed[::3]))
        to.wait()
        orders = to.box.orders
        assert len(orders) == 40
        assert {order.state for order in orders} == {State.COMPLETED, State.PARTIAL, State.CANCELED}
        balance = opened - sum(order.charge for order in orders) + sum(order.refunded for order in orders)
        assert to.box.balance == balance
        assert amount(to.post("balance").json["balance"], flavour) == balance
        for order in orders[::5]:
            shown = to.post("status", order=order.id).json
            assert amount(shown["charge"], flavour) == order.charge - order.refunded
            assert int(shown["remains"]) == order.remains


def test_a_package_of_cmsnt_costs_its_rate() -> None:
    """Where rates are per package, one package costs what its row says, and a thousand units of others."""
    with bench("v2", flavour="cmsnt") as to:
        rows = {row["service"]: row for row in to.post("services").json}
        to.add(service=18)
        to.add(service=41, comments="one\ntwo")
        to.add(service=11, username="somebody", min=50, max=60, delay=0)
        to.add(service=5, quantity=1_000)
        charges = [order.charge for order in to.box.orders]
    shown = [amount(rows[service]["rate"], "cmsnt") for service in (18, 41, 11, 5)]
    # A dong has no parts: what is smaller is dropped.
    assert charges == [price // 1 for price in shown] == [62_500, 20_000, 562, 15_500]


def test_cmsnt_delivers_too_much() -> None:
    """Some orders end with fewer than none to go; nothing is given back for them, and nothing more charged."""
    with bench("v2", flavour="cmsnt") as to:
        orders = [to.finished() for _ in range(12)]
        shown = [int(to.post("status", order=order).json["remains"]) for order in orders]
        assert set(shown) == {0, -1, -2}
        assert [order.remains for order in to.box.orders] == shown
        assert {order.refunded for order in to.box.orders} == {0}


def test_cmsnt_refuses_a_batch_of_refills_as_it_refuses_anything() -> None:
    """Only the error of a single refill stands under `refill`; a list without ids is refused in the envelope."""
    with bench("v2", flavour="cmsnt") as to:
        assert to.post("refill", orders=",").json == {
            "status": "error",
            "msg": "Incorrect orders",
            "error": "Incorrect orders",
        }
        assert to.post("refill").json == {"refill": {"error": "Missing required parameter: order"}}


@pytest.mark.parametrize("flavour", ["cmsnt", "keyed"])
def test_long_batches_are_cut_without_a_word(flavour: str) -> None:
    """A hundred ids are answered, and the one behind them is not, as on three panels that were read."""
    with bench("v2", flavour=flavour) as to:
        order = to.order()
        rows = to.post("status", orders=",".join([*(f"x{n}" for n in range(100)), order])).json
    assert len(rows) == 100
    assert order not in rows


def test_keyed_takes_a_link_once_at_a_time() -> None:
    """A second order of a service on a link is refused while the first is running, and not afterwards."""
    with bench("v2", flavour="keyed") as to:
        link = "https://example.com/same"
        to.add(link=link)
        assert to.add(link=link).json == {"error": "neworder.error.link_duplicate"}
        assert "order" in to.add(link=link, service=2).json
        to.wait()
        assert "order" in to.add(link=link).json
        assert len(to.box.orders) == 3


def test_keyed_has_service_ids_that_are_no_numbers() -> None:
    """A service is ordered by the id that the catalog shows, and by no other."""
    with bench("v2", flavour="keyed") as to:
        ids = [row["service"] for row in to.post("services").json["services"]]
        assert {type(one) for one in ids} == {int, str}
        assert "srv_18" in ids
        assert to.add(service=18).json == {"error": "error.incorrect_service_id"}
        assert "order" in to.add(service="srv_18").json


def test_laravel_lists_what_it_finds_in_its_own_order() -> None:
    """A batch is a list by age, with errors behind: which row is whose cannot be told from its place."""
    with bench("v2", flavour="laravel") as to:
        first, second = to.order(quantity=1_000), to.order(quantity=2_000)
        rows = to.post("status", orders=f"{second},{UNKNOWN},{first}").json
    assert [row.get("remains") for row in rows] == [1_000, 2_000, None]
    assert rows[2] == {"error": "Incorrect order ID"}


def test_laravel_tells_a_refills_status_twice() -> None:
    """The single answer has two fields of one name: the first is the envelope's, the last is the refill's."""
    with bench("v2", flavour="laravel") as to:
        refill = to.post("refill", order=to.finished()).json["refill"]
        assert to.post("refill_status", refill=refill).text == '{"status":"success","status":"In progress"}'


def test_laravel_prices_have_been_through_a_float() -> None:
    """Some rates have the noise of a float, and an order is charged by the rate as it stands there."""
    with bench("v2", flavour="laravel") as to:
        rates = {row["service"]: repr(row["rate"]) for row in to.post("services").json}
        noisy = next(service for service, rate in rates.items() if len(rate) > 15 and service > 1)
        to.add(service=noisy, quantity=20_000)
        (order,) = to.box.orders
    assert order.charge == (Decimal(rates[noisy]) * 20).quantize(order.charge, rounding="ROUND_DOWN")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"service": 999}, 404),
        ({"quantity": 9}, 400),
        ({"quantity": 500_000}, 402),
        ({"link": ""}, 400),
        ({"runs": 2, "service": 3}, 400),
    ],
)
def test_rest_has_real_statuses(fields: dict[str, object], status: int) -> None:
    """What is wrong with an order can be told from the status alone."""
    with bench("v2", flavour="rest") as to:
        reply = to.add(**fields)
    assert reply.status == status
    assert list(reply.json) == ["error"]


def test_rest_does_not_call_a_running_order_cancelled() -> None:
    """What a cancel answers is true of the order at that moment: stopped, or only asked to be."""
    with bench("v2", flavour="rest") as to:
        said = [to.post("cancel", order=to.order()).json["message"]]
        running = to.order()
        to.wait(5)
        said.append(to.post("cancel", order=running).json["message"])
        assert [order.state for order in to.box.orders] == [State.CANCELED, State.IN_PROGRESS]
    assert said == ["Cancelled and refunded", "Cancel requested"]


def test_rest_asks_for_a_pause() -> None:
    """Its 429 says for how long to be silent, and no other flavour's does."""
    with bench("v2", flavour="rest", limits=Limits(key=Limit(1))) as to:
        assert [(reply.status, reply.retry_after) for reply in (to.post("balance"), to.post("balance"))] == [
            (200, None),
            (429, "60"),
        ]
    seen = {}
    for flavour in FLAVOURS:
        with bench("v2", flavour=flavour) as to:
            to.box.fail("balance", Fault.TOO_MANY)
            reply = to.post("balance")
            seen[flavour] = (reply.status, reply.retry_after)
    assert seen.pop("rest") == (429, "60")
    assert seen.pop("keyed") == (200, None)
    assert set(seen.values()) == {(429, None)}


@pytest.mark.parametrize("orders", ["", "none", "{}", "[1]", '[{"service": [1]}]'])
def test_several_orders_in_one_call_must_be_a_list(orders: str) -> None:
    """What is no JSON list of orders is refused as a whole."""
    with bench("v2", flavour="rest") as to:
        assert to.post("add_multi", orders=orders).status == 400
        assert to.post("add_multi", orders="[" + ",".join(["{}"] * 51) + "]").status == 400
        assert not to.box.orders


# -- the catalog that comes with age ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def messy_rows() -> list[dict[str, Any]]:
    """Return the catalog of the php flavour."""
    with bench("v2", flavour="php") as to:
        rows: list[dict[str, Any]] = to.post("services").json
    return rows


def test_messy_rows_have_all_that_is_odd(messy_rows: list[dict[str, Any]]) -> None:
    """Numbers as text and as numbers, flags in five manners, no name, no type, names of every sort."""
    assert {type(row["rate"]) for row in messy_rows} == {str, float, int}
    assert {type(row["min"]) for row in messy_rows} == {type(row["max"]) for row in messy_rows} == {str, int}
    flags = {value for row in messy_rows for value in (row.get("refill"), row.get("cancel"), row.get("dripfeed"))}
    assert {True, False, "0", "1", "true", "false", None, "30 дней"} <= flags
    assert any(type(row.get("refill")) is int for row in messy_rows)
    assert any("ID" in row and row["name"] is None and "type" not in row for row in messy_rows)
    types = {row.get("type") for row in messy_rows}
    assert {"", "default", "custom_comments", "12", "Special 1", None} <= types
    names = [row["name"] for row in messy_rows if row["name"]]
    assert len(names) > len(set(names))
    assert max(map(len, names)) == 312
    odd = "".join(names)
    assert all(mark in odd for mark in ("\r\n", "\t", "\u200f", "\u200b", "&amp;", "🔥", "𝐈"))
    assert "9,999,999,999,999.00000" in {row["rate"] for row in messy_rows}
    assert 1e-06 in {row["rate"] for row in messy_rows}
    assert any(int(row["min"]) > int(row["max"]) for row in messy_rows)
    assert {int(row["min"]) for row in messy_rows} & {0, -1} == {0, -1}
    assert len({row["service"] for row in messy_rows}) == len(messy_rows)


@pytest.mark.parametrize(
    ("service", "quantity", "text"),
    [
        (907, 100, "Not enough funds on balance"),
        (908, 100, "Not enough funds on balance"),
        (909, 100, "Quantity less than minimal 5000"),
        (909, 5_000, "Quantity less than maximum 100"),
        (910, 0, "Quantity less than minimal 1"),
        (911, 0, "Quantity less than minimal 1"),
    ],
)
def test_what_is_not_for_sale_takes_no_order(service: int, quantity: int, text: str) -> None:
    """Prices that nobody pays, a minimum above the maximum, nothing at all: refused, and nothing is charged."""
    with bench("v2", flavour="php") as to:
        assert to.add(service=service, quantity=quantity).json == {"error": text}
        assert not to.box.orders


def test_what_is_odd_can_be_ordered_all_the_same() -> None:
    """Every other messy row takes an order at the price that it shows."""
    with bench("v2", flavour="php", balance=10**9) as to:
        rows = {int(row["service"]): row for row in to.post("services").json if int(row["service"]) > 900}
        for service in rows.keys() - {907, 908, 909}:
            quantity = max(10, int(rows[service]["min"]))
            lines = "\n".join(map(str, range(quantity)))
            charge = to.add(service=service, quantity=quantity, comments=lines).json["charge"]
            assert charge == amount(rows[service]["rate"], "php") * quantity // 1000
            assert to.box.orders[-1].charge == charge


# -- which flavour ------------------------------------------------------------------------------------------


def test_an_unknown_flavour_is_answered_with_those_there_are() -> None:
    """A misspelt flavour raises ValueError that names all of them."""
    with pytest.raises(ValueError, match="v2 has no flavour 'cmsn': there are perfectpanel, cmsnt, smartpanel, rest, "):
        serve("v2", flavour="cmsn")


@pytest.mark.parametrize("panel", ["notpanel", "panelbon"])
def test_other_panels_have_no_flavours(panel: str) -> None:
    """A flavour of a panel that is itself raises ValueError that says whose flavours there are."""
    with pytest.raises(ValueError, match=rf"{panel} has no flavours, only v2 has: perfectpanel, cmsnt"):
        serve(panel, flavour="cmsnt")


def test_a_dialect_of_ones_own_has_no_flavours() -> None:
    """A dialect that is passed in is what it is."""
    with pytest.raises(ValueError, match="a Dialect that is passed in has no flavours, only v2 has: perf"):
        serve(Dialect(), flavour="cmsnt")


def test_a_handle_without_a_server_takes_no_flavour() -> None:
    """Whoever builds one brings the dialect: a flavour beside it would be passed over, and is an error."""
    with pytest.raises(TypeError, match="find_dialect"):
        build(find_dialect("v2"), base_url="", options={"flavour": "cmsnt"})


def test_flavours_are_panels_of_the_same_name() -> None:
    """A flavour is a v2 to whoever asks the box; its currency tells them apart."""
    assert set(DIALECTS) == {"notpanel", "panelbon", "v2"}
    assert {find_dialect("v2", flavour).name for flavour in FLAVOURS} == {"v2"}
    currencies = {}
    for flavour in FLAVOURS:
        with bench("v2", flavour=flavour) as to:
            currencies[flavour] = to.box.currency
    assert currencies == {
        "perfectpanel": "USD",
        "cmsnt": "VND",
        "smartpanel": "USD",
        "rest": "USD",
        "keyed": "RUB",
        "laravel": "BRL",
        "php": "UZS",
    }


# -- a share of faults --------------------------------------------------------------------------------------


def test_a_share_of_faults_is_there_from_the_start() -> None:
    """With faults=1 nothing gets through whole, though some of it is done; healed, everything does."""
    with serve("v2", faults=1.0, seed=2, seconds_to_finish=0) as box:
        made = [bool(_post_blindly(box)) for _ in range(60)]
        assert not any(made)
        assert 10 < len(box.orders) < 50
        assert {request.fault for request in box.requests} >= {Fault.DROP_AFTER, Fault.HTML_AFTER, Fault.SERVER_ERROR}
        box.heal()
        assert _post_blindly(box)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_lies_between_none_and_all(share: float) -> None:
    """Any other share raises ValueError before anything is served."""
    with pytest.raises(ValueError, match="a share lies between 0 and 1"):
        serve("v2", faults=share)


def _post_blindly(box: Sandbox) -> bool:
    """Order once; return whether an order's id came back."""
    form = {"key": box.api_key, "action": "add", "service": "1", "link": "https://example.com/1", "quantity": "10"}
    return box.handle(form).body.startswith(b'{"order":')
