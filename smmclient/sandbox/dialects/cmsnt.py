"""Vietnamese panels on the CMSNT script, and those that have copied its text."""

from collections.abc import Mapping
from decimal import Decimal

from attrs import evolve

from ..kinds import kind_of
from ..values import Account, Order, Reason, Refill, Refusal, Service
from .convention import Dialect
from .forms import Body, Call, discounted
from .refusals import refusals_with


class Cmsnt(Dialect):
    """CMSNT: JSON that calls itself HTML, status and msg around everything, VND, prices per package.

    From the script's source and the documents of panels that run it: envelopes, null categories, a refill known
    by its order's id and its status a list of one or null. Decimal commas and orders that deliver
    more than was asked (remains "-2") are in documents of the same text.
    """

    content_type = "text/html; charset=UTF-8"
    currency = "VND"
    exchange = Decimal(25_000)
    smallest = Decimal(1)
    opening_balance = Decimal(2_500_000)
    cuts_batches = True
    surplus = 2

    # The script's own texts are keys of a dictionary; those of rows are in Vietnamese, and not known word for word.
    refusals = refusals_with(
        {
            Reason.UNKNOWN_ACTION: "The Request Not Found",
            Reason.UNKNOWN_SERVICE: "error.incorrect_service_id",
            Reason.BAD_LINK: "neworder.error.link",
            Reason.QUANTITY_BELOW: "neworder.error.min_quantity",
            Reason.QUANTITY_ABOVE: "neworder.error.max_quantity",
            Reason.NO_FUNDS: "neworder.error.not_enough_funds",
            Reason.UNKNOWN_ORDER: "error.incorrect_order_id",
            Reason.UNKNOWN_REFILL: "error.incorrect_refill_id",
        }
    )

    def catalog(self) -> Mapping[int, Service]:
        """Return the services; for packages the rate is the price of one, not of a thousand units."""
        # Documented as a rate per 1 for Package, Subscriptions and Custom Comments Package. What the 1 is, is not: here
        # it is one package.
        return {
            number: evolve(service, rate=service.rate * service.min / 1000, priced_per=service.min)
            if kind_of(service.type).counted_by is None
            else service
            for number, service in super().catalog().items()
        }

    def amount(self, amount: Decimal) -> str:
        """Return whole dong, with a decimal comma where there is more to it."""
        return f"{amount.normalize():f}".replace(".", ",")

    def shown_id(self, order_id: str) -> str:
        """Return the id as text."""
        return order_id

    def shown_refill(self, refill: Refill) -> str:
        """Return the order's own id: a refill has no other."""
        return refill.order

    def refuse(self, refusal: Refusal) -> tuple[int, Body]:
        """Return the envelope; an action that is not there has no `error` in it."""
        text = self.text(refusal)
        body: dict[str, Body] = {"status": "error", "msg": text}
        if refusal.reason is not Reason.UNKNOWN_ACTION:
            body["error"] = text
        return self.refusals[refusal.reason][0], body

    def service_row(self, service: Service, account: Account) -> dict[str, Body]:
        """Return a row with a platform in place of a category."""
        return {
            "service": service.id,
            "name": service.name,
            "desc": "",
            "type": service.type,
            "category": None,
            "platform": service.category.split()[0],
            "rate": self.amount(discounted(service.rate, account.discount)),
            "min": str(service.min),
            "max": str(service.max),
            "refill": service.refill,
            "cancel": service.cancel,
            "dripfeed": service.dripfeed,
        }

    def added(self, order: Order) -> Body:
        """Return the id in the envelope, whose status is not the order's."""
        return {"status": "success", "msg": "Đơn hàng đã được tạo thành công", "order": order.id}

    def status_row(self, order: Order, now: float) -> dict[str, Body]:
        """Return the row without a currency."""
        row = super().status_row(order, now)
        del row["currency"]
        return row

    def refill(self, call: Call) -> Body:
        """Ask for a refill; the error of a single one stands under `refill`."""
        try:
            return super().refill(call)
        except Refusal as refusal:
            if call.has("orders"):
                raise
            return {"refill": self.row_error(refusal)}

    def refilled(self, refill: Refill) -> Body:
        """Return the order's own id."""
        return {"refill": refill.order}

    def refill_status(self, call: Call) -> Body:
        """Return the status of one refill as a list of one row, or null where there is none."""
        if call.has("refills"):
            return super().refill_status(call)
        asked = call.text("refill")
        try:
            return [{"refill": asked, "status": self.refill_word(call, asked)}]
        except Refusal:
            return None

    def refill_word(self, call: Call, refill_id: str) -> str:
        """Return the word for the last refill of the order that the id names."""
        return self.refill_words[call.engine.last_refill(call.account, refill_id, now=call.now).state(call.now)]
