"""NotPanel as its developer pages document it.

Pages: notpanel.com/developers, add-order, order-status, refill, cancel, balance, errors, rate-limits, webhooks and
authentication. Those for services and refill_status could not be read: both follow the convention here.
"""

from random import Random
from types import MappingProxyType

from ..ids import ulid
from ..limits import Limit, Limits
from ..values import (
    CUSTOM_COMMENTS,
    DEFAULT,
    PACKAGE,
    SUBSCRIPTIONS,
    Draft,
    Reason,
    Refill,
    RefillState,
    Refusal,
    State,
)
from ..webhooks.hooks import Hook
from .convention import Dialect
from .forms import Body, Call, Handler, lines

_LONGEST_LINK = 1000
_LONGEST_REQUEST_ID = 128


class NotPanel(Dialect):
    """NotPanel: orders with a request id, text ids, snake case statuses, a balance that is up to 30 s old."""

    name = "notpanel"
    types = (DEFAULT, PACKAGE, SUBSCRIPTIONS, CUSTOM_COMMENTS)
    # The page's figures. Whether windows are fixed or sliding is not documented: fixed ones are more common.
    limits = Limits(address=Limit(300, 60.0), key=Limit(100, 60.0))
    balance_max_age = 30.0
    batch_limit = 100
    refills_per_order = 3

    # Documented word: in_progress. The others are its analogues.
    words = MappingProxyType({state: state.value for state in State})
    refill_words = MappingProxyType({state: state.value for state in RefillState})

    # Documented: 400 for validation with "Missing required parameter: service", 403 "Account suspended", 429,
    # 500. The rest is not: texts are the convention's, the status is that of validation.
    refusals = MappingProxyType(
        {
            **{reason: (400 if status == 200 else status, text) for reason, (status, text) in Dialect.refusals.items()},
            Reason.SUSPENDED: (403, "Account suspended"),
            # A wrong or missing key is not in the table of errors; panels with real statuses send 401.
            Reason.INVALID_KEY: (401, "Invalid API key"),
            # One id with another body: not documented. The engine refuses it, and 400 is the page's
            # status for a request that has to be corrected.
            Reason.REQUEST_ID_REUSED: (400, "request_id was already used for a different order"),
            # The caps are documented, their texts are not.
            Reason.REFILL_CAP: (400, "Refill limit reached for this order"),
            Reason.REFILL_ACTIVE: (400, "A refill is already in progress for this order"),
        }
    )

    def handlers(self) -> dict[str, Handler]:
        """Return the convention's actions, and those for webhooks."""
        return {
            **super().handlers(),
            "webhook.add": self.add_webhook,
            "webhook.list": self.list_webhooks,
            "webhook.remove": self.remove_webhook,
        }

    def order_id(self, number: int, now: float, chance: Random) -> str:
        """Return an id such as ord_01HG9X7KJP4N…: the prefix and a ULID."""
        return f"ord_{ulid(now, chance)}"

    def refill_id(self, number: int, now: float, chance: Random) -> str:
        """Return an id such as ref_01HG9XAZQM…: the prefix and a ULID."""
        return f"ref_{ulid(now, chance)}"

    def shown_id(self, order_id: str) -> str:
        """Return the id as it is: text."""
        return order_id

    def shown_refill(self, refill: Refill) -> str:
        """Return the id as it is: text, in a batch too."""
        return refill.id

    def add(self, call: Call) -> Body:
        """Place the order once per request id; the success shape is the convention's, none is documented."""
        draft = self.draft(call)
        request_id = call.text("request_id")
        order = call.engine.add(call.account, draft, now=call.now, request_id=request_id)
        return self.added(order)

    def draft(self, call: Call) -> Draft:
        """Return what the form asks for, checked in the order of the documented table."""
        number = call.number("service")
        if len(call.text("request_id")) > _LONGEST_REQUEST_ID:
            raise Refusal(Reason.MALFORMED, field="request_id")
        service = call.engine.catalog.get(number)
        if service is None:
            raise Refusal(Reason.UNKNOWN_SERVICE, field="service")
        # Documented: subscriptions take a username instead of a link. In which field is not said: the
        # convention has `username`, the table has only `link`, so either will do.
        if service.type == SUBSCRIPTIONS:
            link = call.text("username" if call.has("username") else "link")
        else:
            link = call.text("link")
            if not link.lower().startswith(("http://", "https://")):
                raise Refusal(Reason.BAD_LINK, field="link")
        if len(link) > _LONGEST_LINK:
            raise Refusal(Reason.BAD_LINK, field="link")
        # Documented: quantity is passed over for packages and subscriptions, billed on the service's
        # min. The lines of custom comments are not in the table at all: the convention counts them.
        counts_itself = service.type in (PACKAGE, SUBSCRIPTIONS, CUSTOM_COMMENTS)
        runs = self.runs(call)
        interval = call.number("interval") if call.has("interval") else 0
        # Documented: the interval goes with more than one run. What comes of it alone is not: it is refused.
        if interval and runs == 1:
            raise Refusal(Reason.MALFORMED, field="interval")
        return Draft(
            service=number,
            link=link,
            # Per run, as in the convention: the page does not say whether it is per run or in all.
            quantity=None if counts_itself else call.number("quantity"),
            runs=runs,
            interval=interval,
            coupon=call.form.get("coupon", "").strip(),
            comments=lines(call, "comments"),
        )

    def status(self, call: Call) -> Body:
        """Return one status, or an object keyed by id whose rows are shaped like the single answer."""
        self._one_or_many(call)
        return super().status(call)

    def refill(self, call: Call) -> Body:
        """Ask for a refill of one order, or of several."""
        self._one_or_many(call)
        return super().refill(call)

    def cancel(self, call: Call) -> Body:
        """Ask for one order to be cancelled, or for several; success carries the order's id."""
        self._one_or_many(call)

        def ask(order_id: str) -> Body:
            return call.engine.cancel(call.account, order_id, now=call.now).id

        if call.has("orders"):
            return self.batch(call, "orders", "order", "cancel", ask)
        return {"cancel": ask(call.text("order"))}

    def batch_error(self, name: str, error: Body) -> dict[str, Body]:
        """Return the error flat in the row: documented for cancel, and taken to be the same for refill."""
        return dict(error) if isinstance(error, dict) else {"error": error}

    def _one_or_many(self, call: Call) -> None:
        # Documented: one or the other, never both. What both get is not: validation fails.
        if call.has("order") and call.has("orders"):
            raise Refusal(Reason.MALFORMED, field="orders")

    # -- webhooks -------------------------------------------------------------------------------------------
    # Documented: webhook.add with url and events, and that its answer shows the secret. The other two actions,
    # their field, and every reply are ours: their names and shapes are UNKNOWN at the panel.

    def add_webhook(self, call: Call) -> Body:
        """Register an endpoint, and show its secret this once."""
        names = [part.strip() for part in call.form.get("events", "").split(",") if part.strip()]
        hook = call.outbox.hooks.add(call.account, call.key, call.text("url"), names, now=call.now)
        return {**self.webhook_row(hook), "secret": hook.secret}

    def list_webhooks(self, call: Call) -> Body:
        """Return the key's endpoints, without their secrets."""
        return [self.webhook_row(hook) for hook in call.outbox.hooks.of_key(call.key)]

    def remove_webhook(self, call: Call) -> Body:
        """Forget an endpoint of the key."""
        hook = call.outbox.remove(call.key, call.text("id"))
        return {"id": hook.id, "removed": True}

    def webhook_row(self, hook: Hook) -> dict[str, Body]:
        """Return what may be seen of an endpoint at any time."""
        return {"id": hook.id, "url": hook.url, "events": list(hook.events)}
