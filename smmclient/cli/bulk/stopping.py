"""Ctrl-C and SIGTERM while a run works: the first stops it cleanly, the second leaves at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator

from smmclient.bulk import Journal, RowState
from smmclient.bulk.stage import Stage
from smmclient.cli.bulk.view import View
from smmclient.cli.outcome import INTERRUPTED
from smmclient.errors import SMMError

__all__ = ["Stopper"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Seconds that the journal gets to be closed when a run is left at once; it is whole without that, too.
_TO_CLOSE = 2.0


class Stopper:
    """Stops the stage that is at work when it is told to, and remembers it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._stage: Stage | None = None
        self._view: View | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.is_stopped = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear the signals; `asyncio.run`, which would cancel what is in the air, does not meanwhile."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        before = signal.getsignal(signal.SIGINT)
        heard: list[signal.Signals] = []
        # Not on Windows, nor outside of the main thread.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for one in _SIGNALS:
                loop.add_signal_handler(one, self._stop)
                heard.append(one)
        try:
            yield
        finally:
            for one in heard:
                loop.remove_signal_handler(one)
            if heard:
                signal.signal(signal.SIGINT, before)
                if task is not None:
                    loop.add_signal_handler(signal.SIGTERM, task.cancel)

    @contextlib.contextmanager
    def watching(self, stage: Stage, view: View) -> Iterator[None]:
        """Stop this stage when a signal comes."""
        self._stage, self._view = stage, view
        if self.is_stopped:
            stage.stop()
        try:
            yield
        finally:
            self._stage = None

    def _stop(self) -> None:
        is_first, self.is_stopped = not self.is_stopped, True
        if not is_first:
            self._start(self._leave)
        elif self._stage is not None:
            self._stage.stop()
            self._start(self._announce)

    def _start(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        # Kept: the loop itself holds tasks only weakly.
        self._tasks.append(asyncio.get_running_loop().create_task(work()))

    async def _announce(self) -> None:
        sending = 0
        with contextlib.suppress(SMMError):
            sending = sum(one.rows for one in await self._journal.tallies() if one.state is RowState.SENDING)
        if self._view is not None and self._stage is not None:
            told = f"finishing {sending} in the air; Ctrl-C again leaves them in doubt" if sending else "a moment"
            self._view.note(f"stopping: {told}")

    async def _leave(self) -> None:
        """End the process: what is in the air stays in doubt, as it stands in the journal already."""
        if self._view is not None:
            self._view.close()
            self._view.note("left at once: what was in the air is in doubt; `smm bulk resume` sees to it")
        with contextlib.suppress(SMMError, TimeoutError):
            await asyncio.wait_for(self._journal.aclose(), _TO_CLOSE)
        # Nothing is awaited any more: an order in the air may take as long as the panel likes.
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(INTERRUPTED)
