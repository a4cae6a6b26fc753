"""Writes docs/features.md from the facts of the providers that ship; ``--check`` only says whether it is true."""

from __future__ import annotations

import sys
from pathlib import Path

from attrs import fields

from smmclient.dialect import Capabilities, Dialect
from smmclient.registry import load

PAGE = Path(__file__).with_name("features.md")
PANELS = ("panelbon", "notpanel", "v2")
MARKS = {"yes": "yes", "no": "no", "undocumented": "?"}
MEANINGS = {
    "status_batch": "status of many orders in one call",
    "refill": "refill",
    "refill_status": "status of a refill",
    "cancel": "cancel",
    "dripfeed": "drip-feed (`runs`, `interval`)",
    "packages": "packages",
    "subscriptions": "subscriptions",
    "typed_orders": "comments, mentions, polls and other typed orders",
    "coupon": "coupons",
    "request_id": "idempotency key: a lost reply is settled by asking again",
    "webhooks": "webhooks",
}
HEAD = """\
# What each panel has

Made by `python docs/features.py` from the facts in the code. **yes** and **no** are what the panel documents; **?** is
what its documents pass over, which is tried. What is *no* is refused before anything is sent. `v2` is any other panel:
[own-panels.md](own-panels.md) says how to give one facts of its own, and `smm panels test` prints its row.
"""
FOOT = "Sources and quirks: [panelbon](panels/panelbon.md), [notpanel](panels/notpanel.md), [v2](panels/v2.md).\n"


def page() -> str:
    """The page, from the facts of the providers."""
    dialects = [found for name in PANELS if isinstance(found := load(name), Dialect)]
    rows = [
        (MEANINGS[one.name], *(MARKS[getattr(dialect.capabilities, one.name).value] for dialect in dialects))
        for one in fields(Capabilities)
    ]
    rows += [
        ("ids in one call", *(str(dialect.batch_size) for dialect in dialects)),
        ("limits that are kept", *(limits(dialect) for dialect in dialects)),
        ("tells what is left of a limit", *("yes" if dialect.tells_limits else "?" for dialect in dialects)),
        ("age of its balance", *(f"up to {age:g} s" if (age := one.cache.balance_age) else "?" for one in dialects)),
        ("cost of a package known", *("yes" if dialect.packages_bill_min else "?" for dialect in dialects)),
    ]
    head = ("", *(dialect.name for dialect in dialects))
    table = "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
    return f"{HEAD}\n{table}\n\n{FOOT}"


def limits(dialect: Dialect) -> str:
    """The limits in words."""
    told = [f"{one.rate} in {one.per:g} s for one {one.scope.value}" for one in dialect.limits]
    return ", ".join(told) or "none documented; a 429 is obeyed"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.exists() and PAGE.read_text("utf-8") == page() else f"{PAGE} is not true: run {__file__}")
    PAGE.write_text(page(), "utf-8")
