"""Providers with one fault each, by the promise that they break."""

from __future__ import annotations

from contract.faults import arriving, doubt, keyed, life, placing, prices, reading
from contract.faults.base import BROKEN, Broken

__all__ = ["BROKEN", "Broken", "arriving", "doubt", "keyed", "life", "placing", "prices", "reading"]
