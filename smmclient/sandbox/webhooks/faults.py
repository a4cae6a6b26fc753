"""What can go wrong with deliveries, on demand."""

from enum import StrEnum


class WebhookFault(StrEnum):
    """One way for a delivery to go wrong; `seconds` is that of `SandboxWebhooks.fault`."""

    LOSE = "lose"
    """It is never sent, and never repeated."""
    DUPLICATE = "duplicate"
    """Sent again `seconds` after it was taken: the same event id and body, signed anew."""
    REORDER = "reorder"
    """Held back until a later one to the same endpoint has been sent, or for `seconds` if none comes."""
    DELAY = "delay"
    """Sent `seconds` later, and signed then."""
    FORGE = "forge"
    """Before it comes one from somebody without the secret, with an id of its own, that tells lies."""
    REPLAY = "replay"
    """Sent again `seconds` after it was taken, to the byte: an old timestamp, and a signature that fits it."""
    TRUNCATE = "truncate"
    """The first attempt ends in the middle of its body; length and headers look as they should."""


EXTRA = frozenset({WebhookFault.DUPLICATE, WebhookFault.FORGE, WebhookFault.REPLAY})
"""Faults that add an attempt to the panel's own. Whatever it is answered with, it is not repeated."""
