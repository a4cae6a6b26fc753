"""What placing and following have in common: they work in the background of an iterator of events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from attrs import define

from smmclient.bulk.events import BulkEvent

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectSendStream

__all__ = ["Stage", "one_error"]

#: Events that may wait for their reader before the work waits, too.
_WAITING = 1000


def one_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of the errors of a task group; the others were its company."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@define
class _Ended:
    error: BaseException | None = None


class Stage(ABC):
    """Work that tells events while it runs."""

    def __init__(self) -> None:
        self._stream: MemoryObjectSendStream[BulkEvent] | None = None

    @abstractmethod
    def stop(self) -> None:
        """Begin nothing new; what is in the air is finished."""

    @abstractmethod
    async def _work(self) -> None: ...

    async def run(self) -> None:
        """Work to the end, without telling."""
        try:
            await self._work()
        except BaseExceptionGroup as group:
            raise one_error(group) from None

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[BulkEvent]]:
        """Work to the end, and tell what happens: ``async with runner.events() as events``.

        A slow reader slows the work down and loses nothing. Leaving the block early stops the work: what is in the
        air is finished first. What ended the work with an error is raised at the end of the block.
        """
        send, receive = anyio.create_memory_object_stream[BulkEvent](_WAITING)
        self._stream = send
        ended, of_reader = _Ended(), _Ended()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._work_into, send, ended)
            try:
                yield receive
            except Exception as error:
                # Raised below, as it is: from here it would come out in a group.
                of_reader.error = error
            finally:
                self.stop()
                self._stream = None
                receive.close()
        for one in (of_reader, ended):
            if one.error is not None:
                raise one.error

    async def _work_into(self, send: MemoryObjectSendStream[BulkEvent], ended: _Ended) -> None:
        with send:
            try:
                await self.run()
            except Exception as error:
                ended.error = error

    async def tell(self, event: BulkEvent) -> None:
        """Hand an event to whoever reads."""
        if self._stream is not None:
            try:
                await self._stream.send(event)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self._stream = None
