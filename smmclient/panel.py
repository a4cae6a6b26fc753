"""The provider that runs a `Dialect` through the pipeline: what PanelBon, NotPanel and v2 all are."""

from __future__ import annotations

import copy
import hashlib
import random
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from smmclient.catalog import Catalog
from smmclient.dialect.capabilities import Support
from smmclient.dialect.dialect import Dialect
from smmclient.endpoint import Endpoint
from smmclient.errors import (
    AccountSuspended,
    AuthenticationFailed,
    Malformed,
    Refused,
    SMMError,
    UsageError,
)
from smmclient.fields import check_id, check_ids
from smmclient.model import Balance, Cancellation, OrderStatus, Receipt, Refill, RefillStatus
from smmclient.orders import AnyOrder
from smmclient.pipeline.account import AccountBook
from smmclient.pipeline.attempt import Attempts
from smmclient.pipeline.batches import Batches
from smmclient.pipeline.clock import Clock, SystemClock
from smmclient.pipeline.gather import Gatherer
from smmclient.pipeline.headers import request_headers
from smmclient.pipeline.key import KeySource
from smmclient.pipeline.pace import Priority
from smmclient.pipeline.path import Pipeline
from smmclient.pipeline.share import Shared
from smmclient.provider import BeforeSend, Provider
from smmclient.settings import Settings
from smmclient.transport import Transport
from smmclient.transport.default import DefaultTransport

if TYPE_CHECKING:
    from smmclient.webhooks.webhook import Webhook

__all__ = ["Panel"]

#: Settings that belong to the connection, which `with_settings` shares.
_CONNECTION = ("proxy", "trust_env", "max_connections")


class Panel(Provider):
    """One account at a panel that a `Dialect` describes."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        api_key: str | Callable[[], str],
        base_url: str | None = None,
        settings: Settings | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
        draw: random.Random | None = None,
    ) -> None:
        self.dialect = dialect
        self.name = dialect.name
        self.capabilities = dialect.capabilities
        self.settings = settings or Settings()
        self.endpoint = Endpoint.parse(base_url or dialect.base_url, provider=dialect.name)
        self.clock = clock or SystemClock()
        self._key = KeySource(api_key)
        self._draw = draw or random.Random()  # noqa: S311 (jitter, not secrets)
        self._owns_transport = transport is None
        self.transport: Transport = _default_transport(self.settings) if transport is None else transport
        self._pipeline = self._build()
        self._closed = False
        singly = ("status",) if self.capabilities.status_batch is Support.NO else ()
        self._batches = Batches(self._pipeline, size=dialect.batch_size, one_by_one=singly)
        self._balance: Shared[Balance] = Shared(self.clock, keep=dialect.cache.balance)
        self._services: Shared[Catalog] = Shared(self.clock, keep=dialect.cache.services)
        self._gatherer = Gatherer(self.clock, size=dialect.batch_size, fetch=self._gathered)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} at {self.endpoint.url}>"

    def _build(self) -> Pipeline:
        limits = self.dialect.limits if self.settings.limits is None else self.settings.limits
        book = AccountBook(
            origin=self.endpoint.origin,
            way_out=self.settings.proxy or "",
            limits=limits,
            tells=self.dialect.tells_limits,
            clock=self.clock,
        )
        attempts = Attempts(
            dialect=self.dialect,
            url=self.endpoint.url,
            headers=request_headers(self.settings, self.dialect.headers),
            key=self._key.current,
            book=book,
            transport=self.transport,
            settings=self.settings,
            clock=self.clock,
            draw=self._draw,
        )
        return Pipeline(attempts)

    @property
    def batch_size(self) -> int:
        """Most ids that the panel takes in one call."""
        return self._batches.size_of("status")

    # ------------------------------------------------------------------------------------------------ the account

    @property
    def account(self) -> str:  # noqa: D102 (see Provider)
        told = f"{self.endpoint.origin} {self._key.current().account}"
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    @property
    def base_url(self) -> str | None:  # noqa: D102
        return self.endpoint.url

    def check_order(self, order: AnyOrder) -> None:  # noqa: D102
        self.dialect.check_order(order)

    async def balance(self, *, refresh: bool = False) -> Balance:  # noqa: D102
        self._check_open()

        async def fetch() -> Balance:
            asked_at = self.clock.wall()
            amount, currency, raw = await self._pipeline.run(self.dialect.balance(), Priority.READ)
            age = self.dialect.cache.balance_age
            return Balance(amount, currency, fetched_at=asked_at, max_age=age, raw=raw)

        return await self._balance.get(fetch, fresh=refresh or not self.settings.cache)

    async def services(self, *, refresh: bool = False) -> Catalog:  # noqa: D102
        self._check_open()

        async def fetch() -> Catalog:
            asked_at = self.clock.wall()
            services, problems = await self._pipeline.run(self.dialect.services(), Priority.READ)
            return Catalog(services, problems, fetched_at=asked_at)

        return await self._services.get(fetch, fresh=refresh or not self.settings.cache)

    # --------------------------------------------------------------------------------------------------- the orders

    async def add_order(  # noqa: D102
        self,
        order: AnyOrder,
        *,
        request_id: str | None = None,
        resume: bool = False,
        before_send: BeforeSend | None = None,
    ) -> Receipt:
        self._check_open()
        if resume and request_id is None:
            raise UsageError("resume=True needs the request_id of the earlier call", provider=self.name)
        if request_id is None and self.capabilities.request_id is Support.YES:
            request_id = str(uuid.uuid4())
        operation = self.dialect.add(order, request_id)
        hook = None if before_send is None else _bound(before_send, order, request_id)
        return await self._pipeline.run(operation, Priority.PLACE, before_send=hook, doubt=resume)

    async def order_status(self, order: int | str) -> OrderStatus:  # noqa: D102
        self._check_open()
        one = check_id(order, "order")
        if self.batch_size == 1:
            answer = (await self._statuses([one]))[one]
        else:
            answer = await self._gatherer.get(one)
        if isinstance(answer, SMMError):
            raise answer.copy()
        return answer

    async def order_statuses(self, orders: Iterable[int | str]) -> Mapping[str, OrderStatus | SMMError]:  # noqa: D102
        return await self._statuses(check_ids(orders, "order"))

    async def _statuses(self, ids: Sequence[str]) -> dict[str, OrderStatus | SMMError]:
        self._check_open()
        return await self._batches.run(self.dialect.status, ids, Priority.POLL)

    async def _gathered(self, ids: Sequence[str]) -> dict[str, OrderStatus | SMMError]:
        """The statuses of ids that came from several callers: what one of them asks must not fail the others."""
        try:
            return await self._statuses(ids)
        except (AuthenticationFailed, AccountSuspended):
            raise
        except (Refused, Malformed):
            if len(ids) == 1:
                raise
            return await self._batches.run(self.dialect.status, ids, Priority.POLL, size=1)

    async def refill(self, orders: Iterable[int | str] | int | str) -> Mapping[str, Refill | SMMError]:  # noqa: D102
        self._check_open()
        return await self._batches.run(self.dialect.refill, check_ids(orders, "order"), Priority.PLACE)

    async def refill_statuses(  # noqa: D102
        self, refills: Iterable[int | str] | int | str
    ) -> Mapping[str, RefillStatus | SMMError]:
        self._check_open()
        return await self._batches.run(self.dialect.refill_status, check_ids(refills, "refill"), Priority.POLL)

    async def cancel(  # noqa: D102
        self, orders: Iterable[int | str] | int | str
    ) -> Mapping[str, Cancellation | SMMError]:
        self._check_open()
        return await self._batches.run(self.dialect.cancel, check_ids(orders, "order"), Priority.PLACE)

    # ------------------------------------------------------------------------------------------------ its webhooks

    async def add_webhook(self, url: str, events: Iterable[str] | None = None) -> Webhook:  # noqa: D102
        self._check_open()
        operation = self.dialect.add_webhook(
            url, events, is_local=self.endpoint.is_loopback, holds_key=lambda text: self._key.current().stands_in(text)
        )
        return await self._pipeline.run(operation, Priority.READ)

    async def webhooks(self, action: str = "webhook.list") -> tuple[Webhook, ...]:  # noqa: D102
        self._check_open()
        return await self._pipeline.run(self.dialect.list_webhooks(action), Priority.READ)

    async def remove_webhook(  # noqa: D102
        self, webhook: Webhook | int | str, *, action: str = "webhook.remove", field: str = "id"
    ) -> None:
        self._check_open()
        await self._pipeline.run(self.dialect.remove_webhook(webhook, action=action, field=field), Priority.READ)

    # ------------------------------------------------------------------------------------------------------ its life

    def with_settings(self, **changes: object) -> Panel:  # noqa: D102
        for name in _CONNECTION:
            if name in changes and changes[name] != getattr(self.settings, name):
                raise UsageError(f"{name} belongs to the connection, which is shared: connect() anew for another")
        twin = copy.copy(self)
        try:
            twin.settings = evolve(self.settings, **changes)  # type: ignore[arg-type]
        except TypeError as error:
            raise UsageError(f"there is no such setting: {error}", provider=self.name) from error
        twin._owns_transport = False
        twin._pipeline = twin._build()
        twin._pipeline.adopt(self._pipeline)
        twin._batches = self._batches.over(twin._pipeline)
        twin._gatherer = Gatherer(twin.clock, size=twin.batch_size, fetch=twin._gathered)
        return twin

    async def aclose(self) -> None:  # noqa: D102
        self._closed = True
        if self._owns_transport:
            await self.transport.aclose()

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError("the provider is closed: connect() again", provider=self.name)


def _bound(hook: BeforeSend, order: AnyOrder, request_id: str | None) -> Callable[[], Awaitable[None]]:
    return lambda: hook(order, request_id)


def _default_transport(settings: Settings) -> Transport:
    return DefaultTransport(
        proxy=settings.proxy, trust_env=settings.trust_env, max_connections=settings.max_connections
    )
