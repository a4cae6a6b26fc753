"""Faults when nobody can know, and when nothing was done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from attrs import evolve

from contract.faults.base import Faulty, Ids, breaks
from smmclient import (
    Balance,
    Cancellation,
    ConfigError,
    Dialect,
    Malformed,
    OutcomeUnknown,
    RateLimited,
    Receipt,
    Refill,
    Refused,
    Settings,
    SMMError,
    Unavailable,
)
from smmclient.orders import AnyOrder
from smmclient.panel import Panel
from smmclient.transport import HttpxTransport
from smmclient.wire import WireReply, WireRequest
from smmclient_notpanel import NOTPANEL


@breaks("a_lost_reply_is_an_unknown_outcome", "a_late_reply_is_an_unknown_outcome")
class SendsTwice(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """Once more, to be sure."""
        try:
            return await place()
        except OutcomeUnknown:
            return await place()


@breaks("a_lost_reply_is_an_unknown_outcome", "a_late_reply_is_an_unknown_outcome", dialect=NOTPANEL)
class AnotherIdEachTime(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """Once more, as another order."""
        try:
            return await place()
        except OutcomeUnknown:
            return await place(request_id="another")


@breaks("a_lost_reply_is_an_unknown_outcome")
class CallsItSafe(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """An unknown outcome that invites to a second order."""
        try:
            return await place()
        except OutcomeUnknown as error:
            error.safe_to_repeat = True
            raise


@breaks("a_server_error_is_an_unknown_outcome")
class SaysRefused(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """What failed was refused."""
        try:
            return await place()
        except OutcomeUnknown as error:
            raise Refused("it failed") from error


@breaks("an_unreadable_reply_is_an_unknown_outcome", "a_receipt_with_a_refusal_is_an_unknown_outcome")
class SaysPlaced(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """What was not refused was placed."""
        try:
            return await place()
        except OutcomeUnknown:
            return Receipt("0")


@breaks("a_cancelled_order_is_told")
class Silent(Panel):
    def __init__(self, dialect: Dialect, *, settings: Settings, **given: Any) -> None:
        super().__init__(dialect, settings=evolve(settings, on_event=None), **given)


@breaks("a_refill_with_an_unreadable_answer", "a_cancel_with_an_unreadable_answer")
class WishesTwice(Panel):
    async def refill(self, orders: Ids | int | str) -> Mapping[str, Refill | SMMError]:
        """Once more, to be sure."""
        try:
            return await super().refill(orders)
        except OutcomeUnknown:
            return await super().refill(orders)

    async def cancel(self, orders: Ids | int | str) -> Mapping[str, Cancellation | SMMError]:
        """Once more, to be sure."""
        try:
            return await super().cancel(orders)
        except OutcomeUnknown:
            return await super().cancel(orders)


@breaks("a_read_without_an_answer_is_unavailable", "a_read_with_an_unreadable_answer_is_malformed")
class SaysNothingLeft(Panel):
    async def balance(self, *, refresh: bool = False) -> Balance:
        """Nothing, where it is not known."""
        try:
            return await super().balance(refresh=refresh)
        except (Unavailable, Malformed):
            return Balance(Decimal(0), None, 0.0)


class Renames(Faulty):
    """One error for another."""

    met: type[SMMError]
    said: type[SMMError]

    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """The wrong error."""
        try:
            return await place()
        except self.met as error:
            raise self.said("something went wrong") from error


@breaks("a_refused_connection_is_unavailable", "a_firewall_is_blocked")
class AlwaysInDoubt(Renames):
    met, said = Unavailable, OutcomeUnknown


@breaks("a_limit_is_waited_for")
class LimitIsNo(Renames):
    met, said = RateLimited, Refused

    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """Without waiting."""
        self._pipeline._policy = evolve(self._pipeline._policy, attempts=1)
        return await super().placed(place, order)


@breaks("a_long_limit_is_told")
class KeepsTheWait(Renames):
    met, said = RateLimited, RateLimited


@breaks("a_wrong_address_is_a_config_error")
class WrongAddressIsNo(Renames):
    met, said = ConfigError, Refused


class Follower(HttpxTransport):
    async def send(self, request: WireRequest) -> WireReply:
        """Go where it is sent."""
        reply = await super().send(request)
        location = reply.headers.get("location")
        return reply if location is None else await super().send(evolve(request, url=location))


@breaks("a_redirect_is_not_followed")
class Follows(Panel):
    def __init__(self, dialect: Dialect, **given: Any) -> None:
        super().__init__(dialect, transport=Follower(), **given)
