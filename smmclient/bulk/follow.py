"""Follows the placed orders of a journal until they are final, and writes down where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import anyio

from smmclient.bulk.entry import RowState
from smmclient.bulk.events import OrderChanged, PanelStopped
from smmclient.bulk.journal import Journal
from smmclient.bulk.stage import Stage
from smmclient.errors import JournalError, SMMError
from smmclient.model import OrderState, OrderStatus
from smmclient.pipeline.clock import Clock, SystemClock
from smmclient.provider import Provider
from smmclient.tracking import Tally, Track, check_pushes, tracked

if TYPE_CHECKING:
    from smmclient.webhooks.pushes import Pushes

__all__ = ["Follower", "look_at_orders"]

_OPEN: tuple[OrderState | None, ...] = (None, *(state for state in OrderState if not state.is_final))
#: Changes that are written together at most, while one write is under way.
_TOGETHER = 500
#: Orders that are looked at in passing.
_AT_ONCE = 1000


class Follower(Stage):
    """Follows what was placed, in batches, at the pace that the limits allow.

    It ends when every order is final. A panel that cannot be asked any more is told, and the others go on. ``pushes``
    are those of the panels that push (see `Provider.track`), by the names that the journal has for them.
    """

    def __init__(
        self,
        journal: Journal,
        panels: Mapping[str, Provider],
        *,
        every: float | None = None,
        patience: float = 900.0,
        pushes: Mapping[str, Pushes] | None = None,
    ) -> None:
        super().__init__()
        self._journal, self._panels, self._every, self._patience = journal, panels, every, patience
        self._pushes = check_pushes(pushes, panels)
        self._tracks: dict[str, Track] = {}
        self._scope: anyio.CancelScope | None = None
        self._is_stopped = False

    @property
    def tallies(self) -> dict[str, Tally]:
        """What following has cost at each panel so far, and what pushes have saved."""
        return {panel: track.tally for panel, track in self._tracks.items()}

    def stop(self) -> None:
        """Ask no more; what was seen is written down."""
        self._is_stopped = True
        if self._scope is not None:
            self._scope.cancel()

    async def _work(self) -> None:
        if self._is_stopped:
            return
        with anyio.CancelScope() as self._scope:
            async with anyio.create_task_group() as tasks:
                for panel, provider in self._panels.items():
                    tasks.start_soon(self._follow, panel, provider)

    async def _follow(self, panel: str, provider: Provider) -> None:
        ids = await _open_orders(self._journal, panel)
        if not ids:
            return
        clock: Clock = getattr(provider, "clock", None) or SystemClock()
        try:
            async with anyio.create_task_group() as writers:
                writer = _Writer(self, self._journal, panel, clock)
                changes = tracked(provider, ids, self._every, self._patience, self._pushes.get(panel))
                if isinstance(changes, Track):
                    self._tracks[panel] = changes
                async for status in changes:
                    if writer.take(status):
                        writers.start_soon(writer.write)
        except* JournalError:
            raise
        except* SMMError as group:
            error = group.exceptions[0]
            await self.tell(PanelStopped(panel=panel, error=type(error).__name__, reason=str(error)))


async def look_at_orders(journal: Journal, panel: str, provider: Provider) -> int:
    """Look once at the panel's orders that are not final yet, and write down where they stand; how many still are not.

    Nothing is asked where there are too many of them: that is a `Follower`'s work. Raises what the panel raises.
    """
    ids = await _open_orders(journal, panel)
    if not 0 < len(ids) <= _AT_ONCE:
        return len(ids)
    clock: Clock = getattr(provider, "clock", None) or SystemClock()
    answers = await provider.order_statuses(ids)
    seen = [one for one in answers.values() if isinstance(one, OrderStatus)]
    await journal.follow(panel, seen, at=clock.wall())
    return len(ids) - sum(one.state.is_final for one in seen)


async def _open_orders(journal: Journal, panel: str) -> list[str]:
    found = journal.entries(states=(RowState.DONE,), panel=panel, order_states=_OPEN)
    return [entry.order_id async for entry in found if entry.order_id is not None]


class _Writer:
    """Writes changes that come together in one go."""

    def __init__(self, stage: Follower, journal: Journal, panel: str, clock: Clock) -> None:
        self._stage, self._journal, self._panel, self._clock = stage, journal, panel, clock
        self._seen: list[OrderStatus] = []

    def take(self, status: OrderStatus) -> bool:
        """Keep a change; True if somebody has to write it."""
        self._seen.append(status)
        return len(self._seen) == 1

    async def write(self) -> None:
        with anyio.CancelScope(shield=True):
            while self._seen:
                some, self._seen = self._seen[:_TOGETHER], self._seen[_TOGETHER:]
                await self._journal.follow(self._panel, some, at=self._clock.wall())
                for status in some:
                    await self._stage.tell(OrderChanged(panel=self._panel, status=status))
