"""What tests of code that uses smmclient need: a clock to turn, a transport with a script, and the contract.

The contract is for providers: a class to inherit, whose tests prove that a provider keeps its promises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smmclient.testing.clock import ManualClock
from smmclient.testing.transport import ScriptedTransport, reply

if TYPE_CHECKING:
    from smmclient.testing.contract import ProviderContract

__all__ = ["ManualClock", "ProviderContract", "ScriptedTransport", "reply"]


def __getattr__(name: str) -> object:
    # A server, threads and unittest: only for those who test a provider.
    if name == "ProviderContract":
        from smmclient.testing.contract import ProviderContract

        return ProviderContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
