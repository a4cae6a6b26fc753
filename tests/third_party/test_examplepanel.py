"""Both panels keep the provider contract."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from attrs import evolve
from smmclient_examplepanel import EXAMPLEPANEL
from smmclient_examplepanel.exotic import ExoticPanel

from smmclient import (
    AuthenticationFailed,
    InsufficientFunds,
    InvalidQuantity,
    Order,
    Provider,
    Refused,
    Settings,
    UnknownOrder,
    UnknownService,
)
from smmclient.panel import Panel
from smmclient.testing import ProviderContract, reply
from smmclient.testing.contract import Call, No, Request, Row, Speech
from smmclient.wire import WireReply


class ExampleSpeech(Speech):
    """The convention, in its own words and with its own names."""

    words: Mapping[type[Refused], str] = {
        AuthenticationFailed: "Who are you?",
        InsufficientFunds: "Your wallet is empty!",
        UnknownService: "No such listing",
        InvalidQuantity: "That is too few",
        UnknownOrder: "Never heard of that order",
    }

    def hear(self, request: Request) -> Call:
        """The link arrives as ``target``."""
        call = super().hear(request)
        fields = dict(call.fields)
        if "target" in fields:
            fields["link"] = fields.pop("target")
        return evolve(call, fields=fields)

    def placed(self, call: Call, order: str, charge: str) -> WireReply:
        """The price is in ``paid``."""
        return reply({"order": order, "paid": charge})


class TestExamplePanel(ProviderContract):
    speech = ExampleSpeech()
    batch_size = 50

    def connect(self, base_url: str, settings: Settings) -> Provider:
        """What ``smmclient.connect("examplepanel", …)`` makes of the dialect once the package is installed."""
        return Panel(EXAMPLEPANEL, api_key=self.api_key, base_url=base_url, settings=settings)


class ExoticSpeech(Speech):
    """A language of its own."""

    words: Mapping[type[Refused], str] = {
        AuthenticationFailed: "token unknown",
        InsufficientFunds: "balance too low",
        UnknownOrder: "order unknown",
    }
    actions: Mapping[str, str] = {
        "account.funds": "balance",
        "goods.list": "services",
        "orders.make": "add",
        "orders.find": "status",
        "orders.stop": "cancel",
    }

    def hear(self, request: Request) -> Call:
        """One JSON object a call."""
        asked = msgspec.json.decode(request.body)
        params = asked["params"]
        ids = tuple(params.pop("numbers", ()))
        return Call(self.actions[asked["method"]], asked["token"], ids, several=True, fields=params)

    def placed(self, call: Call, order: str, charge: str) -> WireReply:
        """An order was made."""
        return _good({"number": order, "cost": charge})

    def refusal(self, call: Call, text: str) -> WireReply:
        """The call is refused."""
        return reply({"ok": False, "why": text})

    def contradiction(self, call: Call, order: str, text: str) -> WireReply | None:
        """No and yes at once."""
        return reply({"ok": False, "why": text, "result": {"number": order}})

    def balance(self, call: Call, amount: str, currency: str) -> WireReply:
        """What is left."""
        return _good({"left": amount})

    def catalog(self, call: Call, rows: Sequence[Mapping[str, object]]) -> WireReply:
        """The goods."""
        names = {"service": "item", "name": "title", "rate": "per_thousand", "min": "from", "max": "to"}
        return _good([{own: row[name] for name, own in names.items()} for row in rows])

    def statuses(self, call: Call, rows: Mapping[str, Row]) -> WireReply:
        """Where orders stand."""
        return _good({one: {"why": row.text} if isinstance(row, No) else _stage(row) for one, row in rows.items()})

    def cancellations(self, call: Call, rows: Mapping[str, Row]) -> WireReply:
        """Orders that are being stopped."""
        return _good({one: {"why": r.text} if isinstance(r, No) else {"stage": "stopping"} for one, r in rows.items()})


def _good(result: object) -> WireReply:
    return reply({"ok": True, "result": result})


def _stage(row: Row) -> dict[str, str]:
    assert isinstance(row, Mapping)
    return {"stage": row["status"], "cost": row["charge"], "left": row["remains"]}


class TestExoticPanel(ProviderContract):
    speech = ExoticSpeech()
    batch_size = 20

    def connect(self, base_url: str, settings: Settings) -> Provider:
        """The provider itself."""
        return ExoticPanel(api_key=self.api_key, base_url=base_url, settings=settings)


ORDER = Order(service=1, link="https://example.com/p", quantity=10)
REPLIES = json.loads((Path(__file__).parent / "replies.json").read_text("utf-8"))


@pytest.mark.parametrize("case", REPLIES, ids=lambda case: case["body"])
def test_recorded_replies(case: dict[str, Any]) -> None:
    """Each recorded reply gives its value, field by field, or its error."""
    try:
        receipt = EXAMPLEPANEL.read(reply(case["body"], case["status"]), EXAMPLEPANEL.add(ORDER, None))
    except Exception as error:
        assert type(error).__name__ == case["expect"]
    else:
        assert {name: str(getattr(receipt, name)) for name in case["expect"]} == case["expect"]


def test_its_own_form() -> None:
    """Example Panel is sent a ``target`` where the convention has a link."""
    form = dict(EXAMPLEPANEL.add(ORDER, None).form)
    assert (form["target"], "link" in form) == ("https://example.com/p", False)
