"""The providers that ship keep the contract, and the contract needs nothing but smmclient."""

from __future__ import annotations

import subprocess
import sys
import unittest

import pytest
from attrs import evolve

import smmclient
from smmclient import Capabilities, Provider, Settings, Support
from smmclient.dialect import V2
from smmclient.panel import Panel
from smmclient.testing import ProviderContract
from smmclient_notpanel import NOTPANEL
from smmclient_panelbon import PANELBON


class Shipped(ProviderContract):
    dialect = V2

    def connect(self, base_url: str, settings: Settings) -> Provider:
        """What `smmclient.connect` gives, over httpx, without looking for the name each time."""
        return Panel(self.dialect, api_key=self.api_key, base_url=base_url, settings=settings)


class TestV2(Shipped):
    dialect = V2


class TestNotPanel(Shipped):
    dialect = NOTPANEL


class TestPanelBon(Shipped):
    dialect = PANELBON


class TestOneIdACall(Shipped):
    dialect = evolve(V2, capabilities=Capabilities(status_batch=Support.NO, dripfeed=Support.NO, coupon=Support.NO))


def test_every_shipped_panel_is_tried() -> None:
    """No panel ships without the contract."""
    tried = {kind.dialect.name for kind in (TestV2, TestNotPanel, TestPanelBon)}
    ours = {"panelbon", "notpanel", "v2"}
    assert tried == ours <= set(smmclient.providers())


def test_the_contract_needs_no_pytest() -> None:
    """Who has no pytest can import the contract, and run it with unittest."""
    code = "import sys, smmclient.testing.contract as c; print(c.ProviderContract.__name__, 'pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ProviderContract", "False"]

    class OfUnittest(Shipped, unittest.TestCase):
        backends = ("asyncio",)

    names = ["test_an_order_is_placed_once", "test_a_given_request_id_is_sent"]
    result = unittest.TestResult()
    unittest.TestSuite(map(OfUnittest, names)).run(result)
    assert (result.testsRun, result.wasSuccessful()) == (2, True)
    assert [reason for _, reason in result.skipped] == ["v2 has no request_id: its capabilities say NO"]


def test_who_does_not_say_how_to_connect() -> None:
    """A contract without `connect` says what is missing."""
    with pytest.raises(NotImplementedError, match="override connect"):
        ProviderContract().test_says_what_it_is()
