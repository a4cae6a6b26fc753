"""What tests of code that uses smmclient need: a clock to turn, and a transport that answers from a script."""

from __future__ import annotations

from smmclient.testing.clock import ManualClock
from smmclient.testing.transport import ScriptedTransport, reply

__all__ = ["ManualClock", "ScriptedTransport", "reply"]
