"""What each flavour of the plain convention answers to every action, over HTTP."""

from collections.abc import Mapping
from typing import Any

import pytest

from sandbox_bench import UNKNOWN_ORDER, Bench, Reply, bench
from smmclient.sandbox import FLAVOURS

HTML, JSON = "text/html; charset=UTF-8", "application/json"
UNKNOWN = UNKNOWN_ORDER

# What each flavour answers to each question of `walk`: its status and its body. A type stands for any value of this
# type, GOOD, NEXT and UNKNOWN for the ids of the orders that were asked for, REFILL for the id that the refill was
# answered with.
GOOD, NEXT, REFILL = "<good>", "<next>", "<refill>"
FIVE = {"charge": str, "start_count": str, "status": "Completed", "remains": "0", "currency": "USD"}
ROW = {"service": 1, "name": str, "type": "Default", "category": str, "rate": "0.90", "min": "10", "max": "500000"}
FLAGS = {"dripfeed": True, "refill": True, "cancel": True}

SHAPES: dict[str, dict[str, tuple[int, object]]] = {
    "perfectpanel": {
        "services": (200, {**ROW, **FLAGS}),
        "add": (200, {"order": 23501}),
        "waiting": (200, {**FIVE, "status": "Pending", "remains": "1000"}),
        "status": (200, FIVE),
        "statuses": (200, {UNKNOWN: {"error": "Incorrect order ID"}, GOOD: FIVE}),
        "refill": (200, {"refill": "1"}),
        "refill_status": (200, {"status": "Completed"}),
        "refills": (200, [{"order": 99, "refill": {"error": "Incorrect order ID"}}, {"order": 23501, "refill": 2}]),
        "refill_statuses": (
            200,
            [{"refill": 99, "status": {"error": "Incorrect refill ID"}}, {"refill": 1, "status": "Completed"}],
        ),
        "cancel": (200, {"error": "Missing required parameter: orders"}),
        "cancels": (200, [{"order": 99, "cancel": {"error": "Incorrect order ID"}}, {"order": 23503, "cancel": 1}]),
        "balance": (200, {"balance": "99.10", "currency": "USD"}),
        "refused": (200, {"error": "Incorrect order ID"}),
        "no refill": (200, {"error": "Incorrect order ID"}),
        "unknown action": (200, {"error": "Incorrect action"}),
        "wrong key": (200, {"error": "Invalid API key"}),
    },
    "cmsnt": {
        "services": (
            200,
            {
                **ROW,
                **FLAGS,
                "desc": "",
                "platform": "Instagram",
                "category": None,
                "rate": "22500",
            },
        ),
        "add": (200, {"status": "success", "msg": "Đơn hàng đã được tạo thành công", "order": "23501"}),
        "waiting": (200, {"charge": "22500", "start_count": str, "status": "Pending", "remains": "1000"}),
        "status": (200, {"charge": "22500", "start_count": str, "status": "Completed", "remains": "-2"}),
        "statuses": (
            200,
            {
                UNKNOWN: {"error": "error.incorrect_order_id"},
                GOOD: {"charge": "22500", "start_count": str, "status": "Completed", "remains": "-2"},
            },
        ),
        "refill": (200, {"refill": "23501"}),
        "refill_status": (200, [{"refill": "23501", "status": "Completed"}]),
        "refills": (
            200,
            [
                {"order": "99", "refill": {"error": "error.incorrect_order_id"}},
                {"order": "23501", "refill": "23501"},
            ],
        ),
        "refill_statuses": (
            200,
            [
                {"refill": "99", "status": {"error": "error.incorrect_order_id"}},
                {"refill": "23501", "status": "In progress"},
            ],
        ),
        "cancel": (
            200,
            {
                "status": "error",
                "msg": "Missing required parameter: orders",
                "error": "Missing required parameter: orders",
            },
        ),
        "cancels": (
            200,
            [
                {"order": "99", "cancel": {"error": "error.incorrect_order_id"}},
                {"order": "23503", "cancel": 1},
            ],
        ),
        "balance": (200, {"balance": "2477500", "currency": "VND"}),
        "refused": (
            200,
            {"status": "error", "msg": "error.incorrect_order_id", "error": "error.incorrect_order_id"},
        ),
        "no refill": (200, {"refill": {"error": "error.incorrect_order_id"}}),
        "unknown action": (200, {"status": "error", "msg": "The Request Not Found"}),
        "wrong key": (200, {"status": "error", "msg": "Invalid API key", "error": "Invalid API key"}),
    },
    "smartpanel": {
        "services": (200, {**ROW, "service": "1", "dripfeed": "1", "refill": "1", "cancel": "1"}),
        "add": (200, {"status": "success", "order": "23501"}),
        "waiting": (
            200,
            {"order": "23501", "charge": "0.90", "start_count": str, "status": "pending", "remains": "1000"},
        ),
        "status": (
            200,
            {"order": "23501", "charge": "0.90", "start_count": str, "status": "completed", "remains": "0"},
        ),
        "statuses": (
            200,
            {
                UNKNOWN: "Incorrect order ID",
                GOOD: {"order": "23501", "charge": str, "start_count": str, "status": "completed", "remains": "0"},
            },
        ),
        "refill": (200, {"refill": "1"}),
        "refill_status": (200, {"status": "Completed"}),
        "refills": (
            200,
            [{"order": "99", "refill": {"error": "Incorrect order ID"}}, {"order": "23501", "refill": 2}],
        ),
        "refill_statuses": (
            200,
            [{"refill": "99", "status": {"error": "Incorrect refill ID"}}, {"refill": "1", "status": "Completed"}],
        ),
        "cancel": (200, {"error": "There are missing required parameters. Please check your API Manual"}),
        "cancels": (
            200,
            [{"order": "99", "cancel": {"error": "Incorrect order ID"}}, {"order": "23503", "cancel": 1}],
        ),
        "balance": (200, {"status": "success", "balance": "99.10", "currency": "USD"}),
        "refused": (200, {"error": "Incorrect order ID"}),
        "no refill": (200, {"error": "Incorrect order ID"}),
        "unknown action": (200, {"error": "This action is Invalid"}),
        "wrong key": (200, {"error": "API is Disable for this user or User Not Found! Contact the Support  "}),
    },
    "rest": {
        "services": (
            200,
            {
                "service": 1,
                "name": str,
                "category": str,
                "rate": "0.90",
                "min": 10,
                "max": 500_000,
                "refill": True,
                "cancel": True,
            },
        ),
        "add": (200, {"order": 23501}),
        "waiting": (200, {**FIVE, "start_count": int, "status": "Pending", "remains": 1000}),
        "status": (200, {**FIVE, "start_count": int, "remains": 0}),
        "statuses": (
            200,
            {UNKNOWN: {"error": "Incorrect order ID"}, GOOD: {**FIVE, "start_count": int, "remains": 0}},
        ),
        "refill": (200, {"refill": 1}),
        "refill_status": (200, {"status": "completed"}),
        "refills": (200, [{"order": 99, "error": "Incorrect order ID"}, {"order": 23501, "refill": 2}]),
        "refill_statuses": (
            200,
            [{"refill": 99, "error": "Refill not found"}, {"refill": 1, "status": "completed"}],
        ),
        "cancel": (200, {"success": True, "message": "Cancelled and refunded"}),
        "cancels": (200, [{"order": 99, "error": "Incorrect order ID"}, {"order": 23503, "cancel": 1}]),
        "balance": (200, {"balance": "99.10", "currency": "USD"}),
        "refused": (404, {"error": "Incorrect order ID"}),
        "no refill": (404, {"error": "Incorrect order ID"}),
        "unknown action": (400, {"error": "Invalid action"}),
        "wrong key": (400, {"error": "Incorrect request or API key"}),
    },
    "keyed": {
        "services": (200, {**ROW, "rate": "81.00"}),
        "add": (200, {"order": GOOD}),
        "waiting": (
            200,
            {"charge": "81.00", "start_count": "", "status": "Awaiting", "remains": "", "currency": "RUB"},
        ),
        "status": (200, {**FIVE, "currency": "RUB"}),
        "statuses": (
            200,
            {UNKNOWN: {"error": "error.incorrect_order_id"}, GOOD: {**FIVE, "currency": "RUB"}},
        ),
        "refill": (200, {"refill": str}),
        "refill_status": (200, {"status": "Completed"}),
        "refills": (200, {UNKNOWN: {"error": "error.incorrect_order_id"}, GOOD: {"refill": str}}),
        "refill_statuses": (
            200,
            {UNKNOWN: {"error": "error.incorrect_refill_id"}, REFILL: {"status": "Completed"}},
        ),
        "cancel": (200, {"cancel": 2}),
        "cancels": (200, {UNKNOWN: {"error": "error.incorrect_order_id"}, NEXT: {"cancel": "requested"}}),
        "balance": (200, {"balance": "8919.00", "currency": "RUB"}),
        "refused": (200, {"error": "error.incorrect_order_id"}),
        "no refill": (200, {"error": "error.incorrect_order_id"}),
        "unknown action": (200, {"error": "Incorrect action"}),
        "wrong key": (200, {"error": "Invalid API key"}),
    },
    "laravel": {
        "services": (
            200,
            {**ROW, "rate": float, "min": 10, "max": 500_000, "dripfeed": 1, "refill": 1, "cancel": 1},
        ),
        "add": (201, {"order": 23501}),
        "waiting": (
            200,
            {"charge": float, "start_count": None, "status": "Pending", "remains": 1000, "currency": "BRL"},
        ),
        "status": (
            200,
            {"charge": float, "start_count": int, "status": "Completed", "remains": 0, "currency": "BRL"},
        ),
        "statuses": (
            200,
            [
                {"charge": str, "start_count": int, "status": "Completed", "remains": 0, "currency": "BRL"},
                {"error": "Incorrect order ID"},
            ],
        ),
        "refill": (200, {"status": "success", "refill": 1}),
        "refill_status": (200, {"status": "Completed"}),
        "refills": (200, {"status": "success", "refills": [2]}),
        "refill_statuses": (
            200,
            [{"refill": "99", "status": "Not found"}, {"refill": "1", "status": "Completed"}],
        ),
        "cancel": (200, {"status": "success", "order": 23502}),
        "cancels": (200, [{"order": 99, "cancel": {"error": "Incorrect order ID"}}, {"order": 23503, "cancel": 1}]),
        "balance": (200, {"balance": float, "currency": "BRL"}),
        "refused": (200, [{"error": "Incorrect order ID"}]),
        "no refill": (422, {"error": "Incorrect order ID"}),
        "unknown action": (200, ""),
        "wrong key": (200, {"message": "Unauthorized"}),
    },
    "php": {
        "services": (
            200,
            {**ROW, "service": "1", "rate": float, "min": 10, "dripfeed": "1", "refill": "1", "cancel": "1"}
            | {"max": 500_000},
        ),
        "add": (200, {"order": 23501, "charge": 11_250, "currency": "UZS"}),
        "waiting": (200, {**FIVE, "charge": "11,250.00000", "status": "Pending", "remains": "1000", "currency": "UZS"}),
        "status": (200, {**FIVE, "charge": "11,250.00000", "currency": "UZS"}),
        "statuses": (200, {UNKNOWN: {"error": "Incorrect order ID"}, GOOD: {**FIVE, "currency": "UZS"}}),
        "refill": (200, {"refill": 1}),
        # 1 says that a ticket was taken: there is no refill of this id, nor of any other.
        "refill_status": (200, {"error": "Incorrect refill ID"}),
        "refills": (200, [{"order": 99, "refill": {"error": "Incorrect order ID"}}, {"order": 23501, "refill": 1}]),
        "refill_statuses": (
            200,
            [
                {"refill": 99, "status": {"error": "Incorrect refill ID"}},
                {"refill": 1, "status": {"error": "Incorrect refill ID"}},
            ],
        ),
        "cancel": (200, {"error": "Missing parameters"}),
        "cancels": (200, [{"order": 99, "cancel": {"error": "Incorrect order ID"}}, {"order": 23503, "cancel": 1}]),
        "balance": (200, {"balance": "1,238,750.00000", "currency": "UZS"}),
        "refused": (200, {"error": "Incorrect order ID"}),
        "no refill": (200, {"error": "Incorrect order ID"}),
        "unknown action": (200, {"error": "Incorrect action"}),
        "wrong key": (200, {"error": "Incorrect API key"}),
    },
}


def walk(to: Bench) -> tuple[dict[str, Reply], dict[str, str]]:
    """Ask for everything once, and return the answers by name, and what stands for the ids in them."""
    replies = {"services": to.post("services"), "add": to.add()}
    good = to.box.orders[0].id
    replies["balance"] = to.post("balance")
    replies["waiting"] = to.post("status", order=good)
    to.wait()
    replies["status"] = to.post("status", order=good)
    replies["statuses"] = to.post("status", orders=f"{UNKNOWN},{good}")
    replies["refill"] = to.post("refill", order=good)
    refill = replies["refill"].json["refill"]
    to.wait()
    replies["refill_status"] = to.post("refill_status", refill=refill)
    replies["refills"] = to.post("refill", orders=f"{UNKNOWN},{good}")
    replies["refill_statuses"] = to.post("refill_status", refills=f"{UNKNOWN},{refill}")
    replies["cancel"] = to.post("cancel", order=to.order())
    latest = to.order()
    replies["cancels"] = to.post("cancel", orders=f"{UNKNOWN},{latest}")
    replies["refused"] = to.post("status", order=UNKNOWN)
    replies["no refill"] = to.post("refill", order=UNKNOWN)
    replies["unknown action"] = to.post("wallet")
    replies["wrong key"] = to.post("balance", key="wrong")
    return replies, {GOOD: good, NEXT: latest, REFILL: str(refill)}


def is_like(value: object, pattern: object, ids: Mapping[str, str]) -> bool:
    """Return whether a value is what the pattern says, down to its keys and types."""
    if isinstance(pattern, type):
        return type(value) is pattern
    if isinstance(pattern, dict):
        named = {ids.get(name, name): one for name, one in pattern.items()}
        return (
            isinstance(value, dict)
            and value.keys() == named.keys()
            and all(is_like(value[name], one, ids) for name, one in named.items())
        )
    if isinstance(pattern, list):
        return (
            isinstance(value, list)
            and len(value) == len(pattern)
            and all(is_like(one, like, ids) for one, like in zip(value, pattern, strict=True))
        )
    expected = ids.get(pattern, pattern) if isinstance(pattern, str) else pattern
    return type(value) is type(expected) and value == expected


def first_row(catalog: Any) -> object:
    """Return the first row of a catalog, wrapped or not."""
    return (catalog["services"] if isinstance(catalog, dict) else catalog)[0]


def test_every_flavour_has_its_shapes() -> None:
    """The table below the words is whole: a flavour more needs a row more, with an answer to each question."""
    assert list(SHAPES) == list(FLAVOURS)
    assert {frozenset(shapes) for shapes in SHAPES.values()} == {frozenset(SHAPES["perfectpanel"])}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_action_is_answered_in_the_flavours_shape(flavour: str) -> None:
    """Over HTTP, each answer has the status, the content type, the keys and the types of its flavour."""
    with bench("v2", flavour=flavour, seed=1) as to:
        replies, ids = walk(to)
    for name, (status, pattern) in SHAPES[flavour].items():
        reply = replies[name]
        body = "" if not reply.text else first_row(reply.json) if name == "services" else reply.json
        assert (name, reply.status) == (name, status)
        assert is_like(body, pattern, ids), f"{name}: {body} is not {pattern}"
    assert {reply.content_type for reply in replies.values()} == {HTML if flavour in ("cmsnt", "php") else JSON}


def test_the_plain_flavour_is_what_v2_is_by_itself() -> None:
    """A v2 without a flavour answers as perfectpanel, word for word."""
    texts = []
    for options in ({}, {"flavour": "perfectpanel"}):
        with bench("v2", **options) as to:
            texts.append([(name, reply.text) for name, reply in walk(to)[0].items()])
    assert texts[0] == texts[1]
