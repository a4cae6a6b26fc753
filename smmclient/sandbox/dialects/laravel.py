"""Panels on Laravel, and others that answer a batch with a list that names no ids."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

import msgspec
from attrs import evolve

from ..catalog import build_catalog
from ..values import Account, Order, Reason, Refill, Refusal, Service, State
from .convention import Dialect
from .forms import NOTHING, Body, Call, discounted
from .refusals import refusals_with


class Laravel(Dialect):
    """Laravel panels: lists without ids, 201 for an order, numbers with the noise of floats, null counters.

    From the sources of two panels on Laravel. Refills without pairing, the single cancel and the status that is there
    twice are from the documents of a third panel of the same manner. What such lists say cannot be known.
    """

    currency = "BRL"
    exchange = Decimal("5.4")
    opening_balance = Decimal(540)
    cancels_one = True
    success = MappingProxyType({"add": 201})

    refusals = refusals_with(
        {
            # A body of {"message": …} alone is known from a client that copes with it, not from a panel.
            Reason.INVALID_KEY: "Unauthorized",
            Reason.SUSPENDED: (401, "Your account has been suspended."),
            Reason.MISSING: 422,
            Reason.MALFORMED: 422,
            Reason.UNKNOWN_SERVICE: 422,
            Reason.QUANTITY_BELOW: 422,
            Reason.QUANTITY_ABOVE: 422,
            Reason.NO_FUNDS: 422,
            Reason.UNKNOWN_ORDER: 422,
            Reason.NOT_CANCELABLE: 422,
            Reason.UNKNOWN_REFILL: 404,
        }
    )

    def catalog(self) -> Mapping[int, Service]:
        """Return the services at prices that have been through a float, which is what is shown and charged."""
        factor = float(self.exchange)
        return {
            number: evolve(service, rate=Decimal(repr(float(service.rate) * factor)))
            for number, service in build_catalog(self.types).items()
        }

    def amount(self, amount: Decimal) -> Decimal:
        """Return the amount as a number."""
        return amount

    def refuse(self, refusal: Refusal) -> tuple[int, Body]:
        """Return the refusal; an action that is not there falls through to no body at all."""
        status = self.refusals[refusal.reason][0]
        if refusal.reason is Reason.UNKNOWN_ACTION:
            return 200, NOTHING
        if refusal.reason is Reason.INVALID_KEY:
            return status, {"message": self.text(refusal)}
        return status, {"error": self.text(refusal)}

    def service_row(self, service: Service, account: Account) -> dict[str, Body]:
        """Return a row of numbers, flags too."""
        return {
            "service": service.id,
            "name": service.name,
            "type": service.type,
            "category": service.category,
            "rate": self.amount(discounted(service.rate, account.discount)),
            "min": service.min,
            "max": service.max,
            "dripfeed": int(service.dripfeed),
            "refill": int(service.refill),
            "cancel": int(service.cancel),
        }

    def status(self, call: Call) -> Body:
        """Return one status, or a list of those that were found, oldest first, and of errors behind them."""
        if not call.has("orders"):
            try:
                return super().status(call)
            except Refusal as refusal:
                return [self.row_error(refusal)]
        found: list[Order] = []
        errors: list[Body] = []
        for each in self.ids(call, "orders"):
            try:
                found.append(call.engine.order(call.account, each, now=call.now))
            except Refusal as refusal:
                errors.append(self.row_error(refusal))
        found.sort(key=lambda order: order.number)
        return [self.status_batch_row(order, call.now) for order in found] + errors

    def status_row(self, order: Order, now: float) -> dict[str, Body]:
        """Return the row with numbers, and without a start while nothing has begun."""
        is_waiting = order.plan.state(now) is State.PENDING
        return {
            "charge": self.amount(order.cost),
            "start_count": None if is_waiting else order.start_count,
            "status": self.word(order, now),
            "remains": order.remains(now),
            "currency": self.currency,
        }

    def status_batch_row(self, order: Order, now: float) -> Body:
        """Return the row of a list, in which the charge is text."""
        return self.status_row(order, now) | {"charge": f"{order.cost:f}"}

    def refill(self, call: Call) -> Body:
        """Ask for refills; of several, the ids of those that were accepted come back without their orders."""
        if not call.has("orders"):
            return super().refill(call)
        accepted: list[Body] = []
        for each in self.ids(call, "orders"):
            try:
                accepted.append(self.shown_refill(call.engine.refill(call.account, each, now=call.now)))
            except Refusal:
                continue
        return {"status": "success", "refills": accepted}

    def refilled(self, refill: Refill) -> Body:
        """Return the id beside a status that is not the refill's."""
        return {"status": "success", "refill": self.shown_refill(refill)}

    def refill_status(self, call: Call) -> Body:
        """Return the status of one refill as the second of two in one object, or of several as rows."""
        if not call.has("refills"):
            word = self.refill_word(call, call.text("refill"))
            return msgspec.Raw(f'{{"status":"success","status":"{word}"}}'.encode())
        return [{"refill": each, "status": self._word_or_none(call, each)} for each in self.ids(call, "refills")]

    def _word_or_none(self, call: Call, refill_id: str) -> str:
        try:
            return self.refill_word(call, refill_id)
        except Refusal:
            return "Not found"

    def canceled(self, order: Order) -> Body:
        """Return the id beside a status that is not the order's."""
        return {"status": "success", "order": self.shown_id(order.id)}
