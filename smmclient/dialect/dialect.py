"""The `Dialect`: one panel's facts, and its calls as operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen
from attrs import validators as v

from smmclient.catalog import Problem, Service
from smmclient.dialect import classify, codec, webhooks
from smmclient.dialect.capabilities import Capabilities, Support
from smmclient.dialect.hush import hushed
from smmclient.dialect.quick import read_body
from smmclient.dialect.read import Unreadable
from smmclient.dialect.refusals import Fault, meaning_of, meaning_of_whole, shape
from smmclient.dialect.rows import read_rows
from smmclient.dialect.services import Pricing, read_services
from smmclient.errors import (
    ConfigError,
    InvalidOrder,
    Malformed,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    Refused,
    SMMError,
    Unavailable,
    Unsupported,
    UsageError,
)
from smmclient.fields import check_request_id
from smmclient.model import Cancellation, OrderStatus, Receipt, Refill, RefillStatus
from smmclient.orders import AnyOrder, Order, WebTrafficOrder
from smmclient.settings import Limit
from smmclient.wire import Operation, Safety, WireReply

if TYPE_CHECKING:
    from smmclient.webhooks.webhook import Webhook

__all__ = ["V2", "CachePlan", "Dialect"]

T = TypeVar("T")


@frozen(kw_only=True)
class CachePlan:
    """How long, in seconds, a reply stays good.

    ``services`` and ``balance`` are how long we give the same value again. ``balance_age`` is how old a
    balance may already be when the panel hands it out, because the panel answers from a cache of its own.
    """

    services: float = 3600.0
    balance: float = 0.0
    balance_age: float = 0.0


def _by_shape(texts: Mapping[str, type[SMMError] | type[Fault]]) -> dict[str, type[SMMError] | type[Fault]]:
    for text, meaning in texts.items():
        if not issubclass(meaning, (Refused, RateLimited, Overloaded, Fault)):
            raise ConfigError(f"{text!r} cannot mean {meaning.__name__}: a text is a refusal, a limit, or a fault")
    return {shape(text): meaning for text, meaning in texts.items()}


@frozen(kw_only=True)
class Dialect:
    """One panel: what it documents, and how it differs from the convention.

    ``name`` is what `smmclient.connect` knows it by; ``base_url`` is the endpoint, None where the user gives it.
    """

    name: str = field(validator=v.matches_re(r"[a-z0-9][a-z0-9_.-]*"))
    base_url: str | None = None
    capabilities: Capabilities = field(factory=Capabilities)
    #: What the panel documents of its limits; empty where it documents none.
    limits: tuple[Limit, ...] = ()
    #: Whether replies tell what is left of the limit (``X-RateLimit-Remaining``).
    tells_limits: bool = False
    cache: CachePlan = field(factory=CachePlan)
    #: Most ids in one call.
    batch_size: int = 100
    #: Actions that take ``orders=`` or ``refills=`` even for one id. Most panels document cancel with a list only, and
    #: some ignore a single ``order=``.
    list_only: frozenset[str] = frozenset({"cancel"})
    #: The panel's own refusal texts, looked up before the convention's.
    texts: Mapping[str, type[SMMError] | type[Fault]] = field(factory=dict, converter=_by_shape)
    #: What a 4xx means when its text is one that nobody knows.
    statuses: Mapping[int, type[Refused]] = field(factory=dict)
    #: The field of the reply to ``add`` that tells what is paid.
    charge_field: str = "charge"
    #: Longest link; None: no limit known.
    longest_link: int | None = None
    #: Whether the link of a Default order or a Package must be an http(s) URL.
    link_is_url: bool = False
    #: Whether ``interval`` is only for more than one run.
    interval_needs_runs: bool = False
    #: Whether packages and subscriptions are billed as the service's ``min``.
    packages_bill_min: bool = False
    #: How many units a ``rate`` in the catalog is for; what we hand out is always per 1,000.
    rate_per: int = field(default=1000, validator=v.in_((1, 100, 1000)))
    #: The same for packages and subscriptions, which some panels price by the piece.
    package_rate_per: int = field(default=1000, validator=v.in_((1, 100, 1000)))
    #: Whether all its order ids are numbers: what is none is then no receipt, and is not asked about.
    numeric_orders: bool = False
    #: Sent with each request, by name.
    headers: Mapping[str, str] = field(factory=dict)

    # ------------------------------------------------------------------------------------------ what may be asked

    def check(self, feature: str, wish: str) -> None:
        """Raise `Unsupported` if the panel documents that it has no such feature."""
        if getattr(self.capabilities, feature) is Support.NO:
            raise Unsupported(f"{self.name} has no {wish}: its API documents none", provider=self.name)

    def check_order(self, order: AnyOrder) -> None:
        """Raise before any I/O what the panel's documents rule out."""
        if not isinstance(order, AnyOrder):
            raise InvalidOrder(f"an order is an Order or another kind of it, not {type(order).__name__}")
        if order.feature is not None:
            self.check(order.feature, f"{order.type} orders")
        if isinstance(order, (Order, WebTrafficOrder)) and order.runs is not None:
            self.check("dripfeed", "drip-feed (runs, interval)")
            if self.interval_needs_runs and order.interval is not None and order.runs < 2:
                raise InvalidOrder(
                    f"{self.name} takes interval only with runs above 1", field="interval", provider=self.name
                )
        if order.coupon is not None:
            self.check("coupon", "coupons")
        self._check_link(getattr(order, "link", None))

    def _check_link(self, link: str | None) -> None:
        if link is None:
            return
        if self.longest_link is not None and len(link) > self.longest_link:
            raise InvalidOrder(
                f"{self.name} takes links of at most {self.longest_link} characters, this one has {len(link)}",
                field="link",
                provider=self.name,
            )
        if self.link_is_url and not link.casefold().startswith(("http://", "https://")):
            raise InvalidOrder(
                f"{self.name} takes http(s) links only, not {link[:80]!r}", field="link", provider=self.name
            )

    # -------------------------------------------------------------------------------------------------- the calls

    def services(self) -> Operation[tuple[Sequence[Service], tuple[Problem, ...]]]:
        """The catalog."""
        pricing = Pricing(
            units=self.rate_per, package_units=self.package_rate_per, packages_bill_min=self.packages_bill_min
        )

        decode, decode_body = partial(read_services, pricing=pricing), partial(read_body, pricing=pricing)
        return Operation("services", (("action", "services"),), decode, Safety.READ, decode_body=decode_body)

    def balance(self) -> Operation[tuple[Decimal, str | None, object]]:
        """The amount, its currency and the reply."""
        return Operation("balance", (("action", "balance"),), codec.read_balance, Safety.READ)

    def add(self, order: AnyOrder, request_id: str | None) -> Operation[Receipt]:
        """One order. ``request_id`` is None exactly on panels without an idempotency key."""
        self.check_order(order)
        form = [("action", "add"), *self.order_parameters(order).items()]
        if request_id is not None:
            self.check("request_id", "request_id (idempotency key)")
            form.append(("request_id", check_request_id(request_id)))

        def decode(payload: object) -> Receipt:
            receipt = codec.read_receipt(payload, request_id=request_id, charge_field=self.charge_field)
            if not self._may_be_order(receipt.order):
                raise Unreadable(f"the reply has {receipt.order[:60]!r} for an order id, which is no number")
            return receipt

        # An id that the panel does not promise to know again makes no order safe to send twice.
        keyed = request_id is not None and self.capabilities.request_id is Support.YES
        safety = Safety.KEYED if keyed else Safety.ONCE
        return Operation("add", tuple(form), decode, safety, request_id=request_id, subject=order)

    def _may_be_order(self, order: str) -> bool:
        return not self.numeric_orders or (order.isascii() and order.isdigit())

    def order_parameters(self, order: AnyOrder) -> dict[str, str]:
        """The parameters of an order; override it for a panel with a form of its own."""
        return order.parameters()

    def status(self, ids: Sequence[str]) -> Operation[dict[str, OrderStatus | SMMError]]:
        """The states of one order, or of up to ``batch_size``."""
        if len(ids) > 1:
            self.check("status_batch", "status of several orders in one call")
        return self._of_ids("status", ids, "order", codec.read_status, Safety.READ)

    def refill(self, ids: Sequence[str]) -> Operation[dict[str, Refill | SMMError]]:
        """A refill of each order."""
        self.check("refill", "refill")
        return self._of_ids("refill", ids, "order", codec.read_refill, Safety.ONCE)

    def refill_status(self, ids: Sequence[str]) -> Operation[dict[str, RefillStatus | SMMError]]:
        """The states of refills, by refill id."""
        self.check("refill_status", "refill_status")
        return self._of_ids("refill_status", ids, "refill", codec.read_refill_status, Safety.READ)

    def cancel(self, ids: Sequence[str]) -> Operation[dict[str, Cancellation | SMMError]]:
        """A cancel of each order."""
        self.check("cancel", "cancel")
        return self._of_ids("cancel", ids, "order", codec.read_cancellation, Safety.ONCE)

    def add_webhook(
        self,
        url: str,
        events: Iterable[str] | None,
        *,
        is_local: bool = False,
        holds_key: Callable[[str], bool] = lambda text: False,
    ) -> Operation[Webhook]:
        """A webhook; see `smmclient.receiver.check_receiver` for ``is_local`` and ``holds_key``."""
        self.check("webhooks", "webhooks")
        return webhooks.add(url, events, provider=self.name, is_local=is_local, holds_key=holds_key)

    def list_webhooks(self, action: str) -> Operation[tuple[Webhook, ...]]:
        """All webhooks of the key."""
        self.check("webhooks", "webhooks")
        return webhooks.listing(action, provider=self.name)

    def remove_webhook(self, webhook: Webhook | int | str, *, action: str, field: str) -> Operation[None]:
        """The end of one webhook."""
        self.check("webhooks", "webhooks")
        return webhooks.removal(webhook, action=action, field=field, provider=self.name)

    def _of_ids(
        self,
        action: str,
        ids: Sequence[str],
        id_field: str,
        read_row: Callable[[str, object], T],
        safety: Safety,
    ) -> Operation[dict[str, T | SMMError]]:
        asked = tuple(ids)
        if odd := [one for one in asked if id_field == "order" and not self._may_be_order(one)]:
            raise UsageError(f"{self.name} has numbers for order ids, not {odd[0][:60]!r}", provider=self.name)
        single = len(asked) == 1 and action not in self.list_only
        form = (("action", action), (id_field, asked[0]) if single else (f"{id_field}s", ",".join(asked)))

        def missing(one: str, reason: str) -> SMMError:
            if safety is Safety.READ:
                return Malformed(f"{one}: {reason}", provider=self.name, operation=action)
            return OutcomeUnknown(f"{one}: {reason}: look at the panel", provider=self.name, operation=action)

        def refuse(one: str, text: str, row: object) -> SMMError:
            meaning = meaning_of(text, self.texts)
            if meaning is Fault:
                return missing(one, text)
            if meaning is not None and issubclass(meaning, Unavailable):
                if safety is not Safety.READ and meaning_of_whole(text, self.texts) is not meaning:
                    return missing(one, text)
                return meaning(f"{one}: {text}", provider=self.name, operation=action)
            error = classify.refusal(text, row, status=None, texts=self.texts, statuses={})
            error.message = f"{one}: {text}"
            error.provider, error.operation = self.name, action
            return error

        def decode(payload: object) -> dict[str, T | SMMError]:
            return read_rows(
                payload,
                asked,
                action,
                id_field=id_field,
                read_row=read_row,
                refuse=refuse,
                missing=missing,
            )

        return Operation(action, form, decode, safety, subject=asked)

    # ------------------------------------------------------------------------------------------------- the replies

    def read(self, reply: WireReply, operation: Operation[T]) -> T:
        """The result that a reply holds.

        Raises `Refused`, `RateLimited`, `Overloaded`, `Blocked` or `ConfigError` where the reply says so, `Fault` where
        the panel admits a failure, and `smmclient.dialect.Unreadable` where nobody can tell.
        """
        if not operation.is_secret:
            return self._read(reply, operation)
        try:
            return self._read(reply, operation)
        except Exception as met:
            error = hushed(met, reply, operation)
        # Not in the block: there it would carry what was met, and with it the reply.
        raise error

    def _read(self, reply: WireReply, operation: Operation[T]) -> T:
        quick = operation.decode_body(reply.body) if operation.decode_body and reply.status == 200 else None
        if quick is not None:
            return quick
        try:
            # A status that is documented of orders says nothing of webhooks: 403 may be one too many of them.
            statuses = {} if operation.is_secret else self.statuses
            payload = classify.payload_of(reply, operation.name, texts=self.texts, statuses=statuses)
        except Refused as error:
            if isinstance(operation.subject, tuple) and len(operation.subject) == 1:
                error.message = f"{operation.subject[0]}: {error.message}"
            raise
        return operation.decode(payload)


#: Any panel that speaks the convention; its limits and capabilities are the user's to know.
V2 = Dialect(name="v2")
