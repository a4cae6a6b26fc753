"""From who receives events to who waits for orders."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Container
from typing import TYPE_CHECKING
from weakref import WeakSet

from smmclient.errors import UsageError

if TYPE_CHECKING:
    from smmclient.webhooks.payload import OrderEvent, WebhookEvent

__all__ = ["Mailbox", "Pushes"]


class Pushes:
    """Hands the verified events of one panel's account to whoever tracks its orders.

    A `WebhookApp` that is given it publishes into it; ``panel.track(ids, pushes=pushes)`` listens. One for each panel:
    ids of two panels can be the same. It holds nothing back: what nobody tracks at that moment is dropped, and whoever
    begins to track asks the panel first.

    A final status that a push holds is given to who tracks as it is: the panel has signed it. With ``confirm=True`` the
    panel is asked about the order all the same, which costs requests.
    """

    def __init__(self, *, confirm: bool = False) -> None:
        self._confirm = confirm
        self._mailboxes: WeakSet[Mailbox] = WeakSet()

    def publish(self, event: WebhookEvent) -> None:
        """Tell everybody who tracks the event's order; call it on the event loop that tracks.

        The event must have been verified. From another thread: ``anyio.from_thread.run_sync(pushes.publish, event)``.
        """
        if getattr(event, "order", None) is None:
            return
        for mailbox in list(self._mailboxes):
            mailbox.put(event)  # type: ignore[arg-type]

    def subscribe(self, orders: Container[str]) -> Mailbox:
        """A mailbox for events about these orders; it ends when it is dropped."""
        mailbox = Mailbox(orders, takes_status=not self._confirm)
        self._mailboxes.add(mailbox)
        return mailbox


class Mailbox:
    """The events about some orders that were not looked at yet."""

    def __init__(self, orders: Container[str], *, takes_status: bool = True) -> None:
        self._orders = orders
        #: Whether a status that was pushed is an answer.
        self.takes_status = takes_status
        self._events: deque[OrderEvent] = deque()
        self._thread = threading.get_ident()
        #: Called when an event comes.
        self.wake: Callable[[], None] | None = None

    def put(self, event: OrderEvent) -> None:
        """Keep the event if it is about one of the orders, and wake who waits."""
        if event.order not in self._orders:
            return
        if threading.get_ident() != self._thread:
            raise UsageError(
                "publish() was called from another thread than the one that tracks: hand the event over with "
                "anyio.from_thread.run_sync(pushes.publish, event), or loop.call_soon_threadsafe(pushes.publish, event)"
            )
        self._events.append(event)
        if self.wake is not None:
            self.wake()

    def __bool__(self) -> bool:
        return bool(self._events)

    def take(self) -> OrderEvent:
        """The oldest of the events, which is in it no longer."""
        return self._events.popleft()
