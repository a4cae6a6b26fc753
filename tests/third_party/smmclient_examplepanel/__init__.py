"""Example Panel: an imaginary panel that speaks the convention, with words, limits and an order form of its own."""

from __future__ import annotations

from attrs import frozen

from smmclient.dialect import Capabilities, Dialect, Fault, Support
from smmclient.errors import AuthenticationFailed, InsufficientFunds, InvalidQuantity, UnknownOrder, UnknownService
from smmclient.orders import AnyOrder
from smmclient.settings import Limit, Scope

__all__ = ["EXAMPLEPANEL"]


@frozen(kw_only=True)
class _ExamplePanel(Dialect):
    def order_parameters(self, order: AnyOrder) -> dict[str, str]:
        """The convention's parameters; this panel calls the link ``target``."""
        sent = order.parameters()
        if "link" in sent:
            sent["target"] = sent.pop("link")
        return sent


EXAMPLEPANEL = _ExamplePanel(
    name="examplepanel",
    base_url="https://panel.example/api/v2",
    # The page lists its actions and says that there are no others, so what it passes over is NO.
    capabilities=Capabilities(
        status_batch=Support.YES,
        refill=Support.NO,
        refill_status=Support.NO,
        cancel=Support.YES,
        dripfeed=Support.YES,
        packages=Support.NO,
        subscriptions=Support.NO,
        typed_orders=Support.NO,
        coupon=Support.NO,
    ),
    limits=(Limit(120, 60), Limit(600, 60, Scope.ADDRESS)),
    batch_size=50,
    texts={
        "Who are you?": AuthenticationFailed,
        "Your wallet is empty": InsufficientFunds,
        "No such listing": UnknownService,
        "That is too few": InvalidQuantity,
        "Never heard of that order": UnknownOrder,
        # Its own supplier did not answer: whether the order was placed is unknown.
        "Supplier asleep": Fault,
    },
    charge_field="paid",
)
