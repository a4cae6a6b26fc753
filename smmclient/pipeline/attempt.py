"""One attempt of a call: its turn, the gate, the send, and what the reply means."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar, cast

import anyio
import anyio.to_thread
from attrs import define

from smmclient.dialect.dialect import Dialect
from smmclient.dialect.refusals import Fault
from smmclient.dialect.rows import Unmatched
from smmclient.dialect.told import Told, told_limits
from smmclient.errors import ConfigError, Overloaded, RateLimited, SMMError
from smmclient.events import Waiting
from smmclient.pipeline.account import Account, AccountBook, Ticket
from smmclient.pipeline.clock import Clock
from smmclient.pipeline.decide import Failed, Met, decide, outcome
from smmclient.pipeline.key import ApiKey
from smmclient.pipeline.pace import Priority
from smmclient.pipeline.retry import pause
from smmclient.pipeline.tell import Teller
from smmclient.settings import Settings
from smmclient.transport import Transport
from smmclient.wire import BodyTooLarge, Delivery, Operation, Safety, TransportFailed, WireReply, WireRequest

__all__ = ["Attempts", "Call"]

T = TypeVar("T")
_EXCERPT = 200
#: Bytes of a reply from which on it is read in a thread.
_LARGE = 256 * 1024


@define
class Call(Generic[T]):
    """One operation on its way, across its attempts."""

    operation: Operation[T]
    priority: Priority
    before_send: Callable[[], Awaitable[None]] | None
    account: Account | None = None
    #: Which key's account the last attempt was sent by.
    sent_by: str = ""
    attempts: int = 0
    deadline: float = 0.0
    started: float = 0.0
    #: The last attempt was denied by the panel's limit: a wait for that counts, one for our own pacing does not.
    denied: bool = False
    #: A request is under way, or was when the call was cancelled.
    in_air: bool = False
    #: An attempt that is over may have been acted upon.
    doubt: bool = False


class Attempts:
    """Makes single attempts against one endpoint: each ends in a result, a `Failed`, or an error that is final."""

    def __init__(
        self,
        *,
        dialect: Dialect,
        url: str,
        headers: dict[str, str],
        key: Callable[[], ApiKey],
        book: AccountBook,
        transport: Transport,
        settings: Settings,
        clock: Clock,
        draw: random.Random,
    ) -> None:
        self.dialect, self.settings, self.clock, self.draw = dialect, settings, clock, draw
        self._url, self._headers, self._key, self._transport = url, headers, key, transport
        self.book = book
        self.teller = Teller(dialect.name, settings.on_event)
        self.gate = anyio.Semaphore(settings.max_connections, fast_acquire=True)

    async def make(self, call: Call[T]) -> T:
        """The result of one attempt. Raises `Failed` for what `decide` knows, `SMMError` for what is final."""
        call.in_air = False
        key, account, ticket = await self._turn(call)
        reply: WireReply | None = None
        try:
            if call.before_send is not None and not call.attempts:
                await call.before_send()
            await self.gate.acquire()
            try:
                call.attempts += 1
                call.started = self.clock.now()
                call.deadline = call.deadline or call.started + self.settings.retry.deadline
                call.in_air = True
                reply = await self._send(call.operation, key)
            finally:
                self.gate.release()
            told = self._settle(account, ticket, reply)
        except BaseException as error:
            self._release(call, account, ticket, reply, error)
            if isinstance(error, TransportFailed):
                raise self._failed(call, key, _met(error), error) from error
            raise
        call.in_air = False
        return await self._read(call, key, reply, told)

    async def _turn(self, call: Call[T]) -> tuple[ApiKey, Account, Ticket]:
        """The key to sign with, its account and a ticket of it; the key is asked for again after a wait."""
        key = self._key()
        while True:
            call.account = account = self.book.of(key)
            if call.doubt and call.sent_by and key.account != call.sent_by:
                # Whether another key's request_id is known again is not documented anywhere.
                raise ConfigError("the API key has changed since the order was sent first")
            ticket = account.take_now()
            if ticket is not None:
                call.sent_by = key.account
                return key, account, ticket
            if self.teller.has_listener:
                self.tell_waiting(call, account.wait(self.clock.now()), "its turn in pacing")
            waited_from = self.clock.now()
            ticket = await account.turn(Priority.REPEAT if call.attempts else call.priority)
            if call.attempts and not call.denied:
                call.deadline += self.clock.now() - waited_from
            try:
                fresh = self._key()
            except BaseException:
                account.give_back()
                raise
            if fresh.account == key.account:
                call.sent_by = key.account
                return fresh, account, ticket
            account.give_back()
            key = fresh

    async def _send(self, operation: Operation[T], key: ApiKey) -> WireReply:
        request = WireRequest(self._url, key.sign(operation.form), self._headers, self.settings.timeouts)
        try:
            return await self._transport.send(request)
        except (TransportFailed, SMMError):
            raise
        except Exception as error:
            # A transport that breaks its promise: bytes may have left.
            raise TransportFailed(type(error).__name__, delivery=Delivery.MAYBE_SENT) from error

    def _settle(self, account: Account, ticket: Ticket, reply: WireReply) -> Told:
        told = told_limits(reply.headers, self.clock.wall())
        account.settle(ticket, self.clock.now(), told)
        return told or Told()

    def _release(
        self, call: Call[T], account: Account, ticket: Ticket, reply: WireReply | None, error: BaseException
    ) -> None:
        """Account for an attempt that brought no reply."""
        if not call.in_air:
            account.give_back()
        elif reply is None:
            # After a timeout or a cancel the panel may count the request as late as we would have waited for it.
            lost = not isinstance(error, TransportFailed) or error.delivery is Delivery.MAYBE_SENT
            late = lost and getattr(error, "timed_out", True)
            account.settle(ticket, self.clock.now(), None, grace=self.settings.timeouts.read if late else 0.0)
        # A call that came to a definite end is in the air no more; a cancelled one may be.
        call.in_air = call.in_air and not isinstance(error, Exception)

    async def _decoded(self, reply: WireReply, operation: Operation[T]) -> T:
        if len(reply.body) < _LARGE or operation.safety is not Safety.READ:
            # Without a pause in which a call could be cancelled: a receipt that has come is handed out.
            return self.dialect.read(reply, operation)
        # Tens of thousands of rows would hold up the event loop.
        return await anyio.to_thread.run_sync(self.dialect.read, reply, operation)

    async def _read(self, call: Call[T], key: ApiKey, reply: WireReply, told: Told) -> T:
        try:
            result = await self._decoded(reply, call.operation)
        except RateLimited as error:
            own_pause = pause(self.settings.retry, call.attempts, self.draw)
            wait = cast("Account", call.account).deny(self.clock.now(), told, otherwise=own_pause)
            error.denied_by = told.denied_by
            raise self._failed(call, key, Met.LIMITED, error, reply, retry_after=wait) from error
        except Overloaded as error:
            raise self._failed(call, key, Met.CLOSED, error, reply) from error
        except Fault as error:
            raise self._failed(call, key, Met.FAULT, error, reply) from error
        except SMMError as error:
            key.scrub(error)
            self._note(call, reply, type(error).__name__)
            raise
        except Exception as error:
            # Unreadable, or a decoder's own fault: either way the reply tells nothing that can be relied on.
            excerpt = None if call.operation.is_secret else _excerpt(reply, key)
            met = Met.UNMATCHED if isinstance(error, Unmatched) else Met.GARBLED
            raise self._failed(call, key, met, error, reply, excerpt=excerpt) from error
        for row in result.values() if isinstance(result, dict) else ():
            if isinstance(row, SMMError):
                key.scrub(row)
        self._note(call, reply, "ok")
        return result

    def _failed(
        self,
        call: Call[T],
        key: ApiKey,
        met: Met,
        cause: Exception,
        reply: WireReply | None = None,
        *,
        excerpt: str | None = None,
        retry_after: float | None = None,
    ) -> Failed:
        key.scrub(cause)
        call.denied = met is Met.LIMITED
        call.doubt = call.doubt or decide(call.operation.safety, met).doubt
        failed = Failed(met, cause, excerpt=excerpt, retry_after=retry_after)
        alone = outcome(call.operation.safety, failed, doubt=call.doubt, attempts=call.attempts)
        self._note(call, reply, type(alone).__name__)
        return failed

    def _note(self, call: Call[T], reply: WireReply | None, ended: str) -> None:
        self.teller.attempted(
            call.operation.name,
            attempt=call.attempts,
            elapsed=self.clock.now() - call.started,
            status=reply.status if reply else None,
            outcome=ended,
        )

    def tell_waiting(self, call: Call[T], seconds: float, reason: str) -> None:
        """Tell that the call waits."""
        self.teller.tell(
            Waiting(provider=self.dialect.name, operation=call.operation.name, seconds=seconds, reason=reason)
        )


def _excerpt(reply: WireReply, key: ApiKey) -> str:
    return key.redact(reply.body[:65536].decode("utf-8", "replace"))[:_EXCERPT]


def _met(error: TransportFailed) -> Met:
    if isinstance(error, BodyTooLarge):
        return Met.OVERSIZE
    return Met.NOT_SENT if error.delivery is Delivery.NOT_SENT else Met.LOST
