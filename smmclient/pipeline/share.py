"""Identical reads made at once share one request, and its result is kept for as long as it is good."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar, cast

import anyio

from smmclient.errors import SMMError
from smmclient.pipeline.clock import Clock

__all__ = ["Flight", "Shared"]

T = TypeVar("T")


class Flight(Generic[T]):
    """A result that is under way: set once, waited for by many."""

    def __init__(self) -> None:
        self.landed = anyio.Event()
        self._result: tuple[T] | None = None
        self._error: SMMError | None = None

    def succeed(self, result: T) -> None:
        """Give the result to all who wait."""
        self._result = (result,)
        self.landed.set()

    def fail(self, error: SMMError) -> None:
        """Give the error to all who wait."""
        self._error = error
        self.landed.set()

    def abandon(self) -> None:
        """Its leader was cancelled: those who wait must fly themselves."""
        self.landed.set()

    async def wait(self) -> tuple[T] | None:
        """The result, in a tuple; None if the flight was abandoned. Raises the error it ended with."""
        await self.landed.wait()
        if self._error is not None:
            raise self._error.copy()
        return self._result


class Shared(Generic[T]):
    """One read that is cached and shared."""

    def __init__(self, clock: Clock, *, keep: float) -> None:
        self._clock = clock
        self._keep = keep
        self._flight: Flight[T] | None = None
        self._last: tuple[float, T] | None = None

    async def get(self, fetch: Callable[[], Awaitable[T]], *, fresh: bool) -> T:
        """The kept value if it is still good, else that of one fetch for all who ask now.

        ``fresh`` asks anew, and does not join a request that was made before.
        """
        while not fresh:
            if self._last is not None and self._clock.now() - self._last[0] < self._keep:
                return self._last[1]
            if self._flight is None:
                break
            landed = await self._flight.wait()
            if landed is not None:
                return landed[0]
        return await self._fly(fetch)

    async def _fly(self, fetch: Callable[[], Awaitable[T]]) -> T:
        flight = self._flight = Flight[T]()
        asked_at = self._clock.now()
        try:
            result = await fetch()
        except SMMError as error:
            flight.fail(error)
            raise
        except BaseException:
            flight.abandon()
            raise
        else:
            if self._last is None or self._last[0] <= asked_at:
                self._last = (asked_at, result)
            flight.succeed(result)
            return result
        finally:
            if cast("Flight[T] | None", self._flight) is flight:
                self._flight = None
