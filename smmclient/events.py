"""What a provider tells while it works: frozen records for `Settings.on_event`. No secrets in them."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Attempted", "Event", "OrderInDoubt", "Waiting"]


@frozen(kw_only=True)
class Event:
    """The base of all events: which provider, which of the panel's operations."""

    provider: str
    operation: str


@frozen(kw_only=True)
class Attempted(Event):
    """One request was sent and is over.

    ``attempt`` counts from 1, ``elapsed`` is in seconds, ``status`` is None when no reply came, and ``outcome``
    is ``"ok"`` or the name of the error class that the attempt alone would end in.
    """

    attempt: int
    elapsed: float
    status: int | None
    outcome: str


@frozen(kw_only=True)
class Waiting(Event):
    """A call waits ``seconds`` or more before it is sent or sent again, because of ``reason``."""

    seconds: float
    reason: str


@frozen(kw_only=True)
class OrderInDoubt(Event):
    """The caller cancelled a call that the panel may have received.

    ``order`` is the order that was being placed, the ids that were being refilled or canceled, or the URL or id of the
    webhook that was being added or removed.
    Where it is ``safe_to_repeat`` the same call can be made again with its ``request_id``; else look at the panel.
    """

    order: object
    request_id: str | None
    #: Whether the panel promises to know the call again by its ``request_id``.
    safe_to_repeat: bool = False
