"""What one panel speaks: facts as values, calls as forms, replies as results. Pure: no I/O, no clock.

A panel is a `Dialect` value; what it does not set is the convention. An exotic panel subclasses it and
overrides the one method in which it differs.
"""

from __future__ import annotations

from smmclient.dialect.capabilities import Capabilities, Support
from smmclient.dialect.dialect import V2, CachePlan, Dialect
from smmclient.dialect.read import Unreadable
from smmclient.dialect.refusals import Fault

__all__ = ["V2", "CachePlan", "Capabilities", "Dialect", "Fault", "Support", "Unreadable"]
