"""What each panel sends and answers, from the replies in tests/wire, and what no reply whatever may do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from smmclient import (
    InvalidOrder,
    Order,
    OutcomeUnknown,
    PackageOrder,
    PollOrder,
    RawOrder,
    Service,
    SMMError,
    SubscriptionOrder,
    Support,
    Unsupported,
)
from smmclient.dialect import V2, Dialect, Fault, Unreadable
from smmclient.dialect.read import read_count, read_flag, read_id, read_money
from smmclient.wire import Operation, Safety, WireReply
from smmclient_notpanel import NOTPANEL
from smmclient_panelbon import PANELBON

WIRE = Path(__file__).parent / "wire"
L = "https://example.com/p"
ORDER = Order(service=1, link=L, quantity=10)
Case = dict[str, Any]


def cases(dialect: Dialect, file: str = "replies.json") -> list[Any]:
    """The recorded replies of a panel."""
    rows: list[Case] = json.loads((WIRE / dialect.name / file).read_text("utf-8"))
    return [
        pytest.param(dialect, row, id=f"{dialect.name}-{number}-{row['action']}") for number, row in enumerate(rows)
    ]


def operation(dialect: Dialect, action: str, asked: list[str] | None) -> Operation[Any]:
    """The operation that a reply answers."""
    match action:
        case "add":
            return dialect.add(ORDER, "r-1" if dialect.capabilities.request_id is Support.YES else None)
        case "services" | "balance":
            made: Operation[Any] = getattr(dialect, action)()
            return made
        case "any":
            return dialect.balance()
    made = getattr(dialect, action)(asked)
    return made


def shown(value: object) -> object:
    """A value as the recorded expectations spell it."""
    if isinstance(value, SMMError):
        return type(value).__name__
    if isinstance(value, Decimal):
        return str(value)
    return getattr(value, "value", value)


def check(result: object, expect: Mapping[str, object]) -> None:
    """Every expected field of a value is what the reply says."""
    for name, wanted in expect.items():
        assert shown(getattr(result, name)) == wanted


@pytest.mark.parametrize(("dialect", "case"), [*cases(PANELBON), *cases(NOTPANEL), *cases(V2)])
def test_recorded_replies(dialect: Dialect, case: Case) -> None:
    """Each recorded reply gives its value, field by field, or its error."""
    wire = WireReply(case["status"], {}, case["body"].encode())
    expect = case["expect"]
    try:
        result = dialect.read(wire, operation(dialect, case["action"], case.get("asked")))
    except Exception as error:
        assert type(error).__name__ == expect, error
        return
    assert not isinstance(expect, str), f"expected {expect}, got {result}"
    match case["action"]:
        case "services":
            (services, problems) = result
            assert not problems
            check(services[0], expect)
        case "balance":
            amount, currency, raw = result
            assert str(amount) == expect["amount"]
            assert currency == expect.get("currency", currency)
            assert raw == json.loads(case["body"], parse_float=Decimal)
        case "add":
            check(result, expect)
        case _:
            assert list(result) == list(expect)
            for one, wanted in expect.items():
                if isinstance(wanted, str):
                    assert shown(result[one]) == wanted
                else:
                    check(result[one], wanted)


# ------------------------------------------------------------------------------------------------ what is sent


@pytest.mark.parametrize(
    ("dialect", "action", "ids", "form"),
    [
        (PANELBON, "status", ["CR-1"], {"order": "CR-1"}),
        (PANELBON, "status", ["CR-1", "CR-2"], {"orders": "CR-1,CR-2"}),
        (PANELBON, "cancel", ["CR-1"], {"orders": "CR-1"}),
        (NOTPANEL, "cancel", ["ord_1"], {"order": "ord_1"}),
        (NOTPANEL, "refill", ["ord_1"], {"order": "ord_1"}),
        (NOTPANEL, "refill", ["ord_1", "ord_2"], {"orders": "ord_1,ord_2"}),
        (NOTPANEL, "refill_status", ["ref_1"], {"refill": "ref_1"}),
        (V2, "refill_status", ["1", "2"], {"refills": "1,2"}),
    ],
)
def test_forms_of_ids(dialect: Dialect, action: str, ids: list[str], form: dict[str, str]) -> None:
    """One id goes out in the single form where the panel has one, several as a list."""
    assert dict(operation(dialect, action, ids).form) == {"action": action, **form}


@pytest.mark.parametrize(
    ("order", "form"),
    [
        (Order(1, L, 10), {"link": L, "quantity": "10"}),
        (Order(1, L, 10, 2, 5, coupon="C"), {"link": L, "quantity": "10", "runs": "2", "interval": "5", "coupon": "C"}),
        (PackageOrder(1, L), {"link": L, "quantity": "1"}),
    ],
)
def test_notpanels_add(order: Order, form: dict[str, str]) -> None:
    """NotPanel gets link and quantity with every order, and the request_id."""
    sent = dict(NOTPANEL.add(order, "r-1").form)
    assert sent == {"action": "add", "service": "1", **form, "request_id": "r-1"}


def test_notpanels_subscription() -> None:
    """A subscription's username stands in for the link that NotPanel requires."""
    sent = dict(NOTPANEL.add(SubscriptionOrder(1, "bob", 5, 9), "r").form)
    assert (sent["link"], sent["username"], sent["quantity"]) == ("bob", "bob", "1")


@pytest.mark.parametrize(
    ("dialect", "call", "error"),
    [
        (PANELBON, lambda d: d.refill(["1"]), Unsupported),
        (PANELBON, lambda d: d.refill_status(["1"]), Unsupported),
        (PANELBON, lambda d: d.add(ORDER, "r-1"), Unsupported),
        (PANELBON, lambda d: d.add(Order(1, L, 10, runs=2), None), Unsupported),
        (PANELBON, lambda d: d.add(Order(1, L, 10, coupon="C"), None), Unsupported),
        (PANELBON, lambda d: d.add(PackageOrder(1, L), None), Unsupported),
        (PANELBON, lambda d: d.add(PollOrder(1, L, 5, 1), None), Unsupported),
        (NOTPANEL, lambda d: d.add(Order(1, "https://x/" + "a" * 991, 10), "r"), InvalidOrder),
        (NOTPANEL, lambda d: d.add(Order(1, "someone", 10), "r"), InvalidOrder),
        (NOTPANEL, lambda d: d.add(Order(1, L, 10, 1, 5), "r"), InvalidOrder),
        (NOTPANEL, lambda d: d.add("order", "r"), InvalidOrder),
    ],
)
def test_what_the_documents_rule_out(dialect: Dialect, call: Any, error: type[SMMError]) -> None:
    """What a panel's documents say it does not have or take is an error before anything is sent."""
    with pytest.raises(error):
        call(dialect)


@pytest.mark.parametrize(
    ("dialect", "order"),
    [
        (NOTPANEL, Order(1, "https://x/" + "a" * 990, 10)),
        (NOTPANEL, PollOrder(1, L, 5, 1)),
        (PANELBON, RawOrder(1, {"anything": "x"})),
        (PANELBON, Order(1, "@name", 10)),
        (V2, PollOrder(1, "someone", 5, 1)),
    ],
)
def test_what_they_do_not_rule_out(dialect: Dialect, order: Order) -> None:
    """What the documents pass over is sent."""
    assert dialect.add(order, None).form[0] == ("action", "add")


def test_what_may_be_repeated() -> None:
    """Only NotPanel's add may be sent again after a lost reply: it alone carries an idempotency key."""
    assert NOTPANEL.add(ORDER, "r").safety is Safety.KEYED
    assert PANELBON.add(ORDER, None).safety is Safety.ONCE
    for dialect in (NOTPANEL, V2):
        assert dialect.refill(["1"]).safety is Safety.ONCE
        assert dialect.cancel(["1"]).safety is Safety.ONCE
    for dialect in (NOTPANEL, PANELBON, V2):
        assert dialect.status(["1"]).safety is Safety.READ


# ------------------------------------------------------------------------------------------------ the catalog


def read_catalog(rows: object, dialect: Dialect = V2) -> tuple[Sequence[Service], tuple[Any, ...]]:
    """A catalog's services and problems."""
    services, problems = dialect.read(WireReply(200, {}, json.dumps(rows).encode()), dialect.services())
    return services, problems


ROW: dict[str, object] = {
    "service": 1,
    "name": "a",
    "type": "Default",
    "category": "c",
    "rate": "1",
    "min": 1,
    "max": 2,
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rate": "1,234"}, "rate"),
        ({"rate": "free"}, "rate"),
        ({"rate": None}, "rate"),
        ({"min": "many"}, "min"),
        ({"max": ""}, "max"),
        ({"service": None}, "service"),
        ({"service": 1.5}, "service"),
        ({"refill": [1]}, "refill"),
        ({"category": {}}, "category"),
    ],
)
def test_a_row_that_cannot_be_read(change: dict[str, object], field: str) -> None:
    """A bad row is a problem with its number and field, and costs the good rows nothing."""
    services, problems = read_catalog([ROW, row := {**ROW, "service": 2, **change}, {**ROW, "service": 3}])
    assert [service.id for service in services] == ["1", "3"]
    assert [(problem.row, problem.field) for problem in problems] == [(2, field)]
    assert problems[0].raw == row


def test_rows_that_are_no_rows() -> None:
    """A row that is no object, or lacks a field, is a problem too."""
    services, problems = read_catalog([5, {"service": 1}, None])
    assert list(services) == []
    assert [problem.row for problem in problems] == [1, 2, 3]


@pytest.mark.parametrize("rows", [{"services": [ROW]}, {"value": [ROW], "Count": 1}, {"time": 5, "data": [ROW]}])
def test_wrapped_catalogs(rows: object) -> None:
    """A catalog is found where some panels wrap it."""
    assert read_catalog(rows)[0][0].id == "1"


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        (True, True),
        (0, False),
        ("0", False),
        ("1", True),
        ("false", False),
        ("30 days", True),
        (None, None),
        ("", None),
    ],
)
def test_flags(flag: object, value: bool | None) -> None:
    """Flags come as booleans, numbers and text; missing is unknown, not no."""
    assert read_flag(flag) is value
    assert read_catalog([{**ROW, "refill": flag}])[0][0].refill is value


def test_notpanel_bills_a_package_as_its_minimum() -> None:
    """NotPanel documents that a package is billed on the service's min; the others document nothing."""
    assert read_catalog([{**ROW, "type": "Package", "min": "25", "max": "25"}], NOTPANEL)[0][0].package_units == 25
    assert read_catalog([ROW], V2)[0][0].package_units is None


# ------------------------------------------------------------------------------------------------ numbers and words


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.50", "1.50"),
        ("1,234.50", "1234.50"),
        ("12,345,678", "12345678"),
        ("1.234,50", "1234.50"),
        ("1.234.567", "1234567"),
        ("2,5", "2.5"),
        ("0,123", "0.123"),
        ("1234,567", "1234.567"),
        ("-2", "-2"),
        ("1e-06", "0.000001"),
        (" 7 ", "7"),
        (7, "7"),
        (Decimal("0.24000000000000002"), "0.24000000000000002"),
    ],
)
def test_amounts(text: object, amount: str) -> None:
    """An amount is read exactly, whatever marks its decimals and thousands."""
    assert read_money(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    ["1,234", "12,345", "NaN", "Infinity", "1_000", "$5", "1e999", "٣", "--1", "1..2", "1,2,3", True, [], {}, "x"],
)
def test_what_is_no_amount(text: object) -> None:
    """What is ambiguous or no number is unreadable, never a guess."""
    with pytest.raises(Unreadable):
        read_money(text)


@pytest.mark.parametrize("value", ["", "a,b", "a b", 1.5, Decimal("5"), True, None, -1, "null", "a\x00", "\ufffd"])
def test_what_is_no_id(value: object) -> None:
    """An id is text or a whole number, as it is; never what went through a float, or reads as several."""
    with pytest.raises(Unreadable):
        read_id(value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_money_survives_every_spelling(amount: Decimal) -> None:
    """However a panel spells an amount of six decimals, the same amount is read."""
    plain = f"{amount:f}"
    english = f"{amount:,f}"
    european = english.translate(str.maketrans(",.", ".,"))
    assert read_money(plain) == amount
    assert read_money(english) == amount
    assert read_money(european) == amount


@given(st.integers(-(10**12), 10**12))
def test_counts(count: int) -> None:
    """A whole number is read from a number, from text, and from text with a zero fraction."""
    for spelled in (count, str(count), f"{count}.0", Decimal(count)):
        assert read_count(spelled) == count


# ------------------------------------------------------------------------------------------------ any reply whatever

_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
_keys = st.sampled_from(
    [
        "order",
        "orders",
        "error",
        "status",
        "charge",
        "refill",
        "cancel",
        "balance",
        "message",
        "success",
        "7",
        "8",
        "data",
    ]
)
_json = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=5))
_bodies = st.binary(max_size=200) | _json.map(lambda value: json.dumps(value).encode())


@examples(max_examples=600, deadline=None)
@given(
    body=_bodies,
    status=st.sampled_from([200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 409, 429, 500, 502, 503]),
    action=st.sampled_from(["services", "balance", "add", "status", "refill", "refill_status", "cancel"]),
)
@example(body=b"[" * 100_000, status=200, action="balance")
@example(body=b'{"balance": ' + b"9" * 5000 + b"}", status=200, action="balance")
@example(body=b'{"balance": "' + b"9" * 5000 + b'"}', status=200, action="balance")
def test_no_reply_can_break_a_dialect(body: bytes, status: int, action: str) -> None:
    """Whatever a panel answers, a dialect gives a value or one of its own errors, and an order only from an id."""
    made = operation(NOTPANEL, action, ["7", "8"])
    try:
        result = NOTPANEL.read(WireReply(status, {}, body), made)
    except (SMMError, Fault, Unreadable):
        return
    assert 200 <= status < 300
    if action == "add":
        assert result.order.encode() in body or json.dumps(result.order).strip('"').encode() in body
    if action in ("status", "refill", "cancel", "refill_status"):
        assert list(result) == ["7", "8"]
        assert not any(isinstance(row, OutcomeUnknown) for row in result.values()) or made.safety is not Safety.READ
