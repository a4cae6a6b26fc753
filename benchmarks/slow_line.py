"""A slow line: a TCP relay that delays what passes, in each direction, by a latency and a random jitter."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

__all__ = ["slow_line"]


class _End(asyncio.Protocol):
    """One end of a relayed connection. What it hears, its peer says, some time later and in the same order."""

    def __init__(self, latency: float, jitter: float, draw: random.Random) -> None:
        self.peer: _End | None = None
        self._latency, self._jitter, self._draw = latency, jitter, draw
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._due = 0.0
        #: What has been heard and not yet passed on; None stands for the end.
        self._on_the_way: deque[bytes | None] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        for data in self._early:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._delay(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._delay(None)

    def _delay(self, piece: bytes | None) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._latency + self._draw.uniform(0.0, self._jitter)
        # A later piece does not overtake an earlier one, and pieces of one request do not add up their delays.
        self._due = max(self._due, due)
        self._on_the_way.append(piece)
        # Timers for the same moment go off in any order, so which piece it is, is seen then.
        loop.call_at(self._due, self._pass_on)

    def _pass_on(self) -> None:
        piece = self._on_the_way.popleft()
        if self.peer is None:
            return
        if piece is None:
            self.peer.hang_up()
        else:
            self.peer.say(piece)

    def say(self, data: bytes) -> None:
        if self._transport is None:
            self._early.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def slow_line(port: int, *, latency: float, jitter: float, seed: int = 0) -> AsyncIterator[int]:
    """Relay to a port of this machine; yields the port to connect to instead."""
    loop = asyncio.get_running_loop()
    draw = random.Random(seed)
    dialling: set[asyncio.Task[object]] = set()

    def accept() -> _End:
        near, far = _End(latency, jitter, draw), _End(latency, jitter, draw)
        near.peer, far.peer = far, near
        task: asyncio.Task[object] = loop.create_task(loop.create_connection(lambda: far, "127.0.0.1", port))
        dialling.add(task)
        task.add_done_callback(dialling.discard)
        return near

    server = await loop.create_server(accept, "127.0.0.1", 0, backlog=256)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*dialling, return_exceptions=True)
