"""Where the events of a run go: a live display, plain lines, or lines of JSON; and what is loud in each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from smmclient.bulk import BulkEvent, Entry, OrderChanged
from smmclient.bulk.unit import Unit
from smmclient.cli.bulk.plain_events import PlainEvents, line_of
from smmclient.cli.bulk.progress import Progress
from smmclient.cli.bulk.records import as_record
from smmclient.cli.output import Out

__all__ = ["View", "view_for"]

Find = Callable[[str, str], Awaitable[Entry | None]]

_RETURNING = ("partial", "canceled", "refunded")


class View(ABC):
    """Shows a run while it works. Use it as a context manager around the run."""

    def __init__(self, out: Out, progress: Progress, find: Find) -> None:
        self._out, self._progress, self._find = out, progress, find

    async def show(self, event: BulkEvent) -> None:
        """Count an event and show it."""
        self._progress.note(event)
        await self._show(event)

    @abstractmethod
    async def _show(self, event: BulkEvent) -> None: ...

    def note(self, text: str) -> None:
        """Write a line to stderr."""
        self._out.note(f"smm: {text}")

    async def _entry(self, event: BulkEvent, *, is_any: bool = False) -> Entry | None:
        """The row of an order that gives money back, or, with ``is_any``, of any order that has changed."""
        if isinstance(event, OrderChanged) and (is_any or event.status.state.value in _RETURNING):
            return await self._find(event.panel, event.status.order)
        return None

    def _unit(self, event: BulkEvent) -> Unit:
        return self._progress.panel(event.panel).unit

    def close(self) -> None:  # noqa: B027 (most leave no trace)
        """Leave the terminal as it was."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class JsonView(View):
    """One line of JSON an event."""

    async def _show(self, event: BulkEvent) -> None:
        entry = await self._entry(event, is_any=True)
        self._out.write_json(as_record(event, entry, unit=self._unit(event)), is_line=True)


class PlainView(View):
    """A line for each event that matters, and one for progress now and then."""

    def __init__(self, out: Out, progress: Progress, find: Find) -> None:
        super().__init__(out, progress, find)
        self._lines = PlainEvents(progress)

    async def _show(self, event: BulkEvent) -> None:
        entry = await self._entry(event)
        for line in self._lines.lines(event, entry):
            self._out.line(line)


class LiveView(View):
    """Bars and figures that change in place; what one should read stands above them."""

    def __init__(self, out: Out, progress: Progress, find: Find) -> None:
        super().__init__(out, progress, find)
        from rich.live import Live

        from smmclient.cli.bulk.bars import bars

        self._live = Live(console=out.console(), get_renderable=lambda: bars(progress), refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    async def _show(self, event: BulkEvent) -> None:
        entry = await self._entry(event)
        if (line := line_of(event, entry, unit=self._unit(event), is_live=True)) is not None:
            from rich.text import Text

            from smmclient.cli.plain import clean

            self._live.console.print(Text(clean(line)), soft_wrap=True)

    def note(self, text: str) -> None:
        # Below the bars it would be painted over.
        is_live = self._live.is_started
        self._live.stop()
        super().note(text)
        if is_live:
            self._live.start()

    def close(self) -> None:
        self._live.stop()


def view_for(out: Out, progress: Progress, find: Find) -> View:
    """The view that fits where the output goes."""
    if out.json:
        return JsonView(out, progress, find)
    return LiveView(out, progress, find) if out.is_terminal else PlainView(out, progress, find)
