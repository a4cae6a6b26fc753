"""What was seen before is not handled again: the guard, and one in memory.

A claim that is made twice is held until the later of its two times: a receiver claims for a short time, handles the
event, and then claims for long. What a crash leaves behind is then forgotten soon, and the panel's repeat is handled.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from smmclient.errors import UsageError

__all__ = ["MemoryReplays", "ReplayGuard", "check_limit"]


@runtime_checkable
class ReplayGuard(Protocol):
    """Remembers deliveries by their tokens. Implement it over what your processes share; both must be atomic there."""

    async def claim(self, token: str, expires_at: float) -> bool:
        """Whether the token is new; from now on it is not, until ``expires_at`` (seconds since the epoch).

        A token that is held stays so until the later of the two times.
        """
        ...

    async def release(self, token: str) -> None:
        """Forget the token: what it stands for could not be handled, and may come again."""
        ...


class MemoryReplays:
    """A guard in this process's memory: right for one process, and empty after a restart.

    It holds ``limit`` tokens; beyond that the one that was claimed first is forgotten, even before its time.
    """

    def __init__(self, *, limit: int = 100_000, clock: Callable[[], float] = time.time) -> None:
        check_limit(limit)
        self._limit, self._clock = limit, clock
        self._held: dict[str, float] = {}
        #: When to look at which token again; what was released or claimed for longer is passed over then.
        self._ends: list[tuple[float, str]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._held)} of {self._limit}>"

    async def claim(self, token: str, expires_at: float) -> bool:
        """See `ReplayGuard.claim`."""
        self._forget(min(self._clock(), expires_at))
        held = self._held.get(token)
        if held is not None and held >= expires_at:
            return False
        if held is None and len(self._held) >= self._limit:
            del self._held[next(iter(self._held))]
        self._held[token] = expires_at
        heapq.heappush(self._ends, (expires_at, token))
        if len(self._ends) > 4 * self._limit:
            self._ends = sorted((ends, one) for one, ends in self._held.items())
        return held is None

    async def release(self, token: str) -> None:
        """See `ReplayGuard.release`."""
        self._held.pop(token, None)

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] < now:
            ends, token = heapq.heappop(self._ends)
            if self._held.get(token) == ends:
                del self._held[token]


def check_limit(limit: int) -> None:
    """Raise `UsageError` unless it is a number of tokens."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise UsageError(f"limit: it must be how many tokens are held, 1 or more, not {limit!r}")
