"""Every promise of the contract can be broken, and whoever breaks it is caught by the test that names it."""

from __future__ import annotations

import pytest

from contract.faults import BROKEN
from smmclient import Dialect, Provider, Settings
from smmclient.dialect import V2
from smmclient.panel import Panel
from smmclient.testing import ProviderContract
from smmclient_notpanel import NOTPANEL


class Tried(ProviderContract):
    """The contract for one provider, on one event loop: a fault shows on either."""

    backends = ("asyncio",)

    def __init__(self, kind: type[Panel], dialect: Dialect) -> None:
        self.kind, self.dialect = kind, dialect

    def connect(self, base_url: str, settings: Settings) -> Provider:
        """The provider with the fault."""
        return self.kind(self.dialect, api_key=self.api_key, base_url=base_url, settings=settings)


@pytest.mark.parametrize(
    ("promise", "kind", "dialect"), [pytest.param(*one, id=f"{one[0]}-{one[1].__name__}") for one in BROKEN]
)
def test_a_broken_promise_is_caught(promise: str, kind: type[Panel], dialect: Dialect) -> None:
    """A provider with one fault fails the test that names the promise, and keeps it without the fault."""
    with pytest.raises(AssertionError):
        getattr(Tried(kind, dialect), promise)()
    sound = NOTPANEL if dialect is NOTPANEL else V2
    getattr(Tried(Panel, sound), promise)()


def test_every_promise_can_be_broken() -> None:
    """No test of the contract is one that nobody can fail."""
    promises = {name for name in dir(ProviderContract) if name.startswith("test_")}
    assert promises == {promise for promise, _, _ in BROKEN}
