"""Newer panels that were written by hand, with HTTP in mind."""

from types import MappingProxyType

import msgspec
from attrs import evolve

from ..values import DEFAULT, Account, Order, Reason, Refill, RefillState, Refusal, Service, State
from .convention import Dialect
from .forms import Body, Call, Handler, discounted
from .refusals import refusals_with

_MOST_IN_ADD_MULTI = 50


class Rest(Dialect):
    """REST-like panels: real HTTP statuses, whole numbers as numbers, flat errors, several orders in one call.

    From the documents of two panels, and a panel server that was run: they differ in details, and share the manner.
    """

    cancels_one = True
    # Asked for by the panel that was run; the documents do not mention it.
    retry_after = 60

    refill_words = MappingProxyType(
        {
            RefillState.IN_PROGRESS: "pending",
            RefillState.COMPLETED: "completed",
            RefillState.REJECTED: "rejected",
        }
    )
    refusals = refusals_with(
        {
            Reason.INVALID_KEY: (400, "Incorrect request or API key"),
            Reason.SUSPENDED: 403,
            Reason.UNKNOWN_ACTION: (400, "Invalid action"),
            Reason.MISSING: 400,
            Reason.MALFORMED: 400,
            Reason.TOO_MANY_IDS: 400,
            Reason.UNKNOWN_SERVICE: (404, "Service not found"),
            Reason.BAD_LINK: (400, "Link is required"),
            Reason.QUANTITY_BELOW: (400, "Quantity too low. Minimum: {limit}"),
            Reason.QUANTITY_ABOVE: (400, "Quantity out of bounds"),
            Reason.NO_DRIPFEED: 400,
            Reason.BAD_COUPON: 400,
            Reason.NO_FUNDS: 402,
            Reason.UNKNOWN_ORDER: 404,
            Reason.NOT_CANCELABLE: 422,
            Reason.NOT_REFILLABLE: 422,
            Reason.NOT_FINISHED: (422, "The order is not completed"),
            Reason.REFILL_CAP: 422,
            Reason.REFILL_ACTIVE: 422,
            Reason.UNKNOWN_REFILL: (422, "Refill not found"),
            Reason.RATE_LIMITED: "Too many requests. Limit 50/minute.",
        }
    )

    def handlers(self) -> dict[str, Handler]:
        """Return the convention's actions, and add_multi."""
        return {**super().handlers(), "add_multi": self.add_multi}

    def service_row(self, service: Service, account: Account) -> dict[str, Body]:
        """Return a row with numbers for the bounds, and a type only where it is not Default."""
        # The panel this is from sells nothing else and has no types at all. Here the other types have to be told.
        row: dict[str, Body] = {"service": service.id, "name": service.name}
        if service.type != DEFAULT:
            row["type"] = service.type
        return row | {
            "category": service.category,
            "rate": self.amount(discounted(service.rate, account.discount)),
            "min": service.min,
            "max": service.max,
            "refill": service.refill,
            "cancel": service.cancel,
        }

    def status_row(self, order: Order, now: float) -> dict[str, Body]:
        """Return the row with numbers for what is counted."""
        return super().status_row(order, now) | {"start_count": order.start_count, "remains": order.remains(now)}

    def shown_refill(self, refill: Refill) -> int:
        """Return the id as a number."""
        return int(refill.id)

    def refilled(self, refill: Refill) -> Body:
        """Return the id as a number, for a single refill too."""
        return {"refill": self.shown_refill(refill)}

    def canceled(self, order: Order) -> Body:
        """Return a flag and words, without the order's id."""
        # The first text is documented. What an order that is running gets is not: its cancel is decided later.
        is_stopped = order.is_settled and order.plan.fate is State.CANCELED
        return {"success": True, "message": "Cancelled and refunded" if is_stopped else "Cancel requested"}

    def batch_error(self, name: str, error: Body) -> dict[str, Body]:
        """Return the error flat in the row."""
        return dict(error) if isinstance(error, dict) else {"error": error}

    def add_multi(self, call: Call) -> Body:
        """Place several orders, given as a JSON list, and return a row for each: an id, or an error."""
        try:
            forms = msgspec.json.decode(call.text("orders"), type=list[dict[str, str | int]])
        except msgspec.MsgspecError:
            raise Refusal(Reason.MALFORMED, field="orders") from None
        if len(forms) > _MOST_IN_ADD_MULTI:
            raise Refusal(Reason.TOO_MANY_IDS, field="orders", limit=_MOST_IN_ADD_MULTI)
        return [self._one_of_many(call, form) for form in forms]

    def _one_of_many(self, call: Call, form: dict[str, str | int]) -> Body:
        try:
            return self.add(evolve(call, form={name: str(value) for name, value in form.items()}))
        except Refusal as refusal:
            return self.row_error(refusal)
