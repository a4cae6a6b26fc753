"""A webhook as the panel has it: where it pushes what, and the secret that its deliveries are signed with."""

from __future__ import annotations

from attrs import field, frozen

__all__ = ["Webhook"]


@frozen
class Webhook:
    """One address that the panel pushes events to.

    ``events`` are the names that it was asked for, or that the panel says it has; None is the panel's default, all of
    them. ``url``, ``id`` and ``secret`` are None where the reply says none that we can read: ``raw`` then holds what
    came, so that nothing is lost.

    The ``secret`` is shown once, in the reply to ``webhook.add``: put it away at once. No repr shows it, nor ``raw``,
    which holds it too.

    >>> Webhook("https://hooks.example.com/smm", ("order.completed",), secret="whsec_1")
    Webhook(url='https://hooks.example.com/smm', events=('order.completed',), id=None)
    """

    url: str | None
    events: tuple[str, ...] | None = None
    secret: str | None = field(default=None, repr=False)
    id: str | None = None
    raw: object = field(default=None, repr=False, eq=False)
