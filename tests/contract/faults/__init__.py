"""Providers with one fault each, by the promise that they break."""

from __future__ import annotations

from contract.faults import doubt, life, placing, reading
from contract.faults.base import BROKEN

__all__ = ["BROKEN", "doubt", "life", "placing", "reading"]
