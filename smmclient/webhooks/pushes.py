"""From who receives events to who waits for orders."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakSet

from attrs import evolve

from smmclient.errors import UsageError

if TYPE_CHECKING:
    from smmclient.webhooks.payload import OrderEvent, WebhookEvent

__all__ = ["Mailbox", "Pushes"]


class Pushes:
    """Hands the verified events of one panel to whoever tracks its orders.

    A `WebhookApp` that is given it publishes into it; ``panel.track(ids, pushes=pushes)`` listens. One for each panel:
    ids of two panels can be the same. It holds nothing back: what nobody tracks at that moment is dropped, and whoever
    begins to track asks the panel first.

    A final status that a push holds is given to who tracks as it is: the panel has signed it. With ``confirm=True`` the
    panel is asked about the order all the same, which costs requests.
    """

    def __init__(self, *, confirm: bool = False) -> None:
        self._confirm = confirm
        #: Whose they are; not the account's digest, because keys are rotated.
        self._panel: str | None = None
        self._mailboxes: WeakSet[Mailbox] = WeakSet()

    def publish(self, event: WebhookEvent) -> None:
        """Tell everybody who tracks the event's order; call it on the event loop that tracks.

        The event must have been verified. From another thread: ``anyio.from_thread.run_sync(pushes.publish, event)``.
        """
        if getattr(event, "order", None) is None:
            return
        elsewhere = False
        for mailbox in list(self._mailboxes):
            elsewhere |= not mailbox.put(event)  # type: ignore[arg-type]
        if elsewhere:
            raise UsageError(
                "publish() was called from another thread than one that tracks: hand the event over with "
                "anyio.from_thread.run_sync(pushes.publish, event), or loop.call_soon_threadsafe(pushes.publish, event)"
            )

    def subscribe(self, orders: Container[str], *, panel: str) -> Mailbox:
        """A mailbox for events about these orders of the panel; it ends when it is dropped."""
        if self._panel not in (None, panel):
            raise UsageError(
                "these pushes are another panel's: ids of two panels can be the same, so make a Pushes for each"
            )
        self._panel = panel
        mailbox = Mailbox(orders, takes_status=not self._confirm)
        self._mailboxes.add(mailbox)
        return mailbox


class Mailbox:
    """The events about some orders that were not looked at yet: the last of each."""

    def __init__(self, orders: Container[str], *, takes_status: bool = True) -> None:
        self._orders = orders
        #: Whether a status that was pushed is an answer.
        self.takes_status = takes_status
        self._events: dict[str, OrderEvent] = {}
        self._thread: int | None = None
        self._wake: Callable[[], None] | None = None

    def put(self, event: OrderEvent) -> bool:
        """Keep the event if it is about one of the orders, and wake who waits; False if that is in another thread."""
        if event.order not in self._orders:
            return True
        if self._thread not in (None, threading.get_ident()):
            return False
        before = self._events.get(event.order)
        if before is not None and before.status is not None and event.status != before.status:
            # Which of two came last is not known: the panel is.
            event = evolve(event, status=None)
        self._events[event.order] = event
        if self._wake is not None:
            self._wake()
        return True

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """While the block lasts an event calls ``wake``; it has to come on this thread from now on."""
        self._thread, self._wake = threading.get_ident(), wake
        try:
            yield
        finally:
            self._wake = None

    def __bool__(self) -> bool:
        return bool(self._events)

    def take(self) -> OrderEvent:
        """One of the events, which is in it no longer: the order's that was pushed first."""
        return self._events.pop(next(iter(self._events)))
