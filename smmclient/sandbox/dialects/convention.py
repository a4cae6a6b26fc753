"""The API v2 convention as most panels answer it, and the ground that a panel's own dialect stands on.

A dialect turns a form into calls of the engine and what comes back into a body. It knows no HTTP beyond the
status of a refusal. Where a panel's documents are silent, its dialect inherits the majority's way from here.
"""

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType

from ..limits import Limits
from ..values import (
    CUSTOM_COMMENTS,
    DEFAULT,
    PACKAGE,
    SUBSCRIPTIONS,
    Account,
    Draft,
    Order,
    Reason,
    Refill,
    RefillState,
    Refusal,
    Service,
    State,
)
from .forms import Body, Call, Handler, comment_lines, discounted, money


class Dialect:
    """A panel that follows the convention to the letter; panels with ways of their own override these."""

    name = "v2"
    path = "/api/v2"
    currency = "USD"
    types: tuple[str, ...] = (DEFAULT, PACKAGE, SUBSCRIPTIONS, CUSTOM_COMMENTS)
    limits = Limits()
    balance_max_age = 0.0
    # 100 is what most documents say. Servers differ on more than that: some cut the list without a word, some
    # refuse it. The sandbox refuses, so that a client that sends too many is seen.
    batch_limit = 100
    refills_per_order = 3
    gateway_words: Mapping[str, str] | None = None

    words: Mapping[State, str] = MappingProxyType(
        {
            State.PENDING: "Pending",
            State.IN_PROGRESS: "In progress",
            State.COMPLETED: "Completed",
            State.PARTIAL: "Partial",
            State.CANCELED: "Canceled",
        }
    )
    refill_words: Mapping[RefillState, str] = MappingProxyType(
        {
            RefillState.IN_PROGRESS: "In progress",
            RefillState.COMPLETED: "Completed",
            RefillState.REJECTED: "Rejected",
        }
    )
    # Most panels answer 200 to everything. The last rows, from the rate limit on, are the server's own.
    refusals: Mapping[Reason, tuple[int, str]] = MappingProxyType(
        {
            Reason.INVALID_KEY: (200, "Invalid API key"),
            Reason.SUSPENDED: (200, "Account suspended"),
            Reason.UNKNOWN_ACTION: (200, "Incorrect action"),
            Reason.MISSING: (200, "Missing required parameter: {field}"),
            Reason.MALFORMED: (200, "Incorrect {field}"),
            Reason.TOO_MANY_IDS: (200, "Incorrect order IDs"),
            Reason.UNKNOWN_SERVICE: (200, "Incorrect service ID"),
            Reason.BAD_LINK: (200, "Bad link"),
            Reason.QUANTITY_BELOW: (200, "Quantity less than minimal {limit}"),
            Reason.QUANTITY_ABOVE: (200, "Quantity more than maximum {limit}"),
            Reason.NO_DRIPFEED: (200, "Dripfeed is not supported by this service"),
            Reason.BAD_COUPON: (200, "Incorrect coupon"),
            Reason.NO_FUNDS: (200, "Not enough funds on balance"),
            Reason.REQUEST_ID_REUSED: (200, "Incorrect {field}"),
            Reason.UNKNOWN_ORDER: (200, "Incorrect order ID"),
            Reason.NOT_CANCELABLE: (200, "Order cannot be canceled"),
            Reason.NOT_REFILLABLE: (200, "Refill is disabled for this service"),
            Reason.NOT_FINISHED: (200, "Order is not completed"),
            Reason.REFILL_CAP: (200, "Order is not eligible for refill"),
            Reason.REFILL_ACTIVE: (200, "Order is not eligible for refill"),
            Reason.UNKNOWN_REFILL: (200, "Incorrect refill ID"),
            Reason.RATE_LIMITED: (429, "Rate limit exceeded"),
            Reason.SERVER_ERROR: (500, "Internal server error"),
            Reason.TOO_LARGE: (413, "Payload too large"),
            Reason.WRONG_METHOD: (405, "Method not allowed"),
            Reason.WRONG_PATH: (404, "Not found"),
        }
    )

    def __init__(self) -> None:
        self.actions: Mapping[str, Handler] = MappingProxyType(self.handlers())

    def handlers(self) -> dict[str, Handler]:
        """Return what each action does; an action that is not here is refused."""
        return {
            "services": self.services,
            "add": self.add,
            "status": self.status,
            "refill": self.refill,
            "refill_status": self.refill_status,
            "cancel": self.cancel,
            "balance": self.balance,
        }

    def refuse(self, refusal: Refusal) -> tuple[int, Body]:
        """Return the status and the body that say why nothing happened."""
        status, text = self.refusals[refusal.reason]
        return status, {"error": text.format(field=refusal.field, limit=refusal.limit)}

    # -- ids ------------------------------------------------------------------------------------------------

    def order_id(self, number: int, now: float, chance: Random) -> str:
        """Return the id of the n-th order."""
        return str(23500 + number)

    def refill_id(self, number: int, now: float, chance: Random) -> str:
        """Return the id of the n-th refill."""
        return str(number)

    def shown_id(self, order_id: str) -> int | str:
        """Return the id as the reply carries it."""
        return int(order_id)

    # -- actions --------------------------------------------------------------------------------------------

    def services(self, call: Call) -> Body:
        """Return the catalog."""
        account = call.engine.account(call.account, now=call.now)
        return [self.service_row(service, account) for service in call.engine.catalog.values()]

    def service_row(self, service: Service, account: Account) -> dict[str, Body]:
        """Return one row of the catalog, at the account's price."""
        return {
            "service": service.id,
            "name": service.name,
            "type": service.type,
            "category": service.category,
            "rate": money(discounted(service.rate, account.discount)),
            "min": str(service.min),
            "max": str(service.max),
            "dripfeed": service.dripfeed,
            "refill": service.refill,
            "cancel": service.cancel,
        }

    def add(self, call: Call) -> Body:
        """Place the order."""
        return self.added(call.engine.add(call.account, self.draft(call), now=call.now))

    def draft(self, call: Call) -> Draft:
        """Return what the form asks for."""
        number = call.number("service")
        service = call.engine.catalog.get(number)
        if service is None:
            raise Refusal(Reason.UNKNOWN_SERVICE, field="service")
        if service.type == SUBSCRIPTIONS:
            return Draft(service=number, link=call.text("username"))
        counts_itself = service.type in (PACKAGE, CUSTOM_COMMENTS)
        return Draft(
            service=number,
            link=call.text("link"),
            quantity=None if counts_itself else call.number("quantity"),
            runs=self.runs(call),
            interval=call.number("interval") if call.has("interval") else 0,
            comments=comment_lines(call),
        )

    def runs(self, call: Call) -> int:
        """Return how often the order is repeated."""
        runs = call.number("runs") if call.has("runs") else 1
        if not 1 <= runs <= 1_000:
            raise Refusal(Reason.MALFORMED, field="runs")
        return runs

    def added(self, order: Order) -> Body:
        """Return the reply to an accepted order."""
        return {"order": self.shown_id(order.id)}

    def status(self, call: Call) -> Body:
        """Return the status of one order, or of several as an object keyed by id."""
        if not call.has("orders"):
            return self.status_row(call.engine.order(call.account, call.text("order"), now=call.now), call.now)
        rows: dict[str, Body] = {}
        for order_id in call.ids("orders", at_most=self.batch_limit):
            try:
                order = call.engine.order(call.account, order_id, now=call.now)
            except Refusal as refusal:
                rows[order_id] = self.refuse(refusal)[1]
            else:
                rows[order_id] = self.status_batch_row(order, call.now)
        return rows

    def status_row(self, order: Order, now: float) -> dict[str, Body]:
        """Return the five strings; the charge is without what was given back, as panels show it."""
        return {
            "charge": money(order.cost),
            "start_count": str(order.start_count),
            "status": self.words[order.plan.state(now)],
            "remains": str(order.remains(now)),
            "currency": self.currency,
        }

    def status_batch_row(self, order: Order, now: float) -> Body:
        """Return the row of an order in a batch."""
        return self.status_row(order, now)

    def refill(self, call: Call) -> Body:
        """Ask for a refill of one order, or of several."""
        if not call.has("orders"):
            refill = call.engine.refill(call.account, call.text("order"), now=call.now)
            return {"refill": refill.id}

        def ask(order_id: str) -> Body:
            return call.engine.refill(call.account, order_id, now=call.now).id

        return self.batch(call, "orders", "order", "refill", ask)

    def refill_status(self, call: Call) -> Body:
        """Return the status of one refill, or of several."""

        def ask(refill_id: str) -> str:
            refill: Refill = call.engine.refill_of(call.account, refill_id, now=call.now)
            return self.refill_words[refill.state(call.now)]

        if call.has("refills"):
            return self.batch(call, "refills", "refill", "status", ask)
        return {"status": ask(call.text("refill"))}

    def cancel(self, call: Call) -> Body:
        """Ask for several orders to be cancelled; a good row means accepted, not stopped."""

        def ask(order_id: str) -> Body:
            call.engine.cancel(call.account, order_id, now=call.now)
            return 1

        return self.batch(call, "orders", "order", "cancel", ask)

    def batch(self, call: Call, ids: str, id_name: str, name: str, ask: Callable[[str], Body]) -> Body:
        """Return an array with a row for each id: what came of it, or the error of its own."""
        rows: list[Body] = []
        for each in call.ids(ids, at_most=self.batch_limit):
            try:
                rows.append({id_name: self.asked_id(each), name: ask(each)})
            except Refusal as refusal:
                rows.append({id_name: self.asked_id(each), **self.batch_error(name, self.refuse(refusal)[1])})
        return rows

    def asked_id(self, text: str) -> int | str:
        """Return an id that a customer sent, as a row carries it: it need not be one of ours."""
        try:
            return self.shown_id(text)
        except ValueError:
            return text

    def batch_error(self, name: str, error: Body) -> dict[str, Body]:
        """Return what a row holds in place of its result: the error object under the same name."""
        return {name: error}

    def balance(self, call: Call) -> Body:
        """Return what is left to spend."""
        shown = call.engine.shown_balance(call.account, now=call.now, max_age=self.balance_max_age)
        return {"balance": money(shown), "currency": self.currency}
