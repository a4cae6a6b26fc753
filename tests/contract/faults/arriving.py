"""Faults in the form of an order."""

from __future__ import annotations

from urllib.parse import quote

from attrs import frozen

from contract.faults.base import breaks
from smmclient import Dialect
from smmclient.orders import AnyOrder
from smmclient.panel import Panel
from smmclient.testing import Call, Request, Speech


@frozen(kw_only=True)
class QuotesLinks(Dialect):
    def order_parameters(self, order: AnyOrder) -> dict[str, str]:
        """The link, quoted once more."""
        sent = order.parameters()
        return {**sent, **({"link": quote(sent["link"], safe=":/")} if "link" in sent else {})}


@frozen(kw_only=True)
class Fixed(Dialect):
    """Some parameters are the same in each order."""

    same: dict[str, str]

    def order_parameters(self, order: AnyOrder) -> dict[str, str]:
        """What is always the same, in place of what was given."""
        return {**order.parameters(), **self.same}


@frozen(kw_only=True)
class Leaves(Dialect):
    """Some parameters are left out."""

    out: frozenset[str]

    def order_parameters(self, order: AnyOrder) -> dict[str, str]:
        """All but those."""
        return {name: value for name, value in order.parameters().items() if name not in self.out}


ARRIVES = "an_order_arrives_as_it_was_given"
DRIPS = "a_drip_feed_arrives_as_it_was_given"
KINDS = "every_kind_of_order_arrives_as_it_was_given"

breaks(ARRIVES, KINDS, dialect=QuotesLinks(name="v2"))(Panel)
for same in ({"quantity": "100"}, {"service": "1"}, {"link": "https://example.com/p"}, {"runs": "2"}):
    breaks(ARRIVES, dialect=Fixed(name="v2", same=same))(Panel)
for one in ("runs", "interval"):
    breaks(DRIPS, KINDS, dialect=Leaves(name="v2", out=frozenset({one})))(Panel)
breaks(DRIPS, dialect=Fixed(name="v2", same={"runs": "2", "interval": "10"}))(Panel)
for one in ("comments", "username", "coupon", "max"):
    breaks(KINDS, dialect=Leaves(name="v2", out=frozenset({one})))(Panel)


class Amounts(Speech):
    """A panel that calls the quantity ``amount``."""

    def hear(self, request: Request) -> Call:
        """The quantity arrives as ``amount``."""
        call = super().hear(request)
        fields = {"quantity" if name == "amount" else name: value for name, value in call.fields.items()}
        return Call(call.action, call.key, call.ids, call.several, call.request_id, fields)


@frozen(kw_only=True)
class SendsAmount(Dialect):
    """The quantity goes by another name."""

    always: str | None = None

    def order_parameters(self, order: AnyOrder) -> dict[str, str]:
        """The quantity as ``amount``."""
        sent = order.parameters()
        if "quantity" in sent:
            sent["amount"] = self.always or sent["quantity"]
            del sent["quantity"]
        return sent


breaks(ARRIVES, dialect=SendsAmount(name="v2", always="100"), speech=Amounts(), sound=SendsAmount(name="v2"))(Panel)
