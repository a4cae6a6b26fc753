"""Which event loop runs here, looked at cheaply: asyncio's own answer where a task of it asks, anyio's otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import outcome
import pytest
import trio

from smmclient.transport import DefaultTransport, HttpxTransport
from smmclient.transport.loop import current_loop, is_asyncio
from smmclient.wire import WireRequest

if TYPE_CHECKING:
    from transport.conftest import Server

    Serve = Callable[..., Server]
    Ask = Callable[..., WireRequest]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


async def _twice() -> tuple[object, object, bool]:
    first = current_loop()
    await anyio.lowlevel.checkpoint()
    return first, current_loop(), is_asyncio()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_same_loop_and_another(backend: str) -> None:
    """One run has one loop by ==, two have two, and it is known whose they are."""
    first, again, asyncios = anyio.run(_twice, backend=backend)
    other, _, _ = anyio.run(_twice, backend=backend)
    assert first == again != other
    assert asyncios == (backend == "asyncio")


def test_no_loop() -> None:
    """Outside of any event loop it is nobody's, and asking for it is an error."""
    assert not is_asyncio()
    with pytest.raises(Exception, match="async"):
        current_loop()


def test_trio_as_a_guest_of_asyncio(serve: Serve, ask: Ask) -> None:
    """Where trio runs within a loop of asyncio, a task of trio's is trio's, and is given httpx."""
    server = serve(OK)
    transport = DefaultTransport()
    seen: list[object] = []

    async def guest() -> None:
        seen.extend([is_asyncio(), current_loop()])
        async with transport:
            await transport.send(ask(server.url))

    async def host() -> object:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[outcome.Outcome[None]] = loop.create_future()
        trio.lowlevel.start_guest_run(
            guest, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=done.set_result
        )
        (await done).unwrap()
        return loop

    loop = asyncio.run(host())
    assert seen[0] is False
    assert seen[1] != loop
    assert isinstance(transport.chosen, HttpxTransport)
    assert len(server.requests) == 1
