"""PanelBon as its API page documents it (panelbon.com/app/webapp/api)."""

from collections.abc import Mapping
from random import Random
from time import gmtime
from types import MappingProxyType

from ..values import DEFAULT, Account, Order, Reason, Refusal, Service
from .convention import Dialect
from .forms import Body, Call, Handler, discounted, money

_INVALID = (400, "Invalid parameters")


class PanelBon(Dialect):
    """PanelBon: Default services only, a discount that belongs to the key, no refill, no drip-feed."""

    name = "panelbon"
    path = "/app/api/v2"
    types = (DEFAULT,)
    gateway_words: Mapping[str, str] | None = MappingProxyType({"error": "server error"})

    # Documented: 401 and 400 as below, 404 for the service. The page has one text for every invalid request,
    # so what other panels say in more words is that text here.
    refusals = MappingProxyType(
        {
            **Dialect.refusals,
            Reason.INVALID_KEY: (401, "Invalid API key"),
            # A disabled key is documented to be answered as an invalid one; a suspended account is not
            # mentioned, and taken to be the same.
            Reason.SUSPENDED: (401, "Invalid API key"),
            Reason.UNKNOWN_ACTION: _INVALID,
            Reason.MISSING: _INVALID,
            Reason.MALFORMED: _INVALID,
            # The page gives no ceiling for a batch: beyond the convention's 100 the request is invalid here.
            Reason.TOO_MANY_IDS: _INVALID,
            Reason.BAD_LINK: _INVALID,
            Reason.QUANTITY_BELOW: _INVALID,
            Reason.QUANTITY_ABOVE: _INVALID,
            Reason.UNKNOWN_SERVICE: (404, "Incorrect service ID"),
            Reason.NO_FUNDS: (400, "Insufficient balance"),
            # The text is documented for a row of a batch. The status for a single order is not: 404 is what
            # the same page gives a service that is not there.
            Reason.UNKNOWN_ORDER: (404, "Incorrect order ID"),
            Reason.NOT_CANCELABLE: (400, "Order cannot be canceled"),
            Reason.SERVER_ERROR: (500, "server error"),
        }
    )

    def handlers(self) -> dict[str, Handler]:
        """Return the five actions of the page; a refill is an unknown action."""
        return {
            "services": self.services,
            "add": self.add,
            "status": self.status,
            "cancel": self.cancel,
            "balance": self.balance,
        }

    def order_id(self, number: int, now: float, chance: Random) -> str:
        """Return an id such as CR-202411-0001: the month, and a number."""
        moment = gmtime(now)
        return f"CR-{moment.tm_year:04}{moment.tm_mon:02}-{number:04}"

    def shown_id(self, order_id: str) -> str:
        """Return the id as it is: text."""
        return order_id

    def service_row(self, service: Service, account: Account) -> dict[str, Body]:
        """Return a row at the key's price, with the full price beside it if the key has a discount."""
        row: dict[str, Body] = {
            "service": service.id,
            "name": service.name,
            "type": service.type,
            "category": service.category,
            "rate": money(discounted(service.rate, account.discount)),
        }
        # The page's words suggest that both fields are there for keys with a discount only.
        if account.discount:
            row["original_rate"] = money(service.rate)
            row["discount_percent"] = account.discount
        row |= {
            "min": str(service.min),
            "max": str(service.max),
            "refill": service.refill,
            "cancel": service.cancel,
        }
        return row

    def runs(self, call: Call) -> int:
        """Return 1: drip-feed is not documented, and fields that are not are passed over."""
        return 1

    def added(self, order: Order) -> Body:
        """Return the id with the three prices; the discount is an amount."""
        return {
            "order": order.id,
            "original_price": money(order.original_price),
            "discount": money(order.original_price - order.charge),
            "final_price": money(order.charge),
        }

    def status_batch_row(self, order: Order, now: float) -> Body:
        """Return charge and status only: the page's example of a batch has no other fields."""
        row = self.status_row(order, now)
        return {"charge": row["charge"], "status": row["status"]}

    def cancel(self, call: Call) -> Body:
        """Ask for several orders to be cancelled; a single `order` is not documented, and refused."""
        if not call.has("orders"):
            raise Refusal(Reason.MISSING, field="orders")
        return super().cancel(call)
