"""What was handled is not handled again: the guard, and one in memory.

A token is claimed for a short time, the event is handled, and then the token is kept for long. A repeat in between is
told that somebody is at it: nobody knows yet how that ends, so it must come again. What a crash leaves is free soon.
"""

from __future__ import annotations

import enum
import heapq
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from smmclient.errors import UsageError

__all__ = ["Claim", "MemoryReplays", "ReplayGuard", "check_limit"]


class Claim(enum.Enum):
    """What a guard answers to a claim."""

    #: The token is the caller's, to handle what it stands for.
    NEW = "new"
    #: Somebody else's, who has not said yet that it is handled.
    BUSY = "busy"
    #: It was handled.
    DONE = "done"


@runtime_checkable
class ReplayGuard(Protocol):
    """Remembers deliveries by their tokens. Implement it over what your processes share; each call is atomic there."""

    async def claim(self, token: str, expires_at: float) -> Claim:
        """Claim the token until ``expires_at`` (seconds since the epoch), if it is free; it is free again after that.

        A token that is somebody else's, or done, stays as it is.
        """
        ...

    async def keep(self, token: str, expires_at: float) -> None:
        """What the token stands for is handled: it is done until ``expires_at``, or until later if it was already."""
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
        #: Until when each is held, and whether it is done.
        self._held: dict[str, tuple[float, bool]] = {}
        #: When to look at which token again; what was released or kept for longer is passed over then.
        self._ends: list[tuple[float, str]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._held)} of {self._limit}>"

    async def claim(self, token: str, expires_at: float) -> Claim:
        """See `ReplayGuard.claim`."""
        self._forget(min(self._clock(), expires_at))
        if (held := self._held.get(token)) is not None:
            return Claim.DONE if held[1] else Claim.BUSY
        self._hold(token, expires_at, is_done=False)
        return Claim.NEW

    async def keep(self, token: str, expires_at: float) -> None:
        """See `ReplayGuard.keep`."""
        held, is_done = self._held.get(token, (expires_at, False))
        self._hold(token, max(held, expires_at) if is_done else expires_at, is_done=True)

    async def release(self, token: str) -> None:
        """See `ReplayGuard.release`."""
        self._held.pop(token, None)

    def _hold(self, token: str, expires_at: float, *, is_done: bool) -> None:
        if token not in self._held and len(self._held) >= self._limit:
            del self._held[next(iter(self._held))]
        self._held[token] = (expires_at, is_done)
        heapq.heappush(self._ends, (expires_at, token))
        if len(self._ends) > 4 * self._limit:
            self._ends = sorted((ends, one) for one, (ends, _) in self._held.items())

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] < now:
            ends, token = heapq.heappop(self._ends)
            if self._held.get(token, (None, False))[0] == ends:
                del self._held[token]


def check_limit(limit: int) -> None:
    """Raise `UsageError` unless it is a number of tokens."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise UsageError(f"limit: it must be how many tokens are held, 1 or more, not {limit!r}")
