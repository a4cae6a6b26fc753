"""Faults in how an order is placed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import anyio
from attrs import evolve

from contract.faults.base import Faulty, breaks
from smmclient import (
    InsufficientFunds,
    OutcomeUnknown,
    Receipt,
    Refused,
    SMMError,
)
from smmclient.orders import AnyOrder
from smmclient.provider import BeforeSend
from smmclient_notpanel import NOTPANEL


@breaks("an_order_is_placed_once")
class NumberId(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """An id as a number."""
        receipt = await place()
        return evolve(receipt, order=cast("str", int(receipt.order)))


@breaks("two_orders_are_two_orders")
class Remembers(Faulty):
    _made: dict[AnyOrder, Receipt] | None = None

    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """The receipt of the first order like this."""
        self._made = self._made or {}
        if order not in self._made:
            self._made[order] = await place()
        return self._made[order]


@breaks("orders_at_once_are_each_placed")
class SharesOrders(Faulty):
    _flight: anyio.Event | None = None
    _landed: Receipt

    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """One order for all who ask at once."""
        if self._flight is None:
            self._flight = anyio.Event()
            self._landed = await place()
            self._flight.set()
        await self._flight.wait()
        return self._landed


@breaks("a_refusal_is_refused")
class Swallows(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """A receipt in any case."""
        try:
            return await place()
        except Refused:
            return Receipt("0")


@breaks("an_unknown_refusal_is_refused")
class Guesses(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """It will be the money."""
        try:
            return await place()
        except Refused as error:
            raise InsufficientFunds(error.text) from error


@breaks("the_hook_comes_before_the_first_byte")
class HookLast(Faulty):
    async def add_order(self, order: AnyOrder, *, before_send: BeforeSend | None = None, **given: Any) -> Receipt:
        """The hook when all is over."""
        receipt = await super().add_order(order, **given)
        if before_send is not None:
            await before_send(order, receipt.request_id)
        return receipt


@breaks("the_hook_comes_before_the_first_byte", dialect=NOTPANEL)
class HookEachTime(Faulty):
    async def add_order(self, order: AnyOrder, *, before_send: BeforeSend | None = None, **given: Any) -> Receipt:
        """The hook for each attempt."""
        self._pipeline._policy = evolve(self._pipeline._policy, attempts=1)
        try:
            return await super().add_order(order, before_send=before_send, **given)
        except OutcomeUnknown as error:
            return await super().add_order(order, before_send=before_send, request_id=error.request_id)


@breaks("a_hook_that_raises_stops_the_order")
class HookIgnored(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """The order goes whatever the hook says."""
        try:
            return await place()
        except SMMError:
            raise
        except Exception:
            return await place(before_send=None)


@breaks("doubt_outlives_what_says_nothing_of_the_order", dialect=NOTPANEL)
class Forgets(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """No doubt is kept."""
        self._pipeline._in_doubt.clear()
        return await place(resume=False)
