"""Events that a panel pushes: proven to be its own, read, and handled once.

How a panel signs is a `Scheme`. Its defaults are ours: no panel documents more than HMAC-SHA256 and a timestamp.

>>> from smmclient.webhooks import Scheme
>>> Scheme().signed
'{timestamp}.{body}'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from smmclient.errors import BadSignature, MissingHeader, StaleTimestamp, WebhookRejected

if TYPE_CHECKING:
    from smmclient.webhooks.asgi import WebhookApp
    from smmclient.webhooks.learning import Findings, learn
    from smmclient.webhooks.payload import BalanceLow, OrderEvent, WebhookEvent, parse
    from smmclient.webhooks.pushes import Pushes
    from smmclient.webhooks.replays import Claim, MemoryReplays, ReplayGuard
    from smmclient.webhooks.scheme import KNOWN_SCHEMES, Scheme, load_scheme
    from smmclient.webhooks.signing import Verified, verify
    from smmclient.webhooks.sqlite import SQLiteReplays
    from smmclient.webhooks.webhook import Webhook

__all__ = [
    "KNOWN_SCHEMES",
    "BadSignature",
    "BalanceLow",
    "Claim",
    "Findings",
    "MemoryReplays",
    "MissingHeader",
    "OrderEvent",
    "Pushes",
    "ReplayGuard",
    "SQLiteReplays",
    "Scheme",
    "StaleTimestamp",
    "Verified",
    "Webhook",
    "WebhookApp",
    "WebhookEvent",
    "WebhookRejected",
    "learn",
    "load_scheme",
    "parse",
    "verify",
]

_ROOMS = {
    "BalanceLow": "payload",
    "Claim": "replays",
    "Findings": "learning",
    "KNOWN_SCHEMES": "scheme",
    "MemoryReplays": "replays",
    "OrderEvent": "payload",
    "Pushes": "pushes",
    "ReplayGuard": "replays",
    "SQLiteReplays": "sqlite",
    "Scheme": "scheme",
    "Verified": "signing",
    "Webhook": "webhook",
    "WebhookApp": "asgi",
    "WebhookEvent": "payload",
    "learn": "learning",
    "load_scheme": "scheme",
    "parse": "payload",
    "verify": "signing",
}


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        found: object = getattr(importlib.import_module(f"smmclient.webhooks.{_ROOMS[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
