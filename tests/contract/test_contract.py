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
from smmclient.testing import Call, ProviderContract, Speech, reply
from smmclient.wire import WireReply
from smmclient_notpanel import NOTPANEL
from smmclient_panelbon import PANELBON


class Shipped(ProviderContract):
    dialect = V2

    def connect(self, base_url: str, settings: Settings) -> Provider:
        """What `smmclient.connect` gives, over httpx, without looking for the name each time."""
        return Panel(self.dialect, api_key=self.api_key, base_url=base_url, settings=settings)


class TestV2(Shipped):
    dialect = V2


class NotPanelSpeech(Speech):
    # Page add-order: two calls with one request_id and the same body are given the same response.
    remembers_request_ids = True
    # What else a receipt holds is not documented.
    receipt_tells = frozenset()


class TestNotPanel(Shipped):
    dialect = NOTPANEL
    speech = NotPanelSpeech()


class PanelBonSpeech(Speech):
    def placed(self, call: Call, order: str, charge: str) -> WireReply:
        """What is paid is in ``final_price``."""
        return reply({"order": order, "original_price": charge, "discount": "0.00", "final_price": charge})


class TestPanelBon(Shipped):
    dialect = PANELBON
    speech = PanelBonSpeech()


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


def test_the_contract_is_imported_by_who_needs_it() -> None:
    """All names of `smmclient.testing` are there, and its server and unittest come with the contract's alone."""
    code = """if True:
        import sys
        import smmclient.testing as testing
        print("smmclient.testing.contract" in sys.modules, "unittest" in sys.modules)
        print(*[getattr(testing, name).__module__ for name in ("ProviderContract", "Speech", "Call", "Request")])
        print(len([getattr(testing, name) for name in testing.__all__]) == len(testing.__all__))
        from smmclient.testing import Call, ContractPanel, No, Row, Speech
    """
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    contract = "smmclient.testing.contract"
    modules = [contract, f"{contract}.speech", f"{contract}.speech", f"{contract}.server"]
    assert done.stdout.split() == ["False", "False", *modules, "True"]
    with pytest.raises(AttributeError, match="no attribute 'Speach'"):
        getattr(smmclient.testing, "Speach")  # noqa: B009 (a name that is not there)
