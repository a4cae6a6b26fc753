"""What happens at a panel by itself and has a name of its own: the words that a panel pushes to its customers.

The four names are NotPanel's (developers/webhooks and its blog). What each is sent for is documented nowhere; here:

* order.completed: everything that was ordered has been delivered;
* order.failed: the panel gave the order up by itself, with nothing delivered;
* order.refunded: money came back, all of it or a part; so an order that failed has both, the failure first;
* balance.low: a charge, or the panel's owner, took the live balance from the threshold or above to below it.

An order that the customer had cancelled has not failed: it is refunded. Nothing is told of an order that starts, or
of one that ends in part without a coin to give back: there are no names for that.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum

from attrs import frozen

from .values import Order, State


class Event(StrEnum):
    """The names of what is told."""

    COMPLETED = "order.completed"
    FAILED = "order.failed"
    REFUNDED = "order.refunded"
    BALANCE_LOW = "balance.low"


@frozen(kw_only=True)
class Happening:
    """One thing that happened to an account: to one of its orders, as it stood then, or to its balance."""

    event: Event
    account: str
    at: float
    about: Order | Decimal

    @property
    def order(self) -> Order | None:
        """The order it happened to, if it did to one."""
        return self.about if isinstance(self.about, Order) else None


Tell = Callable[[Happening], None]
"""Takes what happened, in the order it happened."""


def tell_of_end(order: Order, tell: Tell) -> None:
    """Tell what the end of an order amounts to, which may be nothing, one thing or two."""

    def happened(event: Event) -> None:
        tell(Happening(event=event, account=order.account, at=order.plan.ends_at, about=order))

    if order.plan.fate is State.COMPLETED:
        happened(Event.COMPLETED)
    if order.plan.fate is State.CANCELED and not order.is_cancel_requested:
        happened(Event.FAILED)
    if order.refunded > 0:
        happened(Event.REFUNDED)


def tell_nobody(happening: Happening) -> None:
    """Pass over what happened."""
