"""Untranslated dictionary keys (``neworder.error.link_duplicate``) that leak from panels, by their last word.

The words before the last dot differ by panel. A key whose last word is a whole text of a language is not listed again.
"""

from __future__ import annotations

from smmclient.dialect.refusals.table import Fault, Texts
from smmclient.errors import (
    AccountSuspended,
    DuplicateOrder,
    InvalidLink,
    InvalidQuantity,
    UnknownService,
)

__all__ = ["KEYS"]

KEYS: Texts = {
    # Not seen: what would be the key of "unknown error".
    Fault: ("unknown", "server", "failed", "error"),
    AccountSuspended: ("account_banned",),
    DuplicateOrder: ("too_many_orders",),
    InvalidLink: ("link",),
    InvalidQuantity: ("quantity", "min", "max", "min_quantity", "max_quantity", "not_enough_quantity"),
    UnknownService: ("service_inactive",),
}
