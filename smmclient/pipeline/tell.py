"""What the pipeline tells while it works: debug lines in the log, and events. Neither may cost a call its result."""

from __future__ import annotations

import logging
from collections.abc import Callable

from smmclient.events import Attempted, Event

__all__ = ["Teller"]

_log = logging.getLogger("smmclient")


class Teller:
    """Tells of one provider's calls."""

    def __init__(self, provider: str, on_event: Callable[[Event], None] | None) -> None:
        self._provider = provider
        self._on_event = on_event

    @property
    def has_listener(self) -> bool:
        """Whether anybody hears the events."""
        return self._on_event is not None

    def attempted(self, operation: str, *, attempt: int, elapsed: float, status: int | None, outcome: str) -> None:
        """One request is over."""
        if _log.isEnabledFor(logging.DEBUG):
            words = "%s %s attempt %d: %s, status %s, %.3f s"
            _log.debug(words, self._provider, operation, attempt, outcome, status, elapsed)
        if self._on_event is not None:
            self.tell(
                Attempted(
                    provider=self._provider,
                    operation=operation,
                    attempt=attempt,
                    elapsed=elapsed,
                    status=status,
                    outcome=outcome,
                )
            )

    def tell(self, event: Event) -> None:
        """Hand an event to the listener; what it raises is logged and dropped."""
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception:
            # An observer's fault must not cost a receipt.
            _log.exception("on_event raised")
