"""Example Panel keeps the provider contract; run this by ``pytest``, or by ``python -m unittest``."""

from __future__ import annotations

import unittest
from collections.abc import Mapping

from attrs import evolve
from smmclient_examplepanel import EXAMPLEPANEL

from smmclient import (
    AuthenticationFailed,
    InsufficientFunds,
    InvalidQuantity,
    Provider,
    Refused,
    Settings,
    UnknownOrder,
    UnknownService,
)
from smmclient.panel import Panel
from smmclient.testing import Call, ProviderContract, Request, Speech, reply
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


class TestExamplePanel(ProviderContract, unittest.TestCase):
    speech = ExampleSpeech()
    batch_size = 50

    def connect(self, base_url: str, settings: Settings) -> Provider:
        """What ``smmclient.connect("examplepanel", …)`` makes of the dialect once the package is installed."""
        return Panel(EXAMPLEPANEL, api_key=self.api_key, base_url=base_url, settings=settings)
