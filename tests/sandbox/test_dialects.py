"""The panels in words: what each answers to what, as its documents say, on a clock that the test turns."""

import re
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from smmclient.sandbox import DIALECTS, Fault, Limit, Limits, Sandbox
from smmclient.sandbox.dialects import Dialect, find_dialect
from smmclient.sandbox.server import build

OpenBox = Callable[..., Sandbox]
Ask = Callable[..., tuple[int, Any]]

ADD = {"service": 1, "link": "https://example.com/1", "quantity": 1000, "request_id": "r1"}
LONG = 1_000
NOTPANEL, PANELBON, V2 = "notpanel", "panelbon", "v2"

# What a mistake is answered with, by panel. None stands for a field that is left out.
REFUSALS: list[tuple[str, str, dict[str, Any], int, str]] = [
    (NOTPANEL, "add", {"service": None}, 400, "Missing required parameter: service"),
    (NOTPANEL, "add", {"request_id": None}, 400, "Missing required parameter: request_id"),
    (NOTPANEL, "add", {"link": None}, 400, "Missing required parameter: link"),
    (NOTPANEL, "add", {"quantity": None}, 400, "Missing required parameter: quantity"),
    (NOTPANEL, "add", {"quantity": "  "}, 400, "Missing required parameter: quantity"),
    (NOTPANEL, "add", {"service": "one"}, 400, "Incorrect service"),
    (NOTPANEL, "add", {"service": 99_999}, 400, "Incorrect service ID"),
    (NOTPANEL, "add", {"quantity": "-5"}, 400, "Incorrect quantity"),
    (NOTPANEL, "add", {"quantity": "1e3"}, 400, "Incorrect quantity"),
    (NOTPANEL, "add", {"quantity": 9}, 400, "Quantity less than minimal 10"),
    (NOTPANEL, "add", {"quantity": 500_001}, 400, "Quantity more than maximum 500000"),
    (NOTPANEL, "add", {"link": "ftp://example.com"}, 400, "Bad link"),
    (NOTPANEL, "add", {"link": "https://example.com/" + "x" * 981}, 400, "Bad link"),
    (NOTPANEL, "add", {"request_id": "x" * 129}, 400, "Incorrect request_id"),
    (NOTPANEL, "add", {"service": 3, "runs": 2}, 400, "Dripfeed is not supported by this service"),
    (NOTPANEL, "add", {"runs": 0}, 400, "Incorrect runs"),
    (NOTPANEL, "add", {"interval": 10}, 400, "Incorrect interval"),
    (NOTPANEL, "add", {"coupon": "NOPE"}, 400, "Incorrect coupon"),
    (NOTPANEL, "add", {"service": 21, "quantity": 10_000}, 400, "Not enough funds on balance"),
    (NOTPANEL, "status", {}, 400, "Missing required parameter: order"),
    (NOTPANEL, "status", {"order": "ord_1"}, 400, "Incorrect order ID"),
    (NOTPANEL, "status", {"order": "ord_1", "orders": "ord_1"}, 400, "Incorrect orders"),
    (NOTPANEL, "status", {"orders": ","}, 400, "Incorrect orders"),
    (NOTPANEL, "refill", {"orders": ",".join(map(str, range(101)))}, 400, "Incorrect order IDs"),
    (NOTPANEL, "cancel", {"order": "ord_1"}, 400, "Incorrect order ID"),
    (NOTPANEL, "refill_status", {"refill": "ref_1"}, 400, "Incorrect refill ID"),
    (NOTPANEL, "", {}, 400, "Missing required parameter: action"),
    (NOTPANEL, "wallet", {}, 400, "Incorrect action"),
    (NOTPANEL, "balance", {"key": "wrong"}, 401, "Invalid API key"),
    (NOTPANEL, "balance", {"key": None}, 401, "Invalid API key"),
    (PANELBON, "balance", {"key": "wrong"}, 401, "Invalid API key"),
    (PANELBON, "add", {"service": None}, 400, "Invalid parameters"),
    (PANELBON, "add", {"link": None}, 400, "Invalid parameters"),
    (PANELBON, "add", {"quantity": 9}, 400, "Invalid parameters"),
    (PANELBON, "add", {"service": 99_999}, 404, "Incorrect service ID"),
    (PANELBON, "add", {"service": 9}, 404, "Incorrect service ID"),
    (PANELBON, "add", {"service": 21, "quantity": 10_000}, 400, "Insufficient balance"),
    (PANELBON, "refill", {"order": "CR-202411-0001"}, 400, "Invalid parameters"),
    (PANELBON, "cancel", {"order": "CR-202411-0001"}, 400, "Invalid parameters"),
    (PANELBON, "status", {"order": "CR-202411-0001"}, 404, "Incorrect order ID"),
    (V2, "balance", {"key": "wrong"}, 200, "Invalid API key"),
    (V2, "add", {"quantity": 9}, 200, "Quantity less than minimal 10"),
    (V2, "status", {"order": "1"}, 200, "Incorrect order ID"),
]


@pytest.mark.parametrize(("panel", "action", "changes", "status", "text"), REFUSALS)
def test_refusals(open_box: OpenBox, panel: str, action: str, changes: dict[str, Any], status: int, text: str) -> None:
    """A mistake is answered with its status and one field, error; nothing is ordered and nothing charged."""
    box = open_box(panel)
    form = {"key": box.api_key, "action": action} | (ADD if action == "add" else {}) | changes
    reply = box.handle({name: str(value) for name, value in form.items() if value is not None})
    assert (reply.status, reply.body.decode()) == (status, f'{{"error":"{text}"}}')
    assert dict(reply.headers)["content-type"] == "application/json"
    assert not box.orders
    assert box.spent == 0


@pytest.mark.parametrize(
    ("panel", "shape"),
    [
        (NOTPANEL, r"ord_01[0-9A-HJKMNP-TV-Z]{24}"),
        (PANELBON, r"CR-202411-000[12]"),
        (V2, r"2350[12]"),
    ],
)
def test_order_ids(open_box: OpenBox, ask: Ask, panel: str, shape: str) -> None:
    """Ids look as they do on the panel, and no two are the same."""
    box = open_box(panel)
    for n in (1, 2):
        ask(box, "add", ADD, link=f"https://example.com/{n}", request_id=n)
    first, second = (order.id for order in box.orders)
    assert re.fullmatch(shape, first)
    assert re.fullmatch(shape, second)
    assert first != second


def test_replies_to_add(open_box: OpenBox, ask: Ask) -> None:
    """NotPanel and the convention answer with the id; PanelBon adds its three prices, as text."""
    replies = {panel: ask(open_box(panel, discount=10), "add", ADD)[1] for panel in DIALECTS}
    assert list(replies[NOTPANEL]) == ["order"]
    assert replies[V2] == {"order": 23501}
    assert replies[PANELBON] == {
        "order": "CR-202411-0001",
        "original_price": "0.90",
        "discount": "0.09",
        "final_price": "0.81",
    }


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        (NOTPANEL, ["pending", "in_progress", "completed"]),
        (PANELBON, ["Pending", "In progress", "Completed"]),
        (V2, ["Pending", "In progress", "Completed"]),
    ],
)
def test_status_of_one(open_box: OpenBox, ask: Ask, clock: SimpleNamespace, panel: str, words: list[str]) -> None:
    """The status of one order is five strings, in the panel's own words for the state."""
    box = open_box(panel)
    ask(box, "add", ADD)
    rows = []
    for _ in range(30):
        rows.append(ask(box, "status", order=box.orders[0].id)[1])
        clock.now += 1
    assert list(dict.fromkeys(row["status"] for row in rows)) == words
    assert set(rows[0]) == {"charge", "start_count", "status", "remains", "currency"}
    assert all(isinstance(value, str) for row in rows for value in row.values())
    assert (rows[0]["charge"], rows[0]["remains"], rows[-1]["remains"]) == ("0.90", "1000", "0")


@pytest.mark.parametrize(
    ("panel", "fields"),
    [
        (NOTPANEL, {"charge", "start_count", "status", "remains", "currency"}),
        (PANELBON, {"charge", "status"}),
    ],
)
def test_status_of_many(open_box: OpenBox, ask: Ask, panel: str, fields: set[str]) -> None:
    """Several statuses are an object by id, where PanelBon's rows are short and a bad id has an error."""
    box = open_box(panel)
    ask(box, "add", ADD)
    known = box.orders[0].id
    status, rows = ask(box, "status", orders=f"nope, {known},{known}")
    assert status == 200
    assert rows["nope"] == {"error": "Incorrect order ID"}
    assert set(rows) == {"nope", known}
    assert set(rows[known]) == fields


def test_batches_end_at_a_hundred(open_box: OpenBox, ask: Ask) -> None:
    """NotPanel takes a hundred ids in one request and refuses one more as a whole."""
    box = open_box(NOTPANEL)
    assert len(ask(box, "status", orders=",".join(map(str, range(100))))[1]) == 100
    assert ask(box, "status", orders=",".join(map(str, range(101))))[0] == 400


@pytest.mark.parametrize(
    ("panel", "good", "bad"),
    [
        (NOTPANEL, {"cancel": "{id}"}, {"error": "Incorrect order ID"}),
        (PANELBON, {"cancel": 1}, {"cancel": {"error": "Incorrect order ID"}}),
    ],
)
def test_cancel_of_many(open_box: OpenBox, ask: Ask, panel: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    """Cancels are an array of rows: on NotPanel the id or a flat error, on PanelBon 1 or a nested one."""
    box = open_box(panel)
    ask(box, "add", ADD)
    known = box.orders[0].id
    expected = [
        {"order": known} | {name: known if value == "{id}" else value for name, value in good.items()},
        {"order": "nope"} | bad,
    ]
    assert ask(box, "cancel", orders=f"{known},nope") == (200, expected)
    assert box.balance == 100


def test_notpanel_cancels_one(open_box: OpenBox, ask: Ask) -> None:
    """The cancel of one order answers with the order's own id."""
    box = open_box(NOTPANEL)
    _, added = ask(box, "add", ADD)
    assert ask(box, "cancel", order=added["order"]) == (200, {"cancel": added["order"]})
    assert box.orders[0].state == "canceled"


def test_notpanel_cancel_in_flight_succeeds_before_it_is_decided(
    open_box: OpenBox, ask: Ask, clock: SimpleNamespace
) -> None:
    """A running order's cancel is a success at once; the status shows later what came of it."""
    box = open_box(NOTPANEL)
    _, added = ask(box, "add", ADD)
    clock.now += 6
    assert ask(box, "cancel", order=added["order"]) == (200, {"cancel": added["order"]})
    assert ask(box, "status", order=added["order"])[1]["status"] == "in_progress"
    clock.now += LONG
    assert ask(box, "status", order=added["order"])[1]["status"] in ("partial", "completed")


def test_notpanel_refills(open_box: OpenBox, ask: Ask, clock: SimpleNamespace) -> None:
    """A refill has an id of its own; a batch is an array of rows with flat errors."""
    box = open_box(NOTPANEL)
    _, added = ask(box, "add", ADD)
    order = added["order"]
    assert ask(box, "refill", order=order) == (400, {"error": "Order is not completed"})
    clock.now += LONG
    status, body = ask(box, "refill", order=order)
    assert status == 200
    assert re.fullmatch(r"ref_01[0-9A-HJKMNP-TV-Z]{24}", body["refill"])
    assert ask(box, "refill", orders=f"{order},nope")[1] == [
        {"order": order, "error": "A refill is already in progress for this order"},
        {"order": "nope", "error": "Incorrect order ID"},
    ]
    assert ask(box, "refill_status", refill=body["refill"]) == (200, {"status": "in_progress"})
    clock.now += LONG
    assert ask(box, "refill_status", refills=body["refill"])[1] == [{"refill": body["refill"], "status": "completed"}]
    for _ in range(2):
        assert "refill" in ask(box, "refill", orders=order)[1][0]
        clock.now += LONG
    assert ask(box, "refill", order=order) == (400, {"error": "Refill limit reached for this order"})


def test_notpanel_request_id(open_box: OpenBox, ask: Ask, clock: SimpleNamespace) -> None:
    """The same id and body get the first response for ever; the same id with another body gets a 400."""
    box = open_box(NOTPANEL)
    first = ask(box, "add", ADD)
    clock.now += LONG
    assert ask(box, "add", ADD) == first
    assert ask(box, "add", ADD, quantity=2000) == (
        400,
        {"error": "request_id was already used for a different order"},
    )
    assert len(box.orders) == 1
    assert box.orders[0].request_id == "r1"


def test_notpanel_balance_is_thirty_seconds_old(open_box: OpenBox, ask: Ask, clock: SimpleNamespace) -> None:
    """A fresh order is missing from NotPanel's balance for up to 30 s, and never from PanelBon's."""
    shown = {}
    for panel in (NOTPANEL, PANELBON):
        box = open_box(panel)
        ask(box, "balance")
        ask(box, "add", ADD)
        shown[panel] = [ask(box, "balance")[1]["balance"]]
        clock.now += 30
        shown[panel].append(ask(box, "balance")[1]["balance"])
        assert box.balance == Decimal("99.10")
    assert shown == {NOTPANEL: ["100.00", "99.10"], PANELBON: ["99.10", "99.10"]}


@pytest.mark.parametrize(
    ("changes", "quantity", "charge"),
    [
        ({"runs": 5, "interval": 30}, 5000, "4.50"),
        ({"coupon": "TEN"}, 1000, "0.81"),
        ({"service": 18, "quantity": None}, 1000, "2.50"),
        ({"service": 11, "link": "somebody", "quantity": 7}, 50, "0.0225"),
        ({"service": 9, "comments": "one\r\n\ntwo\nthree\n4\n5", "quantity": None}, 5, "0.03"),
    ],
    ids=["drip-feed", "coupon", "package", "subscription", "comments"],
)
def test_notpanel_kinds(open_box: OpenBox, ask: Ask, changes: dict[str, Any], quantity: int, charge: str) -> None:
    """Runs multiply, coupons take off, and packages, subscriptions and comments need no quantity."""
    box = open_box(NOTPANEL, coupons={"TEN": 10})
    form = {name: value for name, value in (ADD | changes).items() if value is not None}
    assert ask(box, "add", form)[0] == 200
    assert (box.orders[0].quantity, box.orders[0].charge) == (quantity, Decimal(charge))


def test_services(open_box: OpenBox, ask: Ask) -> None:
    """Forty services, of which PanelBon has those of type Default, and rarer types behind them on v2 alone."""
    rows = {panel: ask(open_box(panel), "services")[1] for panel in DIALECTS}
    assert len(rows[NOTPANEL]) == 40
    assert rows[V2][:40] == rows[NOTPANEL]
    assert not {row["type"] for row in rows[V2][40:]} & {row["type"] for row in rows[NOTPANEL]}
    assert {row["type"] for row in rows[NOTPANEL]} == {
        "Default",
        "Package",
        "Subscriptions",
        "Custom Comments",
    }
    assert {row["type"] for row in rows[PANELBON]} == {"Default"}
    names = {row["service"]: row["name"] for row in rows[NOTPANEL]}
    assert all(names[row["service"]] == row["name"] for row in rows[PANELBON])
    assert rows[NOTPANEL][0] == {
        "service": 1,
        "name": "Instagram Followers | 30 Days Refill",
        "type": "Default",
        "category": "Instagram Followers",
        "rate": "0.90",
        "min": "10",
        "max": "500000",
        "dripfeed": True,
        "refill": True,
        "cancel": True,
    }


def test_panelbon_shows_discounts(open_box: OpenBox, ask: Ask) -> None:
    """A key with a discount sees its own rate, the full one beside it, and the percentage as a number."""
    plain = ask(open_box(PANELBON), "services")[1][0]
    cheap = ask(open_box(PANELBON, discount=15), "services")[1][0]
    assert "dripfeed" not in plain
    assert not {"original_rate", "discount_percent"} & set(plain)
    assert (cheap["rate"], cheap["original_rate"], cheap["discount_percent"]) == ("0.765", "0.90", 15)


@pytest.mark.parametrize(
    ("panel", "answer"),
    [
        (NOTPANEL, (403, {"error": "Account suspended"})),
        (PANELBON, (401, {"error": "Invalid API key"})),
    ],
)
def test_suspended_accounts(open_box: OpenBox, ask: Ask, panel: str, answer: tuple[int, dict[str, str]]) -> None:
    """A suspended account is refused on every action, until it is let in again."""
    box = open_box(panel)
    box.suspend()
    assert [ask(box, action, ADD) for action in ("services", "add", "balance")] == [answer] * 3
    box.suspend(is_suspended=False)
    assert ask(box, "balance")[0] == 200


def test_notpanel_limits_the_key(open_box: OpenBox, ask: Ask, clock: SimpleNamespace) -> None:
    """After 100 requests in a minute the key is denied, told by whom, and let in again at the reset."""
    box = open_box(NOTPANEL)
    assert {ask(box, "balance")[0] for _ in range(100)} == {200}
    reply = box.handle({"key": box.api_key, "action": "balance"})
    headers = {name: value for name, value in reply.headers if name.startswith("X-RateLimit")}
    assert (reply.status, reply.body) == (429, b'{"error":"Rate limit exceeded"}')
    assert headers == {
        "X-RateLimit-Limit": "100",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1731672060",
        "X-RateLimit-DeniedBy": "key",
    }
    assert ask(box, "balance")[0] == 429
    clock.now = 1_731_672_060.0
    assert ask(box, "balance")[0] == 200


def test_notpanel_second_key_has_its_own_room(open_box: OpenBox) -> None:
    """Where the key is what denies, another key of the account gets through; a revoked one is unknown."""
    box = open_box(NOTPANEL, limits=Limits(key=Limit(1)))
    second = box.issue_key()
    keys = [box.api_key, box.api_key, second]
    assert [box.handle({"key": key, "action": "balance"}).status for key in keys] == [200, 429, 200]
    box.revoke_key(second)
    assert box.handle({"key": second, "action": "balance"}).status == 401


def test_notpanel_counts_the_address_before_the_key(open_box: OpenBox) -> None:
    """Requests with a wrong key use up the address's room, for good keys too, and no other address's."""
    box = open_box(NOTPANEL, limits=Limits(address=Limit(3), key=Limit(100)))
    wrong, good = {"key": "wrong", "action": "balance"}, {"key": box.api_key, "action": "balance"}
    assert [box.handle(wrong).status for _ in range(4)] == [401, 401, 401, 429]
    denied = box.handle(good)
    assert dict(denied.headers)["X-RateLimit-DeniedBy"] == "ip"
    assert box.handle(good, "127.0.0.2").status == 200


def test_a_batch_costs_one(open_box: OpenBox, ask: Ask) -> None:
    """A hundred ids in one request are one request to the limits."""
    box = open_box(NOTPANEL, limits=Limits(key=Limit(2)))
    ids = ",".join(map(str, range(100)))
    assert [ask(box, "status", orders=ids)[0] for _ in range(3)] == [200, 200, 429]


def test_panelbon_has_no_limits(open_box: OpenBox, ask: Ask) -> None:
    """A thousand requests in the same second are all served, without a word about limits."""
    box = open_box(PANELBON)
    assert {ask(box, "balance")[0] for _ in range(1000)} == {200}
    assert dict(box.handle({"key": box.api_key, "action": "balance"}).headers) == {"content-type": "application/json"}


def test_unknown_panels_are_named() -> None:
    """A name that no dialect has raises ValueError with the names there are."""
    with pytest.raises(ValueError, match="'nopanel': there are notpanel, panelbon, v2"):
        find_dialect("nopanel")


def test_a_panel_of_ones_own_is_a_few_lines(ask: Ask) -> None:
    """A subclass with other words is a panel: here one that counts its ids from another number."""

    class Mine(Dialect):
        name = "mine"
        currency = "EUR"

        def shown_id(self, order_id: str) -> str:
            return f"#{order_id}"

    box = build(Mine(), base_url="", options={})
    assert ask(box, "add", ADD) == (200, {"order": "#23501"})
    assert ask(box, "balance") == (200, {"balance": "99.10", "currency": "EUR"})


def test_the_log_has_no_keys(open_box: OpenBox, ask: Ask) -> None:
    """Requests are kept with action, status, time and form, and the key is nowhere in them."""
    box = open_box(NOTPANEL)
    ask(box, "add", ADD)
    ask(box, "status", order="nope")
    assert [(request.action, request.status) for request in box.requests] == [("add", 200), ("status", 400)]
    assert box.requests[0].form["link"] == ADD["link"]
    assert box.api_key not in repr(box.requests) + repr(box) + repr(box.orders)
    assert (box.count(), box.count("add"), box.count(status=400), box.count("add", 400)) == (2, 1, 1, 0)


def test_a_fault_for_an_action_that_is_not_there(open_box: OpenBox) -> None:
    """A fault that could never strike raises ValueError with the actions there are."""
    with pytest.raises(ValueError, match="no action 'refill': there are add, balance, cancel, services, st"):
        open_box(PANELBON).fail("refill", Fault.DROP_AFTER)


def test_an_option_that_is_not_there(open_box: OpenBox) -> None:
    """A misspelt option raises TypeError with the options there are."""
    with pytest.raises(TypeError, match="seconds_to_finsh: there are api_key, balance"):
        open_box(NOTPANEL, seconds_to_finsh=1)


def test_balance_can_be_set(open_box: OpenBox, ask: Ask) -> None:
    """A new balance is what the panel shows at once, and leaves what was spent as it is."""
    box = open_box(NOTPANEL)
    ask(box, "balance")
    ask(box, "add", ADD)
    box.set_balance("12.5")
    assert ask(box, "balance")[1]["balance"] == "12.50"
    assert (box.balance, box.spent) == (Decimal("12.5"), Decimal("0.90"))
