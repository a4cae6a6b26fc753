"""The path of one call: pace → before_send → gate → send → decode → classify, again where `decide` allows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar, cast

from smmclient.errors import OutcomeUnknown, SMMError, UsageError
from smmclient.events import OrderInDoubt
from smmclient.pipeline.account import Account
from smmclient.pipeline.attempt import Attempts, Call
from smmclient.pipeline.decide import Failed, Met, decide, outcome
from smmclient.pipeline.pace import Priority
from smmclient.pipeline.retry import RetryQuota, pause
from smmclient.transport.loop import current_loop
from smmclient.wire import Operation, Safety

if TYPE_CHECKING:
    import tenacity

__all__ = ["Pipeline"]

T = TypeVar("T")
_REMEMBERED = 10_000


class Pipeline:
    """Runs operations against one endpoint: attempts, until one ends the call."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._provider = attempts.dialect.name
        self._policy = attempts.settings.retry
        self._quota = RetryQuota()
        #: The request_ids of orders whose outcome is unknown, the oldest first.
        self._in_doubt: dict[str | None, None] = {}
        self._loop: object = None

    def adopt(self, other: Pipeline) -> None:
        """Share the gate, the quota and, under the same limits, the accounts of a pipeline to the same endpoint."""
        self._quota, self._loop, self._in_doubt = other._quota, other._loop, other._in_doubt
        self._attempts.gate = other._attempts.gate
        if self._attempts.settings.limits == other._attempts.settings.limits:
            self._attempts.book = other._attempts.book

    async def run(
        self,
        operation: Operation[T],
        priority: Priority,
        *,
        before_send: Callable[[], Awaitable[None]] | None = None,
        doubt: bool = False,
    ) -> T:
        """The operation's result, or the one error that says what became of it.

        ``doubt`` says that an earlier call with the operation's ``request_id`` may have arrived.
        """
        self._check_loop()
        call = Call(operation, priority, before_send, doubt=doubt or operation.request_id in self._in_doubt)
        try:
            try:
                result = await self._attempts.make(call)
            except Failed as first:
                result = await self._repeat(call, first)
        except Failed as failed:
            raise self._ended(call, failed) from failed.cause
        except SMMError as error:
            ended = self._ended(call, error)
            if ended is error:
                raise
            raise ended from error
        except BaseException:
            # Cancelled, most likely. What may have arrived is told, because no error will tell it.
            if (call.in_air or call.doubt) and operation.safety is not Safety.READ:
                self._remember(operation.request_id)
                self._attempts.teller.tell(
                    OrderInDoubt(
                        provider=self._provider,
                        operation=operation.name,
                        order=operation.subject,
                        request_id=operation.request_id,
                        safe_to_repeat=operation.safety is Safety.KEYED,
                    )
                )
            raise
        self._quota.earn()
        self._in_doubt.pop(operation.request_id, None)
        return result

    def _remember(self, request_id: str | None) -> None:
        """An order with this id may have arrived: a later call with it starts in doubt."""
        if request_id is None:
            return
        self._in_doubt[request_id] = None
        if len(self._in_doubt) > _REMEMBERED:
            del self._in_doubt[next(iter(self._in_doubt))]

    async def _repeat(self, call: Call[T], first: Failed) -> T:
        """The later attempts. tenacity's loop is kept off the path of a call that goes well, and so is its import."""
        import tenacity

        pending: Failed | None = first
        async for attempt in tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(Failed),
            wait=lambda state: self._pause(call, _failure(state)),
            stop=lambda state: not self._may_repeat(call, _failure(state), state.upcoming_sleep),
            sleep=self._attempts.clock.sleep,
            reraise=True,
        ):
            with attempt:
                if pending is not None:
                    failed, pending = pending, None
                    raise failed
                return await self._attempts.make(call)
        raise AssertionError("unreachable: tenacity returns or raises")

    def _pause(self, call: Call[T], failed: Failed) -> float:
        # After a 429 the meters are closed, and pacing does the waiting.
        return 0.0 if failed.met is Met.LIMITED else pause(self._policy, call.attempts, self._attempts.draw)

    def _may_repeat(self, call: Call[T], failed: Failed, seconds: float) -> bool:
        if not decide(call.operation.safety, failed.met).repeat or call.attempts >= self._policy.attempts:
            return False
        if call.denied:
            seconds = cast("Account", call.account).wait(self._attempts.clock.now())
        if self._attempts.clock.now() + seconds > call.deadline or not self._quota.spend(failed.met):
            return False
        if failed.met is not Met.LIMITED:
            self._attempts.tell_waiting(call, seconds, failed.met.value)
        return True

    def _ended(self, call: Call[T], failed: Failed | SMMError) -> SMMError:
        operation = call.operation
        error = outcome(operation.safety, failed, doubt=call.doubt, attempts=call.attempts, advice=operation.advice)
        if isinstance(error, OutcomeUnknown):
            self._remember(operation.request_id)
        else:
            self._in_doubt.pop(operation.request_id, None)
        error.provider = self._provider
        error.operation = operation.name
        error.request_id = operation.request_id
        return error

    def _check_loop(self) -> None:
        loop = current_loop()
        if self._loop is loop:
            return
        if self._loop is None:
            self._loop = loop
        elif self._loop != loop:
            raise UsageError(
                "the provider was used on another event loop before: connect() once in each",
                provider=self._provider,
            )


def _failure(state: tenacity.RetryCallState) -> Failed:
    return cast("Failed", state.outcome.exception() if state.outcome else None)
