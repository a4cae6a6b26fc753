"""How far a run has come: counted from its events, for whoever shows it. No display here."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from attrs import define, field

from smmclient.bulk import (
    BulkEvent,
    Entry,
    OrderChanged,
    PanelPaused,
    PanelResumed,
    PanelStarted,
    PanelStopped,
    RowHeld,
    RowInDoubt,
    RowPlaced,
    RowRefused,
)
from smmclient.bulk.unit import Unit
from smmclient.cli.bulk.standing import Standing
from smmclient.events import Attempted, Event
from smmclient.exact import EXACT
from smmclient.settings import Limit

__all__ = ["PanelProgress", "Progress"]

_MINUTE = 60.0
#: Seconds in which there is no rate yet.
_FIRST = 5.0
#: Seconds that the rate for the time left is taken from.
_LATELY = 180.0


@define
class PanelProgress:
    """One panel's part of the run."""

    name: str
    clock: Callable[[], float]
    total: int = 0
    placed: int = 0
    refused: int = 0
    held: int = 0
    spent: Decimal = Decimal(0)
    currency: str | None = None
    unit: Unit = field(factory=lambda: Unit.of(()))
    refusals: Counter[str] = field(factory=Counter)
    #: Rows in doubt by number.
    doubts: set[int] = field(factory=set)
    #: Orders that are followed, how many are final, and what they are in.
    followed: int = 0
    final: int = 0
    states: Counter[str] = field(factory=Counter)
    paused: str | None = None
    resumes_at: float = 0.0
    stopped: str | None = None
    limits: Sequence[Limit] = ()
    began: float = 0.0
    _ended: deque[float] = field(factory=deque)
    _requests: deque[float] = field(factory=deque)
    _state_of: dict[str, str] = field(factory=dict)

    @property
    def done(self) -> int:
        """Rows that need nothing more in this session."""
        return self.placed + self.refused + len(self.doubts) + self.held

    def note(self, event: BulkEvent) -> None:
        """Count an event of this panel."""
        match event:
            case PanelStarted():
                self.currency = event.currency or self.currency
            case RowPlaced(entry=entry):
                self.placed += 1
                self.spent = EXACT.add(self.spent, entry.price or Decimal(0))
                self._end(entry.number)
            case RowRefused(entry=entry):
                self.refused += 1
                self.refusals[entry.error or "Refused"] += 1
                self._end(entry.number)
            case RowInDoubt(entry=entry):
                self.doubts.add(entry.number)
            case RowHeld():
                self.held += 1
            case PanelPaused(seconds=seconds, reason=reason):
                self.paused, self.resumes_at = reason, self.clock() + seconds
            case PanelResumed():
                self.paused = None
            case PanelStopped(reason=reason):
                self.stopped, self.paused = reason, None
            case OrderChanged():
                self._follow(event)
            case _:
                pass

    def _end(self, number: int) -> None:
        self.doubts.discard(number)
        # The panel acts, whatever was said before.
        self.paused = None
        self._ended.append(self.clock())

    def _follow(self, event: OrderChanged) -> None:
        status = event.status
        if status.charge is not None:
            self.unit = self.unit.finer(status.charge)
        if (before := self._state_of.pop(status.order, None)) is not None:
            self.states[before] -= 1
        self.states[status.state.value] += 1
        if status.state.is_final:
            self.final += 1
        else:
            self._state_of[status.order] = status.state.value

    def attempted(self) -> None:
        """Count a request."""
        self._requests.append(self.clock())

    def per_minute(self) -> int | None:
        """How many rows end in a minute, by the last one of this session; None in its first seconds."""
        now = self.clock()
        while self._ended and self._ended[0] < now - _LATELY:
            self._ended.popleft()
        seconds = min(_MINUTE, now - self.began)
        if seconds < _FIRST:
            return None
        return round(sum(1 for at in self._ended if at > now - _MINUTE) * _MINUTE / seconds)

    def seconds_left(self) -> float | None:
        """How long the rest takes at the rate of the last minutes; None where nobody can say."""
        self.per_minute()
        seconds = min(_LATELY, self.clock() - self.began)
        left = self.total - self.done
        if left <= 0 or not self._ended or seconds <= 0:
            return None
        return left * seconds / len(self._ended)

    def limit_use(self) -> float | None:
        """How much of the limit the requests of its last period are, from 0 to 1; None where there is no limit."""
        if not self.limits:
            return None
        now = self.clock()
        longest = max(limit.per for limit in self.limits)
        while self._requests and self._requests[0] <= now - longest:
            self._requests.popleft()
        return max(sum(1 for at in self._requests if at > now - limit.per) / limit.rate for limit in self.limits)


class Progress:
    """All panels of a run. ``clock`` is in seconds, from wherever."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.panels: dict[str, PanelProgress] = {}

    def panel(self, name: str) -> PanelProgress:
        """One panel's part."""
        if name not in self.panels:
            self.panels[name] = PanelProgress(name, self.clock, began=self.clock())
        return self.panels[name]

    def begin(self, standings: Iterable[Standing], doubts: Iterable[Entry] = ()) -> None:
        """Begin with what earlier sessions have done, and left in doubt."""
        for one in standings:
            if one.asked == one.invalid:
                continue
            panel = self.panel(one.panel)
            panel.total = one.asked - one.invalid
            panel.placed, panel.refused = one.placed, one.refused
            panel.refusals = one.refusals.copy()
            panel.spent, panel.currency, panel.unit = one.spent, one.currency, one.unit
            panel.began = self.clock()
        for entry in doubts:
            self.panel(entry.panel).doubts.add(entry.number)

    def begin_following(self, standings: Iterable[Standing]) -> None:
        """Begin with the orders that are not final yet."""
        for one in standings:
            if one.placed:
                panel = self.panel(one.panel)
                panel.followed, panel.final = one.placed, one.placed - one.open_orders
                panel.unit = one.unit
                panel.states = one.orders.copy()
                del panel.states["not followed"]

    def note(self, event: BulkEvent) -> None:
        """Count an event."""
        self.panel(event.panel).note(event)

    def attempted(self, name: str, event: Event) -> None:
        """Count a request of a panel's provider."""
        if isinstance(event, Attempted):
            self.panel(name).attempted()

    @property
    def done(self) -> int:
        """Rows of all panels that need nothing more."""
        return sum(one.done for one in self.panels.values())

    @property
    def total(self) -> int:
        """Rows of all panels."""
        return sum(one.total for one in self.panels.values())
