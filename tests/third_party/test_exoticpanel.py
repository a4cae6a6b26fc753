"""Exotic Panel keeps the provider contract, in a language of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from smmclient_examplepanel.exotic import ExoticPanel

from smmclient import AuthenticationFailed, InsufficientFunds, Provider, Refused, Settings, UnknownOrder
from smmclient.testing import Call, No, ProviderContract, Request, Row, Speech, reply
from smmclient.wire import WireReply


class ExoticSpeech(Speech):
    """A language of its own."""

    words: Mapping[type[Refused], str] = {
        AuthenticationFailed: "token unknown",
        InsufficientFunds: "balance too low",
        UnknownOrder: "order unknown",
    }
    # Neither a start count nor a currency.
    status_tells = frozenset({"charge", "remains"})
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
