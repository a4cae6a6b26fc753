"""Status calls for one order each, made within a few milliseconds, become one batch request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from smmclient.errors import SMMError
from smmclient.model import OrderStatus
from smmclient.pipeline.clock import Clock
from smmclient.pipeline.share import Flight

__all__ = ["Gatherer"]

#: Seconds for which the first caller waits for others.
_WINDOW = 0.004


class Gatherer:
    """Collects ids for a moment, then asks for them together."""

    def __init__(
        self,
        clock: Clock,
        *,
        size: int,
        fetch: Callable[[Sequence[str]], Awaitable[Mapping[str, OrderStatus | SMMError]]],
    ) -> None:
        self._clock = clock
        self._size = size
        self._fetch = fetch
        self._open: _Batch | None = None

    async def get(self, order: str) -> OrderStatus | SMMError:
        """The status of one order; raises what the whole request ended with."""
        while True:
            batch = self._open
            if batch is None or len(batch.ids) >= self._size:
                return (await self._lead(order))[order]
            batch.ids[order] = None
            landed = await batch.flight.wait()
            if landed is not None:
                return landed[0][order]

    async def _lead(self, order: str) -> Mapping[str, OrderStatus | SMMError]:
        batch = self._open = _Batch(order)
        try:
            await self._clock.sleep(_WINDOW)
            self._close(batch)
            answers = await self._fetch(list(batch.ids))
        except SMMError as error:
            batch.flight.fail(error)
            raise
        except BaseException:
            # This caller was cancelled, not the others: they lead a new batch.
            self._close(batch)
            batch.flight.abandon()
            raise
        batch.flight.succeed(answers)
        return answers

    def _close(self, batch: _Batch) -> None:
        if self._open is batch:
            self._open = None


class _Batch:
    def __init__(self, order: str) -> None:
        self.ids: dict[str, None] = {order: None}
        self.flight: Flight[Mapping[str, OrderStatus | SMMError]] = Flight()
