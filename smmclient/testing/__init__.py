"""What tests of code that uses smmclient need: a clock to turn, a transport with a script, and the contract.

The contract is for providers: a class to inherit, whose tests prove that a provider keeps its promises.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from smmclient.testing.clock import ManualClock
from smmclient.testing.transport import ScriptedTransport, reply

if TYPE_CHECKING:
    from smmclient.testing.contract import Call, ContractPanel, No, ProviderContract, Request, Row, Speech

__all__ = [
    "Call",
    "ContractPanel",
    "ManualClock",
    "No",
    "ProviderContract",
    "Request",
    "Row",
    "ScriptedTransport",
    "Speech",
    "reply",
]


def __getattr__(name: str) -> object:
    # A server, threads and unittest: only for those who test a provider.
    if name in __all__:
        return getattr(importlib.import_module("smmclient.testing.contract"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
