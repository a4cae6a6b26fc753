"""Exotic Panel: an imaginary panel with a JSON API of its own, as a `Provider`.

``{"method": "orders.make", "token": …, "params": {…}}`` is answered by ``{"ok": true, "result": …}`` or by
``{"ok": false, "why": "…"}``. It documents no idempotency key, so what changes something is sent once.
"""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import anyio
import msgspec
from attrs import evolve

from smmclient.catalog import Catalog
from smmclient.dialect import Capabilities, Support, Unreadable
from smmclient.dialect.read import read_json, read_money
from smmclient.endpoint import Endpoint
from smmclient.errors import (
    AuthenticationFailed,
    Blocked,
    ConfigError,
    InsufficientFunds,
    Malformed,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    Refused,
    SMMError,
    UnknownOrder,
    Unreachable,
    Unsupported,
    UsageError,
)
from smmclient.events import OrderInDoubt
from smmclient.fields import check_id, check_ids
from smmclient.model import Balance, Cancellation, OrderStatus, Receipt, Refill, RefillStatus
from smmclient.orders import AnyOrder, Order
from smmclient.provider import BeforeSend, Provider
from smmclient.settings import Settings
from smmclient.transport import HttpxTransport, Transport
from smmclient.wire import Delivery, TransportFailed, WireReply, WireRequest
from smmclient_examplepanel import exotic_replies as replies

__all__ = ["ExoticPanel"]

T = TypeVar("T")
E = TypeVar("E", bound=SMMError)

WORDS: Mapping[str, type[Refused]] = {
    "token unknown": AuthenticationFailed,
    "balance too low": InsufficientFunds,
    "order unknown": UnknownOrder,
}
NOTHING_ELSE = Capabilities(
    status_batch=Support.YES,
    cancel=Support.YES,
    refill=Support.NO,
    refill_status=Support.NO,
    dripfeed=Support.NO,
    packages=Support.NO,
    subscriptions=Support.NO,
    typed_orders=Support.NO,
    coupon=Support.NO,
)
#: They belong to the connection, which `with_settings` shares.
CONNECTION = frozenset({"proxy", "trust_env", "max_connections"})


class ExoticPanel(Provider):
    """One account at Exotic Panel. It waits for nothing and repeats nothing: its caller hears of everything."""

    capabilities = NOTHING_ELSE
    #: Most ids that the panel takes in one call.
    batch_size = 20

    def __init__(
        self,
        *,
        name: str = "exoticpanel",
        api_key: str | Callable[[], str],
        base_url: str | None = None,
        settings: Settings | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.name = name
        self.settings = settings or Settings()
        # Https, or this machine: the token must not be read on the way.
        self._endpoint = Endpoint.parse(base_url or "https://exotic.example/rpc", provider=name)
        self._token: Callable[[], str] = api_key if callable(api_key) else lambda: api_key
        self._owns_transport = transport is None
        if transport is None:
            transport = HttpxTransport(
                proxy=self.settings.proxy,
                trust_env=self.settings.trust_env,
                max_connections=self.settings.max_connections,
            )
        self._transport: Transport = transport
        self._catalog: Catalog | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self._endpoint.url}>"

    @property
    def account(self) -> str:
        """The address and the token, as a digest."""
        return hashlib.blake2b(f"{self._endpoint.origin} {self._token()}".encode(), digest_size=16).hexdigest()

    @property
    def base_url(self) -> str:
        """The address that is called."""
        return self._endpoint.url

    # ----------------------------------------------------------------------------------------------------- the calls

    def check_order(self, order: AnyOrder) -> None:
        """Raise `Unsupported` for everything but a plain order."""
        if not isinstance(order, Order) or order.runs is not None or order.coupon is not None:
            raise Unsupported("it takes plain orders only, without runs and coupons", provider=self.name)

    async def balance(self, *, refresh: bool = False) -> Balance:
        """What is left; always asked for."""
        asked_at = time.time()
        told = await self._call("account.funds", {})
        amount = self._read("account.funds", lambda: replies.number_in(read_money, told, "left"))
        return Balance(amount, None, fetched_at=asked_at, raw=told)

    async def services(self, *, refresh: bool = False) -> Catalog:
        """The catalog, kept for an hour."""
        kept = self._catalog
        if refresh or not self.settings.cache or kept is None or time.time() - kept.fetched_at > 3600:
            asked_at = time.time()
            told = await self._call("goods.list", {})
            kept = self._catalog = self._read("goods.list", lambda: replies.read_catalog(told, asked_at))
        return kept

    async def add_order(
        self,
        order: AnyOrder,
        *,
        request_id: str | None = None,
        resume: bool = False,
        before_send: BeforeSend | None = None,
    ) -> Receipt:
        """Place one order; sent once, whatever comes."""
        self.check_order(order)
        if resume and request_id is None:
            raise UsageError("resume=True needs the request_id of the earlier call", provider=self.name)
        if request_id is not None:
            raise Unsupported("it has no request_id: its API documents none", provider=self.name)
        self._check_open()
        if before_send is not None:
            await before_send(order, None)
        told = await self._call("orders.make", order.parameters(), subject=order)
        return self._read("orders.make", lambda: replies.read_receipt(told), error=OutcomeUnknown)

    async def order_status(self, order: int | str) -> OrderStatus:
        """Where an order stands."""
        one = check_id(order, "order")
        answer = (await self.order_statuses([one]))[one]
        if isinstance(answer, SMMError):
            raise answer
        return answer

    async def order_statuses(self, orders: Iterable[int | str]) -> Mapping[str, OrderStatus | SMMError]:
        """Where orders stand."""
        return await self._of_ids("orders.find", check_ids(orders, "order"), replies.read_status, Malformed)

    async def cancel(self, orders: Iterable[int | str] | int | str) -> Mapping[str, Cancellation | SMMError]:
        """Ask to stop orders."""
        return await self._of_ids("orders.stop", check_ids(orders, "order"), replies.read_cancellation, OutcomeUnknown)

    async def refill(self, orders: Iterable[int | str] | int | str) -> Mapping[str, Refill | SMMError]:
        """There is none."""
        raise Unsupported("it has no refill: its API documents none", provider=self.name)

    async def refill_statuses(self, refills: Iterable[int | str] | int | str) -> Mapping[str, RefillStatus | SMMError]:
        """There is none."""
        raise Unsupported("it has no refill: its API documents none", provider=self.name)

    # ---------------------------------------------------------------------------------------------------- one request

    async def _of_ids(
        self, method: str, ids: Sequence[str], read: Callable[[str, object], T], nothing: type[SMMError]
    ) -> dict[str, T | SMMError]:
        """A value for each id, as many in one call as the panel takes; ``nothing`` is the error of one left out."""
        batches = [ids[at : at + self.batch_size] for at in range(0, len(ids), self.batch_size)]
        values: dict[str, T | SMMError] = {}
        for batch in batches:
            try:
                subject = tuple(batch) if nothing is OutcomeUnknown else None
                told = await self._call(method, {"numbers": list(batch)}, subject=subject)
            except SMMError as error:
                if len(batches) == 1:
                    raise
                values |= dict.fromkeys(batch, error)
            else:
                values |= {one: self._row(method, told, one, read, nothing) for one in batch}
        return values

    def _row(
        self, method: str, told: object, one: str, read: Callable[[str, object], T], nothing: type[SMMError]
    ) -> T | SMMError:
        try:
            row = replies.field(told, one)
            if isinstance(row, dict) and isinstance(why := row.get("why"), str):
                return self._refused(method, why)
            return read(one, row)
        except Unreadable as error:
            return self._error(nothing, method, f"{one}: {error}")

    async def _call(self, method: str, params: Mapping[str, object], *, subject: object = None) -> object:
        """The result of one call, sent once. ``subject`` is what it changes, None for a read."""
        self._check_open()
        token = self._token()
        body = msgspec.json.encode({"method": method, "token": token, "params": params})
        headers = {**self.settings.headers, "content-type": "application/json"}
        request = WireRequest(self._endpoint.url, body, headers, self.settings.timeouts)
        try:
            reply = await self._transport.send(request)
        except TransportFailed as error:
            if subject is None or error.delivery is Delivery.NOT_SENT:
                raise self._error(Unreachable, method, error.reason) from error
            raise self._error(OutcomeUnknown, method, f"look at the panel: {error.reason}") from error
        except anyio.get_cancelled_exc_class():
            if subject is not None and self.settings.on_event is not None:
                with suppress(Exception):
                    told = OrderInDoubt(provider=self.name, operation=method, order=subject, request_id=None)
                    self.settings.on_event(told)
            raise
        return self._result(reply, method, token, changes=subject is not None)

    def _result(self, reply: WireReply, method: str, token: str, *, changes: bool) -> object:
        status = reply.status
        if status == 429:
            wait = reply.headers.get("retry-after", "")
            limited = self._error(RateLimited, method, "too many calls")
            limited.retry_after = float(wait) if wait.isdecimal() else None
            raise limited
        if 300 <= status < 400:
            raise self._error(ConfigError, method, f"the panel redirects ({status}): set base_url to its own address")
        if status in (401, 403, 404) and reply.body.lstrip()[:1] == b"<":
            elsewhere = ConfigError if status == 404 else Blocked
            raise self._error(elsewhere, method, f"HTTP {status} without the panel's JSON")
        told: object = None
        with suppress(Unreadable):
            told = read_json(reply.body)
        if status < 500 and status != 408 and isinstance(told, dict):
            if told.get("ok") is True and "result" in told and status < 300:
                return replies.without_token(told["result"], token)
            if told.get("ok") is False and "result" not in told and isinstance(why := told.get("why"), str):
                raise self._refused(method, str(replies.without_token(why, token)))
        if changes:
            raise self._error(OutcomeUnknown, method, f"look at the panel: HTTP {status}, and no answer")
        raise self._error(Overloaded if status >= 500 or status == 408 else Malformed, method, f"HTTP {status}")

    def _read(self, method: str, read: Callable[[], T], *, error: type[SMMError] = Malformed) -> T:
        try:
            return read()
        except Unreadable as unreadable:
            raise self._error(error, method, str(unreadable)) from unreadable

    def _refused(self, method: str, why: str) -> Refused:
        return self._error(WORDS.get(why.casefold(), Refused), method, why)

    def _error(self, kind: type[E], method: str, words: str) -> E:
        return kind(words, provider=self.name, operation=method)

    # ------------------------------------------------------------------------------------------------------- its life

    def with_settings(self, **changes: object) -> ExoticPanel:
        """The same account on the same connection, with other settings."""
        if CONNECTION & changes.keys():
            raise UsageError(f"{', '.join(CONNECTION)} belong to the connection, which is shared: connect() anew")
        twin = copy.copy(self)
        try:
            twin.settings = evolve(self.settings, **changes)  # type: ignore[arg-type]
        except TypeError as error:
            raise UsageError(f"there is no such setting: {error}", provider=self.name) from error
        twin._owns_transport = False
        return twin

    async def aclose(self) -> None:
        """Close the connection, where it is its own."""
        self._closed = True
        if self._owns_transport:
            await self._transport.aclose()

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError("the provider is closed: connect() again", provider=self.name)
