"""Which row is next: rows in doubt whose time has come, then the file's, in its order."""

from __future__ import annotations

from collections import Counter, deque

import anyio

from smmclient.bulk.entry import Entry
from smmclient.bulk.journal import Journal

__all__ = ["Feed"]

_PAGE = 200
#: How often a row that was not acted upon keeps its place.
_RETURNS = 2


class Feed:
    """Hands one panel's rows to its workers."""

    def __init__(self, panel: str, journal: Journal) -> None:
        self._panel, self._journal = panel, journal
        self._rows: deque[Entry] = deque()
        self._later: deque[Entry] = deque()
        self._ripe: deque[Entry] = deque()
        self._returns: Counter[int] = Counter()
        self._times: dict[int, int] = {}
        self._reading = anyio.Lock()
        self._last = 0
        self._is_drained = self._are_rows_over = False
        self._is_closed = False
        #: Rows with a worker, and rows in doubt that will be ripe: while there are any, more can come.
        self._under_way = 0
        self._expected = 0
        #: What those wait for who wait for a change; None if nobody does.
        self._event: anyio.Event | None = None

    async def next(self) -> Entry | None:
        """The next row of the file; None when there is none, and none can come back."""
        while not self._is_closed:
            if not self._rows and not self._is_drained:
                await self._read()
            if self._rows:
                return self._hand_out(self._rows.popleft())
            if self._is_drained and self._later:
                return self._hand_out(self._later.popleft())
            if self._is_drained:
                if not self._under_way:
                    return None
                await self.changed()
        return None

    async def next_ripe(self) -> Entry | None:
        """The next row in doubt whose time has come; None when there is none, and none can come any more."""
        while not self._is_closed:
            if self._ripe:
                return self._ripe[0]
            if self._are_rows_over and not self._expected:
                return None
            await self.changed()
        return None

    def ripe_done(self) -> None:
        """The first of the ripe rows was asked about."""
        self._ripe.popleft()
        self._expected -= 1
        self.wake()

    @property
    def expects(self) -> bool:
        """Whether rows in doubt are to be asked about."""
        return self._expected > 0

    def end_rows(self) -> None:
        """No row of the file is handed out any more; rows in doubt are."""
        self._rows.clear()
        self._later.clear()
        self._is_drained = True
        self.wake()

    def rows_over(self) -> None:
        """Those who worked on the file's rows have ended."""
        self._are_rows_over = True
        self.wake()

    async def _read(self) -> None:
        async with self._reading:
            if self._rows or self._is_drained:
                return
            found = await self._journal.take(self._panel, after=self._last, limit=_PAGE)
            self._is_drained = len(found) < _PAGE
            if found:
                self._last = found[-1].number
            self._rows.extend(found)

    def _hand_out(self, entry: Entry) -> Entry:
        self._under_way += 1
        return entry

    def done(self) -> None:
        """A worker is done with a row."""
        self._under_way -= 1
        self.wake()

    def put_back(self, entry: Entry, *, is_fault: bool = True) -> None:
        """The row was not placed: its turn comes again, before those that stand behind it in the file.

        One that comes back again and again waits behind all others: it may be its own fault.
        """
        self._returns[entry.number] += is_fault
        if self._returns[entry.number] > _RETURNS:
            self._later.append(entry)
            self.wake()
            return
        at = next((n for n, one in enumerate(self._rows) if one.number > entry.number), len(self._rows))
        self._rows.insert(at, entry)
        self.wake()

    def expect(self) -> None:
        """A row in doubt will be ripe."""
        self._expected += 1

    def put_ripe(self, entry: Entry, times: int) -> None:
        """The row in doubt can be asked about now; it was that many times before."""
        self._times[entry.number] = times
        self._ripe.append(entry)
        self.wake()

    def times_asked(self, entry: Entry) -> int:
        """How often it was asked about."""
        return self._times.pop(entry.number, 0)

    def close(self) -> None:
        """Hand out nothing more."""
        self._is_closed = True
        self.wake()

    def wake(self) -> None:
        """Something has changed."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def changed(self) -> None:
        """Wait until something has changed."""
        if self._event is None:
            self._event = anyio.Event()
        await self._event.wait()
