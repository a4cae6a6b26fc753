"""A verified body becomes an event; what cannot be read without a guess is None, and never a number."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import attrs
import pytest

from deliveries import NOW, payload
from smmclient.errors import WebhookRejected
from smmclient.model import OrderState
from smmclient.webhooks import BalanceLow, OrderEvent, Scheme, Verified, WebhookEvent, parse
from smmclient.webhooks.payload import identity

VERIFIED = Verified(NOW + 7, "hdr_1", "0" * 64)


def body(event: str, **about: object) -> bytes:
    """A body whose data is as given."""
    return payload(event, data=about)


def test_an_order_with_its_row() -> None:
    """An order's event has the order, and its status where the row is there with a charge."""
    event = parse(payload(), verified=VERIFIED)
    assert isinstance(event, OrderEvent)
    assert (event.name, event.id, event.sent_at, event.order) == ("order.completed", "evt_1", NOW, "ord_7")
    assert event.status is not None
    assert (event.status.state, event.status.charge, event.status.remains) == (OrderState.COMPLETED, Decimal("0.50"), 0)
    assert event.status.order == "ord_7"
    assert isinstance(event.raw, dict)
    assert event.raw["event"] == "order.completed"


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"status": "completed"},
        {"status": "completed", "charge": None},
        {"status": "completed", "charge": ""},
        {"status": "completed", "charge": "1,234"},
        {"status": "completed", "charge": "free"},
        {"status": "completed", "charge": "-0.5"},
        {"status": "completed", "charge": True},
        {"status": "completed", "charge": "0.5", "remains": "many"},
        {"status": "completed", "charge": "0.5", "start_count": "1.5"},
        {"status": "done and dusted", "charge": "0.5"},
        {"status": "", "charge": "0.5"},
        {"status": 3, "charge": "0.5"},
        {"status": {"status": "completed"}, "charge": "0.5"},
        {"status": "In progress", "charge": "0.5"},
        {"status": "canceled", "charge": "0.5"},
    ],
)
def test_an_odd_row_is_no_status(about: dict[str, object]) -> None:
    """A row that is missing, bare, odd, or contradicts its event gives no status; the event is there all the same."""
    event = parse(body("order.completed", order="ord_7", **about))
    assert isinstance(event, OrderEvent)
    assert (event.order, event.status) == ("ord_7", None)


@pytest.mark.parametrize(
    ("name", "word", "is_told"),
    [
        ("order.completed", "completed", True),
        ("order.completed", "partial", False),
        ("order.refunded", "partial", True),
        ("order.refunded", "canceled", True),
        ("order.refunded", "completed", False),
        ("order.refunded", "processing", False),
        ("order.refunded", "odd", False),
        ("order.failed", "failed", False),
        ("order.failed", "canceled", False),
        ("order.failed", "completed", False),
        ("order.refill_completed", "completed", False),
        ("order.partial", "partial", False),
        ("order.moved", "processing", False),
    ],
)
def test_a_status_is_told_only_where_the_name_says_that_it_is_final(name: str, word: str, is_told: bool) -> None:
    """Rows of orders that completed or were refunded count; a failure may be refunded yet, other names say nothing."""
    event = parse(body(name, order=7, status=word, charge="0"))
    assert isinstance(event, OrderEvent)
    assert (event.order, event.status is not None) == ("7", is_told)


ROW = {"status": "completed", "charge": "1"}


@pytest.mark.parametrize(
    ("whole", "is_told"),
    [
        ({"data": {"order": "7", "order_id": 7, **ROW}, "order": "7"}, True),
        ({"data": {"order": {"id": "7", **ROW}, "order_id": "7"}}, True),
        ({"data": {"order": "7", **ROW}, "order": "8"}, False),
        ({"data": {"order": "7", **ROW}, "order_id": 8}, False),
        ({"data": {"order": "7", **ROW}, "order": {"id": "8", **ROW}}, False),
        ({"data": {"order": "7", **ROW}, "payload": {"order": "8", **ROW}}, False),
        ({"data": {"order": "7", "order_id": "Followers, cheap", **ROW}}, False),
        ({"data": {"order": {"name": "Followers"}, "order_id": "7", **ROW}}, False),
    ],
)
def test_a_second_order_beside_it(whole: dict[str, object], is_told: bool) -> None:
    """The event is about the order of its data; if another stands outside of it, nobody knows whose row it is."""
    event = parse(json.dumps({"event": "order.completed", **whole}).encode())
    assert isinstance(event, OrderEvent)
    assert (event.order, event.status is not None) == ("7", is_told)


@pytest.mark.parametrize(
    "whole",
    [
        {"data": {"order": "7", "order_id": "8", **ROW}},
        {"data": {"order": {"id": "7", "order_id": "8", **ROW}}},
        {"data": {"order": {"id": "7", **ROW}, "order_id": "8"}},
        {"order": 7, "order_id": 8, **ROW},
    ],
)
def test_two_orders_with_the_same_right(whole: dict[str, object]) -> None:
    """Where nobody can tell which of two orders it is about, it is a plain event, which ends no order."""
    assert type(parse(json.dumps({"event": "order.completed", **whole}).encode())) is WebhookEvent


@pytest.mark.parametrize(
    "whole",
    [
        {"event": "order.completed", "order": "ord_7", "status": "completed", "charge": "1"},
        {"type": "order.completed", "payload": {"order_id": "ord_7", "status": "completed", "charge": "1"}},
        {"event": "order.completed", "data": {"order": {"id": "ord_7", "status": "completed", "charge": 1}}},
    ],
)
def test_other_shapes(whole: dict[str, object]) -> None:
    """Flat, under other usual names, or with the order as an object: the same event."""
    event = parse(json.dumps(whole).encode())
    assert isinstance(event, OrderEvent)
    assert event.order == "ord_7"
    assert event.status is not None
    assert event.status.charge == 1


def test_names_of_the_scheme() -> None:
    """The fields' names are the scheme's; ours are not looked for then."""
    scheme = Scheme(event_fields=["what"], data_fields=["row"], order_fields=["no"], id_fields=["n"])  # type: ignore[arg-type]
    told = {"what": "order.failed", "event": "order.completed", "n": 5, "row": {"no": 9, "order": 8}}
    event = parse(json.dumps(told).encode(), scheme=scheme)
    assert isinstance(event, OrderEvent)
    assert (event.name, event.id, event.order) == ("order.failed", "5", "9")


@pytest.mark.parametrize(
    ("about", "balance", "currency"),
    [
        ({"balance": "4.20", "currency": "USD"}, Decimal("4.20"), "USD"),
        ({"balance": 0}, Decimal(0), None),
        ({"balance": "1,234"}, None, None),
        ({"balance": {}, "currency": []}, None, None),
        ({}, None, None),
    ],
)
def test_a_low_balance(about: dict[str, object], balance: Decimal | None, currency: str | None) -> None:
    """It has the figure as the panel wrote it, or none."""
    event = parse(body("balance.low", **about))
    assert isinstance(event, BalanceLow)
    assert (event.balance, event.currency) == (balance, currency)


@pytest.mark.parametrize(("name", "about"), [("refill.done", {"order": "7"}), ("order.completed", {}), ("ping", {})])
def test_events_that_nobody_knows(name: str, about: dict[str, object]) -> None:
    """An event with another name, or an order's without an order, is a plain event that is worth having."""
    assert type(parse(body(name, **about))) is WebhookEvent


def test_what_the_delivery_knows_fills_in() -> None:
    """Without an id and a time in the body, those of the verified delivery count."""
    event = parse(payload(event_id=None, created_at="yesterday"), verified=VERIFIED)
    assert (event.id, event.sent_at) == ("hdr_1", NOW + 7)
    assert parse(payload(created_at="2023-11-14T22:13:20Z")).sent_at == NOW


@pytest.mark.parametrize(
    "odd",
    [
        *(
            b"",
            b"null",
            b"[]",
            b"7",
            b'"order.completed"',
            b"<html>",
            b"{}",
            b'{"event": null}',
            b'{"event": ""}',
            b"\xff",
        ),
        *(b'{"event": 5}', b'{"event": {"event": "x"}}', b'{"event": "a\\u0000b"}', b'{"event": "%s"}' % (b"x" * 500)),
        b'{"event": "order.completed", "data": {"order": "7", "charge": 1e99999999999999999999}}',
        *(b'{"event": "order.completed"', b"[" * 100_000, b'{"event": ' * 50_000, b'{"event": NaN}'),
    ],
    ids=lambda odd: odd[:24].decode("latin-1"),
)
def test_what_is_no_event(odd: bytes) -> None:
    """A body without an event's name is rejected, and nothing of it is told."""
    with pytest.raises(WebhookRejected) as caught:
        parse(odd)
    assert caught.value.check == "payload"
    assert caught.value.__context__ is None
    assert "html" not in str(caught.value)


def test_the_payload_is_in_no_repr() -> None:
    """What came is kept, and not shown."""
    event = parse(payload(note="private"))
    assert "private" not in repr(event)
    assert "private" in str(event.raw)


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ({}, {"created_at": 1_700_000_500}, True),
        ({}, {"attempt": 2}, True),
        ({}, {"event_id": "evt_2"}, False),
        ({}, {"event": "order.failed"}, False),
        ({}, {"data": {"order": "ord_8"}}, False),
        ({"data": {"order": "7", "status": "processing"}}, {"data": {"order": "7", "status": "completed"}}, False),
    ],
)
def test_which_events_are_the_same(one: dict[str, Any], other: dict[str, Any], are_same: bool) -> None:
    """The same id about the same thing is the same event; what a panel calls an id may be shared by several."""
    tokens = {identity(parse(payload(**fields))) for fields in (one, other)}
    assert len(tokens) == (1 if are_same else 2)
    assert identity(parse(payload(event_id=None))) is None


def test_the_package_is_light() -> None:
    """Receiving needs no HTTP library, no web framework, and no database before one is used."""
    script = (
        "import sys, smmclient, smmclient.webhooks\n"
        "assert 'attrs' not in sys.modules, 'importing the package opens its rooms'\n"
        "from smmclient.webhooks import WebhookApp, SQLiteReplays, learn\n"
        "print([one for one in ('httpx', 'aiohttp', 'sqlite3', 'starlette', 'uvicorn', 'rich') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_public_names() -> None:
    """Each name that the package promises is there, and no other is made up."""
    import smmclient.webhooks

    assert all(getattr(smmclient.webhooks, name).__class__ for name in smmclient.webhooks.__all__)
    assert set(smmclient.webhooks.__all__) <= set(dir(smmclient.webhooks))
    with pytest.raises(AttributeError, match="no attribute"):
        _ = smmclient.webhooks.Nothing


def test_events_are_frozen() -> None:
    """Nobody who is handed an event can change it for the next."""
    event = parse(payload())
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.name = "order.failed"  # type: ignore[misc]
