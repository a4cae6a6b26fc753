"""Every promise of the contract can be broken, and whoever breaks it is caught by the test that names it."""

from __future__ import annotations

import pytest

from contract.faults import BROKEN, Broken
from contract.faults.keyed import CLAIMS_A_KEY
from smmclient import Dialect, Provider, Settings
from smmclient.panel import Panel
from smmclient.testing import ProviderContract, Speech


class Tried(ProviderContract):
    """The contract for one provider, on one event loop: a fault shows on either."""

    backends = ("asyncio",)

    def __init__(self, kind: type[Panel], dialect: Dialect, speech: Speech) -> None:
        self.kind, self.dialect, self.speech = kind, dialect, speech

    def connect(self, base_url: str, settings: Settings) -> Provider:
        """The provider with the fault."""
        return self.kind(self.dialect, api_key=self.api_key, base_url=base_url, settings=settings)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.promise}-{broken.kind.__name__}")
def test_a_broken_promise_is_caught(broken: Broken) -> None:
    """A provider with one fault fails the test that names the promise, and keeps it without the fault."""
    with pytest.raises(AssertionError):
        getattr(Tried(broken.kind, broken.dialect, broken.speech), broken.promise)()
    getattr(Tried(Panel, broken.sound, broken.speech), broken.promise)()


def test_a_false_claim_says_what_it_costs() -> None:
    """Who claims an idempotency key that the panel does not have is told that orders are made and paid twice."""
    contract = Tried(Panel, CLAIMS_A_KEY, Speech())
    with pytest.raises(AssertionError, match="a second order of it: both are paid"):
        contract.test_an_idempotency_key_is_claimed_where_it_is_kept()
    with pytest.raises(AssertionError, match=r"[2-9] orders were made of one, because the panel does not know"):
        contract.test_a_lost_reply_is_an_unknown_outcome()


def test_every_promise_can_be_broken() -> None:
    """No test of the contract is one that nobody can fail."""
    promises = {name for name in dir(ProviderContract) if name.startswith("test_")}
    assert promises == {broken.promise for broken in BROKEN}
