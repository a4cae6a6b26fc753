"""The API v2 convention as most panels answer it, and the ground that a panel's own dialect stands on.

A dialect turns a form into calls of the engine and what comes back into a body. It knows no HTTP beyond
statuses and the type of a body. Where a panel's documents are silent, its dialect inherits the majority's way
from here, which is PerfectPanel's text: one panel script that most of the others have copied.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from types import MappingProxyType

from attrs import evolve

from ..catalog import build_catalog
from ..kinds import KINDS
from ..limits import Limits
from ..values import (
    SMALLEST,
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
from .drafts import read_draft
from .forms import Body, Call, Handler, discounted, money
from .refusals import REFUSALS


class Dialect:
    """A panel that follows the convention to the letter; panels with ways of their own override these."""

    name = "v2"
    path = "/api/v2"
    content_type = "application/json"
    # The account's currency, how much of it a dollar of the catalog is, its smallest coin, and what is in the
    # account if nobody says otherwise.
    currency = "USD"
    exchange = Decimal(1)
    smallest = SMALLEST
    opening_balance = Decimal(100)
    types: tuple[str, ...] = tuple(KINDS)
    limits = Limits()
    balance_max_age = 0.0
    # 100 is what most documents say. Servers differ on more than that: some cut the list without a word, some
    # refuse it. The sandbox refuses, so that a client that sends too many is seen.
    batch_limit = 100
    cuts_batches = False
    # Most documents give cancel a list only.
    cancels_one = False
    # How many units too many may be delivered, and whether a link takes one order of a service at a time.
    surplus = 0
    one_order_a_link = False
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
    # The word for an order that the panel gave up by itself; None where that is the word for cancelled.
    failed_word: str | None = None
    refusals = REFUSALS
    # The status of a success that is not 200, by action; and the Retry-After of a rate limit, in seconds.
    success: Mapping[str, int] = MappingProxyType({})
    retry_after: int | None = None

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

    def catalog(self) -> Mapping[int, Service]:
        """Return what the panel sells, at prices in its currency."""
        return {
            number: evolve(service, rate=service.rate * self.exchange)
            for number, service in build_catalog(self.types).items()
        }

    def refuse(self, refusal: Refusal) -> tuple[int, Body]:
        """Return the status and the body that say why nothing happened."""
        return self.refusals[refusal.reason][0], {"error": self.text(refusal)}

    def text(self, refusal: Refusal) -> str:
        """Return the panel's words for no."""
        return self.refusals[refusal.reason][1].format(field=refusal.field, limit=refusal.limit)

    # -- how values are written -----------------------------------------------------------------------------

    def amount(self, amount: Decimal) -> Body:
        """Return an amount of money as the reply carries it."""
        return money(amount)

    def word(self, order: Order, now: float) -> str:
        """Return the panel's word for where the order stands."""
        state = order.plan.state(now)
        if state is State.CANCELED and self.failed_word is not None and not order.is_cancel_requested:
            return self.failed_word
        return self.words[state]

    # -- ids ------------------------------------------------------------------------------------------------

    def order_id(self, number: int, now: float, chance: Random) -> str:
        """Return the id of the n-th order."""
        return str(23500 + number)

    def refill_id(self, number: int, now: float, chance: Random) -> str:
        """Return the id of the n-th refill."""
        return str(number)

    def shown_id(self, order_id: str) -> int | str:
        """Return the order's id as the reply carries it."""
        return int(order_id)

    def shown_refill(self, refill: Refill) -> Body:
        """Return the id as a batch carries it: a number, while the answer to a single refill has it as text."""
        return int(refill.id)

    def find_service(self, call: Call) -> Service:
        """Return the service that the form names."""
        service = call.engine.catalog.get(call.number("service"))
        if service is None:
            raise Refusal(Reason.UNKNOWN_SERVICE, field="service")
        return service

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
            "rate": self.amount(discounted(service.rate, account.discount)),
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
        return read_draft(call, self.find_service(call), runs=self.runs(call))

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
        for order_id in self.ids(call, "orders"):
            try:
                order = call.engine.order(call.account, order_id, now=call.now)
            except Refusal as refusal:
                rows[order_id] = self.status_error(refusal)
            else:
                rows[order_id] = self.status_batch_row(order, call.now)
        return rows

    def ids(self, call: Call, name: str) -> list[str]:
        """Return the ids of a batch."""
        return call.ids(name, at_most=self.batch_limit, is_cut=self.cuts_batches)

    def status_error(self, refusal: Refusal) -> Body:
        """Return the row of an order that is not there."""
        return self.row_error(refusal)

    def row_error(self, refusal: Refusal) -> Body:
        """Return what a row of a batch holds of a refusal."""
        return {"error": self.text(refusal)}

    def status_row(self, order: Order, now: float) -> dict[str, Body]:
        """Return the five strings; the charge is without what was given back, as panels show it."""
        return {
            "charge": self.amount(order.cost),
            "start_count": str(order.start_count),
            "status": self.word(order, now),
            "remains": str(order.remains(now)),
            "currency": self.currency,
        }

    def status_batch_row(self, order: Order, now: float) -> Body:
        """Return the row of an order in a batch."""
        return self.status_row(order, now)

    def refill(self, call: Call) -> Body:
        """Ask for a refill of one order, or of several."""
        if not call.has("orders"):
            return self.refilled(call.engine.refill(call.account, call.text("order"), now=call.now))

        def ask(order_id: str) -> Body:
            return self.shown_refill(call.engine.refill(call.account, order_id, now=call.now))

        return self.batch(call, "orders", "order", "refill", ask)

    def refilled(self, refill: Refill) -> Body:
        """Return the reply to an accepted refill."""
        return {"refill": refill.id}

    def refill_status(self, call: Call) -> Body:
        """Return the status of one refill, or of several."""
        if call.has("refills"):
            return self.batch(call, "refills", "refill", "status", lambda each: self.refill_word(call, each))
        return {"status": self.refill_word(call, call.text("refill"))}

    def refill_word(self, call: Call, refill_id: str) -> str:
        """Return the panel's word for where the refill stands."""
        return self.refill_words[call.engine.refill_of(call.account, refill_id, now=call.now).state(call.now)]

    def cancel(self, call: Call) -> Body:
        """Ask for orders to be cancelled; a good answer means accepted, not stopped."""
        if self.cancels_one and not call.has("orders"):
            return self.canceled(call.engine.cancel(call.account, call.text("order"), now=call.now))

        def ask(order_id: str) -> Body:
            call.engine.cancel(call.account, order_id, now=call.now)
            return 1

        return self.batch(call, "orders", "order", "cancel", ask)

    def canceled(self, order: Order) -> Body:
        """Return the reply to the accepted cancel of a single order: its id."""
        return {"cancel": self.shown_id(order.id)}

    def batch(self, call: Call, ids: str, id_name: str, name: str, ask: Callable[[str], Body]) -> Body:
        """Return an array with a row for each id: what came of it, or the error of its own."""
        rows: list[Body] = []
        for each in self.ids(call, ids):
            try:
                rows.append({id_name: self.asked_id(each), name: ask(each)})
            except Refusal as refusal:
                rows.append({id_name: self.asked_id(each), **self.batch_error(name, self.row_error(refusal))})
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

    def balance(self, call: Call) -> dict[str, Body]:
        """Return what is left to spend."""
        shown = call.engine.shown_balance(call.account, now=call.now, max_age=self.balance_max_age)
        return {"balance": self.amount(shown), "currency": self.currency}
