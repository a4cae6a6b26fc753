"""Rows of a journal a page at a time, as an iterator and not a generator: leaving it early leaves nothing behind."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from smmclient.bulk.entry import Entry

__all__ = ["Pages"]


class Pages(AsyncIterator[Entry]):
    """``fetch`` gets the number of the last row it gave, and returns those behind it; at the end, an empty page."""

    def __init__(self, fetch: Callable[[int], Awaitable[Sequence[Entry]]]) -> None:
        self._fetch = fetch
        self._page: deque[Entry] = deque()
        self._last = 0

    async def __anext__(self) -> Entry:
        if not self._page:
            self._page.extend(await self._fetch(self._last))
            if not self._page:
                raise StopAsyncIteration
            self._last = self._page[-1].number
        return self._page.popleft()
