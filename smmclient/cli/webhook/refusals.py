"""Deliveries that were refused: a line for each, with the check that it failed and nothing else of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from smmclient.webhooks.bodies import Send

__all__ = ["Refusals", "refuse"]

#: Where receivers say what they refuse, and uvicorn what is no HTTP.
_OURS, _SERVER = "smmclient.webhooks", "uvicorn.error"
_log = logging.getLogger(_OURS)


async def refuse(send: Send, status: int, check: str) -> None:
    """Answer a request that failed a check before it came to a receiver, and say so."""
    _log.warning("refused a delivery: %s", check)
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Refusals(logging.Handler):
    """Tells each refusal while it is a context, or with ``is_brief`` the first of each kind, and counts all."""

    def __init__(self, tell: Callable[[str], None], *, is_brief: bool = False) -> None:
        super().__init__(logging.WARNING)
        self.tell = tell
        self.counts: Counter[str] = Counter()
        self._is_brief = is_brief

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        text = record.getMessage()
        if record.name == _SERVER:
            # The rest is about uvicorn's own life.
            if not text.startswith("Invalid HTTP"):
                return
            text = "refused a delivery: http"
        self.counts[text] += 1
        if not self._is_brief or self.counts[text] == 1:
            # A stderr that is gone must not turn a delivery away.
            with suppress(OSError, ValueError):
                self.tell(text)

    @property
    def total(self) -> int:
        """How many there were."""
        return self.counts.total()

    def __enter__(self) -> Self:
        for name in (_OURS, _SERVER):
            logging.getLogger(name).addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name in (_OURS, _SERVER):
            logging.getLogger(name).removeHandler(self)
