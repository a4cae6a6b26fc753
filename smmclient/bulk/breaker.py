"""A panel that does not act is left alone, and tried with one call at a time until it acts again.

Without it, an outage would put row after row in doubt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from smmclient.errors import JournalError, Malformed, Unavailable
from smmclient.pipeline.clock import Clock

__all__ = ["Breaker"]

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0
#: Unknown outcomes in a row before the panel is left alone.
_TOLERATED = 3


class Breaker:
    """Whether rows may go to a panel; rows are told by their number. ``probe`` asks it for what changes nothing."""

    def __init__(
        self,
        clock: Clock,
        *,
        patience: float,
        probe: Callable[[], Awaitable[object]],
        on_pause: Callable[[float, str], Awaitable[None]],
        on_resume: Callable[[], Awaitable[None]],
    ) -> None:
        self._clock, self._patience, self._probe = clock, patience, probe
        self._on_pause, self._on_resume = on_pause, on_resume
        self.is_healthy = True
        self._bad_since: float | None = None
        self._in_a_row = 0
        self._pause = _FIRST_PAUSE
        self._reason = ""
        self._trial: int | None = None
        self._has_trial = False
        self._changed = anyio.Event()
        self._is_over = False

    def good(self, row: int) -> None:
        """A call was answered: the panel acts."""
        self._in_a_row = 0
        if not self.is_healthy:
            # A row that was in the air when the trouble began says nothing of now; the one that was let through does.
            if self._trial != row:
                return
            self.is_healthy, self._trial = True, None
            self._wake()
        self._bad_since = None
        self._pause = _FIRST_PAUSE

    def fault(self, row: int | None, reason: str, *, is_sure: bool) -> None:
        """A call was not acted upon (``is_sure``), or nobody knows."""
        self._in_a_row += 1
        self._reason = reason
        if self._bad_since is None:
            self._bad_since = self._clock.now()
        if row is not None and self._trial == row:
            self._trial = None
            self._wake()
        elif self.is_healthy and (is_sure or self._in_a_row >= _TOLERATED):
            self.is_healthy = False
            self._wake()

    def drop(self, row: int) -> None:
        """The row was not sent after all."""
        if self._trial == row:
            self._trial, self._has_trial = None, True
            self._wake()

    def admits(self, row: int) -> bool:
        """Whether the row may be sent now."""
        return self.is_healthy or self._trial == row

    async def enter(self, row: int) -> bool:
        """Wait until the row may go on its way; False when the work is over."""
        while not self._is_over:
            if self.is_healthy:
                return True
            if self._has_trial:
                self._has_trial, self._trial = False, row
                return True
            await self._changed.wait()
        return False

    def close(self) -> None:
        """The work is over: nobody waits any longer."""
        self._is_over = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def watch(self) -> Exception | None:
        """Look after the panel while the work goes on; returns what it is given up for, None when the work is over."""
        while not self._is_over:
            if self.is_healthy or self._trial is not None or self._has_trial:
                await self._changed.wait()
            elif (error := await self._try_again()) is not None:
                return error
        return None

    async def _try_again(self) -> Exception | None:
        """Pause, then ask; a good answer lets one row pass."""
        if self._bad_since is not None and self._clock.now() - self._bad_since > self._patience:
            return Unavailable(f"it has not acted for {self._patience:g} s: {self._reason}")
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        await self._on_pause(pause, self._reason)
        await self._clock.sleep(pause)
        try:
            await self._probe()
        except (Unavailable, Malformed) as error:
            self._reason = str(error)
            return None if error.retryable else error
        except JournalError:
            raise
        except Exception as error:
            return error
        await self._on_resume()
        self._has_trial = True
        self._wake()
        return None
