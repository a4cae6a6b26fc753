"""The provider contract: tests that a provider inherits to prove that it keeps what `smmclient.Provider` promises.

::

    import smmclient
    from smmclient.testing import ProviderContract

    class TestMyPanel(ProviderContract):
        def connect(self, base_url, settings):
            return smmclient.connect("mypanel", api_key=self.api_key, base_url=base_url, settings=settings)

pytest runs it as it stands. unittest looks for `unittest.TestCase` only: inherit ``(ProviderContract,
unittest.TestCase)``, and both run it. Each test serves a
panel on a loopback port, which counts what reaches it, and runs on asyncio and, where it is installed, on trio. A test
whose feature the provider's capabilities deny is skipped, and says so.

What your panel says otherwise than the convention, say in a `Speech` of your own. A promise that your provider cannot
keep, override with a test that is expected to fail, and that says why.
"""

from __future__ import annotations

from smmclient.testing.contract.arriving import Arriving
from smmclient.testing.contract.doubt import Doubt
from smmclient.testing.contract.failures import Failures
from smmclient.testing.contract.keyed import Keyed
from smmclient.testing.contract.life import Life
from smmclient.testing.contract.panel import ContractPanel
from smmclient.testing.contract.placing import Placing
from smmclient.testing.contract.prices import Prices
from smmclient.testing.contract.reading import Reading
from smmclient.testing.contract.secrets import Secrets
from smmclient.testing.contract.server import Request
from smmclient.testing.contract.speech import Call, No, Row, Speech
from smmclient.testing.contract.wishes import Wishes

__all__ = ["Call", "ContractPanel", "No", "ProviderContract", "Request", "Row", "Speech"]


class ProviderContract(Life, Secrets, Reading, Prices, Placing, Arriving, Keyed, Doubt, Wishes, Failures):
    """All promises of `smmclient.Provider`, as tests. Override `connect`, and what is said otherwise."""
