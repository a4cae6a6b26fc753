"""NotPanel, as its developer pages document it (notpanel.com/developers, read in 2026).

Quirks and what is unknown: ``docs/panels/notpanel.md``.
"""

from __future__ import annotations

from attrs import frozen

from smmclient.dialect import CachePlan, Capabilities, Dialect, Support
from smmclient.errors import AccountSuspended, Refused
from smmclient.orders import AnyOrder, PackageOrder, SubscriptionOrder
from smmclient.settings import Limit, Scope

__all__ = ["NOTPANEL"]


@frozen(kw_only=True)
class _NotPanel(Dialect):
    def order_parameters(self, order: AnyOrder) -> dict[str, str]:
        """The convention's parameters, with the link and quantity that this panel requires of every order."""
        sent = order.parameters()
        if isinstance(order, SubscriptionOrder):
            # Subscriptions take "a username instead" of the link (page add-order). The other fields of a subscription
            # are not documented there; they are sent as the convention has them.
            sent["link"] = order.username
        if isinstance(order, (PackageOrder, SubscriptionOrder)):
            # Documented as required, and as ignored for these two kinds, which are billed on the service's min.
            sent["quantity"] = "1"
        return sent


NOTPANEL = _NotPanel(
    name="notpanel",
    base_url="https://notpanel.com/api/v2",
    capabilities=Capabilities(
        status_batch=Support.YES,
        refill=Support.YES,
        # No page that could be read mentions refill_status, nor the parameters of comments, mentions or polls.
        refill_status=Support.UNDOCUMENTED,
        cancel=Support.YES,
        dripfeed=Support.YES,
        packages=Support.YES,
        subscriptions=Support.YES,
        typed_orders=Support.UNDOCUMENTED,
        coupon=Support.YES,
        request_id=Support.YES,
        # Page webhooks: how to add one; that one can be removed follows from its advice on changing a secret.
        webhooks=Support.YES,
    ),
    # Page rate-limits: 300 a minute for an address, "typically" 100 for a key; the tier's figure is learnt
    # from replies.
    limits=(Limit(100, 60, Scope.KEY), Limit(300, 60, Scope.ADDRESS)),
    tells_limits=True,
    # Page balance: served from a cache of 30 s, so a second look within 30 s tells nothing new.
    cache=CachePlan(balance=30.0, balance_age=30.0),
    batch_size=100,
    # Page cancel: order= for one, orders= for several.
    list_only=frozenset(),
    texts={"Missing required parameter": Refused, "Account suspended": AccountSuspended},
    statuses={403: AccountSuspended},
    longest_link=1000,
    link_is_url=True,
    interval_needs_runs=True,
    packages_bill_min=True,
)
