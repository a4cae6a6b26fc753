"""The changes of orders at several panels, as one stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

import anyio

from smmclient.errors import SMMError
from smmclient.many.asking import error_of
from smmclient.model import OrderStatus

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectSendStream

__all__ = ["Change", "merged"]

#: Seconds that somebody's generator may take to close.
_CLOSING = 10.0
#: A panel's name, and a status there or what ended the panel's part of the stream.
Change: TypeAlias = tuple[str, OrderStatus | SMMError]


@asynccontextmanager
async def merged(streams: Mapping[str, AsyncIterator[OrderStatus]]) -> AsyncIterator[AsyncIterator[Change]]:
    """Read all streams at once while the block lasts; see `Panels.track`."""
    # Without a buffer: a panel is not asked again before its last change was read.
    send, receive = anyio.create_memory_object_stream[Change](0)
    of_reader: BaseException | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_feed, streams, send)
        try:
            yield receive
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            # Raised below, as it is: from here it would come out in a group.
            of_reader = error
        finally:
            # In this order: nobody sends any more when there is nobody to read.
            tasks.cancel_scope.cancel()
            receive.close()
    if of_reader is not None:
        raise of_reader


async def _feed(streams: Mapping[str, AsyncIterator[OrderStatus]], send: MemoryObjectSendStream[Change]) -> None:
    with send:
        async with anyio.create_task_group() as tasks:
            for name, stream in streams.items():
                tasks.start_soon(_follow, name, stream, send)


async def _follow(name: str, stream: AsyncIterator[OrderStatus], send: MemoryObjectSendStream[Change]) -> None:
    try:
        while (change := await _next(name, stream)) is not None:
            await send.send((name, change))
            if isinstance(change, SMMError):
                break
    finally:
        # A generator that is left behind at a yield would be closed by the collector, if at all.
        if (aclose := getattr(stream, "aclose", None)) is not None:
            with anyio.move_on_after(_CLOSING, shield=True), suppress(Exception):
                await aclose()


async def _next(name: str, stream: AsyncIterator[OrderStatus]) -> OrderStatus | SMMError | None:
    try:
        change = await anext(stream, None)
    except BaseException as error:
        return error_of(name, "status", error)
    if change is None or isinstance(change, OrderStatus):
        return change
    return error_of(name, "status", TypeError(f"it gave a {type(change).__name__}"))
