"""Panels that answer with objects keyed by id wherever they can."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from types import MappingProxyType
from uuid import UUID

from ..values import DEFAULT, Account, Order, Reason, Refill, Refusal, Service, State
from .convention import Dialect
from .forms import Body, Call, discounted
from .refusals import refusals_with


class Keyed(Dialect):
    """Objects keyed by id: every batch, a catalog in a wrapper, ids of every kind, a link taken once at a time.

    Gathered from several panels' documents and sources: keyed rows, wrapped catalogs, opaque ids of services, orders
    and refills, texts that are keys of a dictionary, the words Awaiting and Fail, and a rate limit behind a 200.
    No panel is known that does all of it.
    """

    currency = "RUB"
    exchange = Decimal(90)
    opening_balance = Decimal(9_000)
    cuts_batches = True
    cancels_one = True
    one_order_a_link = True

    words = MappingProxyType({**Dialect.words, State.PENDING: "Awaiting"})
    failed_word = "Fail"
    refusals = refusals_with(
        {
            Reason.UNKNOWN_SERVICE: "error.incorrect_service_id",
            Reason.BAD_LINK: "neworder.error.invalid_link",
            Reason.DUPLICATE: "neworder.error.link_duplicate",
            Reason.QUANTITY_BELOW: "neworder.error.min_quantity",
            Reason.QUANTITY_ABOVE: "neworder.error.max_quantity",
            Reason.NO_FUNDS: "neworder.error.not_enough_funds",
            Reason.UNKNOWN_ORDER: "error.incorrect_order_id",
            Reason.UNKNOWN_REFILL: "error.incorrect_refill_id",
            Reason.RATE_LIMITED: 200,
            # One server for many panels: a host or a path that it does not know is a panel that it does not know.
            Reason.WRONG_PATH: "Unknown panel",
        }
    )

    def order_id(self, number: int, now: float, chance: Random) -> str:
        """Return an id such as ORD1A2B3C4D."""
        return f"ORD{chance.getrandbits(32):08X}"

    def refill_id(self, number: int, now: float, chance: Random) -> str:
        """Return a UUID."""
        return str(UUID(int=chance.getrandbits(128), version=4))

    def shown_id(self, order_id: str) -> str:
        """Return the id as it is: text."""
        return order_id

    def shown_refill(self, refill: Refill) -> str:
        """Return the id as it is: text, in a batch too."""
        return refill.id

    def services(self, call: Call) -> Body:
        """Return the catalog in a wrapper."""
        return {"services": super().services(call)}

    def service_row(self, service: Service, account: Account) -> dict[str, Body]:
        """Return a row without a word about refill, cancel and drip-feed."""
        return {
            "service": _shown_service(service),
            "name": service.name,
            "type": service.type,
            "category": service.category,
            "rate": self.amount(discounted(service.rate, account.discount)),
            "min": str(service.min),
            "max": str(service.max),
        }

    def find_service(self, call: Call) -> Service:
        """Return the service of this id, which need not be a number."""
        asked = call.text("service")
        for service in call.engine.catalog.values():
            if str(_shown_service(service)) == asked:
                return service
        raise Refusal(Reason.UNKNOWN_SERVICE, field="service")

    def status_row(self, order: Order, now: float) -> dict[str, Body]:
        """Return the row, without counters while nothing has begun."""
        row = super().status_row(order, now)
        is_waiting = order.plan.state(now) is State.PENDING
        return row | {"start_count": "", "remains": ""} if is_waiting else row

    def batch(self, call: Call, ids: str, id_name: str, name: str, ask: Callable[[str], Body]) -> Body:
        """Return an object keyed by id."""
        rows: dict[str, Body] = {}
        for each in self.ids(call, ids):
            try:
                rows[each] = {name: ask(each)}
            except Refusal as refusal:
                rows[each] = self.row_error(refusal)
        return rows

    def cancel(self, call: Call) -> Body:
        """Ask for orders to be cancelled; in a batch the good rows say requested."""
        if not call.has("orders"):
            return super().cancel(call)

        def ask(order_id: str) -> Body:
            call.engine.cancel(call.account, order_id, now=call.now)
            return "requested"

        return self.batch(call, "orders", "order", "cancel", ask)

    def canceled(self, order: Order) -> Body:
        """Return the number of the request, which is not the order's id."""
        return {"cancel": order.number}


def _shown_service(service: Service) -> int | str:
    # Some panels have numbers, some the ids of whom they buy from: here what is not Default is bought.
    return service.id if service.type == DEFAULT else f"srv_{service.id}"
