"""A transport's life: many sends at once, cancelled sends, one event loop, and the end."""

from __future__ import annotations

import asyncio
import gc
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio
import pytest
import trio

from smmclient.errors import UsageError
from smmclient.transport import AiohttpTransport, HttpxTransport, Transport
from smmclient.transport.base import HttpTransport
from smmclient.wire import Delivery, TransportFailed, WireReply, WireRequest

if TYPE_CHECKING:
    from transport.conftest import Peer, Server

    Serve = Callable[..., Server]
    Send = Callable[..., Awaitable[WireReply]]
    Make = Callable[..., HttpTransport]
    Ask = Callable[..., WireRequest]
    Certified = Callable[[str], ssl.SSLContext]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def _echo(peer: Peer) -> None:
    while (request := peer.request()) is not None:
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(request.body), request.body))


def _never(peer: Peer) -> None:
    peer.request()
    peer.wait_for_leave()


# --------------------------------------------------------------------------------------------------- many at once


@pytest.mark.anyio
@pytest.mark.parametrize("max_connections", [1, 8, 100])
async def test_200_at_once(serve: Serve, make: Make, ask: Ask, max_connections: int) -> None:
    """200 sends at once get each its own reply, over as many connections as were allowed."""
    server = serve(_echo)
    transport = make(max_connections=max_connections)
    replies: dict[int, bytes] = {}

    async def one(number: int) -> None:
        replies[number] = (await transport.send(ask(server.url, b"order=%d" % number))).body

    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(one, number)
    assert replies == {number: b"order=%d" % number for number in range(200)}
    assert len(server.requests) == 200
    assert server.connections <= max_connections


# ----------------------------------------------------------------------------------------------------- cancellation


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="before the headers"),
        pytest.param(OK[:30], id="in the headers"),
        pytest.param(OK[:-1], id="in the body"),
    ],
)
async def test_cancelled_send(serve: Serve, make: Make, ask: Ask, sent: bytes) -> None:
    """A cancel gets through, closes that connection, and the transport goes on; the request was sent once."""

    def behave(peer: Peer) -> None:
        request = peer.request()
        if request is not None and request.body == b"slow":
            peer.send(sent)
            peer.wait_for_leave()
        else:
            peer.send(OK)

    server = serve(behave)
    transport = make(max_connections=1)
    async with anyio.create_task_group() as group:
        group.start_soon(transport.send, ask(server.url, b"slow"))
        assert await server.got_request()
        await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    assert await server.saw_client_leave()
    assert (await transport.send(ask(server.url, b"quick"))).body == b"{}"
    assert [request.body for request in server.requests] == [b"slow", b"quick"]


@pytest.mark.anyio
async def test_cancelled_tls_handshake(serve: Serve, make: Make, ask: Ask) -> None:
    """A cancel in the handshake closes the connection and leaves no socket behind."""

    def behave(peer: Peer) -> None:
        peer.server.arrived.release()
        peer.wait_for_leave()

    server = serve(behave)
    transport = make(max_connections=1)
    async with anyio.create_task_group() as group:
        group.start_soon(transport.send, ask(server.url.replace("http:", "https:")))
        assert await server.got_request()
        await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    assert await server.saw_client_leave()


@pytest.mark.anyio
async def test_cancelled_while_writing(serve: Serve, make: Make, ask: Ask) -> None:
    """A cancel while the server does not read drops what was not yet sent."""
    server = serve(lambda peer: peer.server.go_on.wait(5) and peer.wait_for_leave())
    transport = make()
    with anyio.move_on_after(0.05) as scope:
        await transport.send(ask(server.url, bytes(40_000_000)))
    assert scope.cancelled_caught
    server.go_on.set()
    assert await server.saw_client_leave()


@pytest.mark.anyio
async def test_cancelled_while_waiting_for_a_turn(serve: Serve, make: Make, ask: Ask) -> None:
    """Sends that are cancelled in every state, again and again, cost the pool no place."""
    server = serve(_echo)
    transport = make(max_connections=2)
    for delay in range(20):
        async with anyio.create_task_group() as group:
            for number in range(6):
                group.start_soon(transport.send, ask(server.url, b"%d" % number))
            for _ in range(delay):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
    with anyio.fail_after(3):
        assert (await transport.send(ask(server.url, b"after"))).body == b"after"


def test_cancelled_task_of_asyncio(serve: Serve, ask: Ask) -> None:
    """A task.cancel() of asyncio's own gets through as well, and the place in the pool is free again."""
    server = serve(_never)

    async def main(transport: HttpTransport) -> None:
        for _ in range(3):
            task = asyncio.create_task(transport.send(ask(server.url)))
            assert await server.got_request()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await server.saw_client_leave()
        await transport.aclose()

    asyncio.run(main(HttpxTransport(max_connections=1)))
    asyncio.run(main(AiohttpTransport(max_connections=1)))
    assert len(server.requests) == 6


# ------------------------------------------------------------------------------------------------------------ the end


@pytest.mark.anyio
async def test_closed_transport_sends_nothing(serve: Serve, make: Make, ask: Ask) -> None:
    """A closed transport says so; closing it twice is fine, and closing an unused one too."""
    server = serve(OK)
    used, unused = make(), make()
    await used.send(ask(server.url))
    for transport in (used, unused):
        await transport.aclose()
        await transport.aclose()
        with pytest.raises(UsageError, match="closed"):
            await transport.send(ask(server.url))
    assert len(server.requests) == 1


@pytest.mark.anyio
async def test_close_during_sends(serve: Serve, make: Make, ask: Ask) -> None:
    """A send under way may have arrived; one that waits for its turn is told that nothing was sent."""
    server = serve(_never)
    transport = make(max_connections=1)
    met: list[Exception] = []

    async def one() -> None:
        try:
            await transport.send(ask(server.url))
        except (TransportFailed, UsageError) as error:
            met.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(one)
        assert await server.got_request()
        group.start_soon(one)
        await anyio.sleep(0.01)
        await transport.aclose()
    under_way, waiting = met
    assert isinstance(under_way, TransportFailed)
    assert under_way.delivery is Delivery.MAYBE_SENT
    assert isinstance(waiting, UsageError)
    assert len(server.requests) == 1


@pytest.mark.anyio
async def test_nothing_is_left_behind(serve: Serve, make: Make, ask: Ask, certified: Certified) -> None:
    """After closing, no socket is open and no resource warns, over TLS too."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.wait_for_leave()

    for tls in (None, certified("localhost")):
        server = serve(behave, tls=tls)
        transport = make()
        await transport.send(ask(server.url))
        await transport.aclose()
        assert await server.saw_client_leave()
    del transport
    gc.collect()


# ----------------------------------------------------------------------------------------------------- one event loop


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        (HttpxTransport, asyncio.run, asyncio.run),
        (HttpxTransport, asyncio.run, lambda main: anyio.run(lambda: main, backend="trio")),
        (AiohttpTransport, asyncio.run, asyncio.run),
    ],
    ids=["httpx", "httpx asyncio-trio", "aiohttp"],
)
def test_second_event_loop(
    serve: Serve,
    ask: Ask,
    kind: type[HttpTransport],
    first: Callable[[object], object],
    second: Callable[[object], object],
) -> None:
    """A transport that is used on a second event loop says so before anything is sent."""
    server = serve(OK, OK)
    transport = kind()
    runner = asyncio.Runner()
    runner.run(transport.send(ask(server.url)))
    with pytest.raises(UsageError, match="another event loop"):
        second(transport.send(ask(server.url)))
    assert len(server.requests) == 1
    runner.run(transport.aclose())
    runner.close()


def test_aiohttp_under_trio(serve: Serve, ask: Ask) -> None:
    """AiohttpTransport says that it needs asyncio, before anything is sent."""
    server = serve(OK)
    with pytest.raises(UsageError, match="HttpxTransport"):
        trio.run(AiohttpTransport().send, ask(server.url))
    assert server.connections == 0


# ---------------------------------------------------------------------------------------------------------- the module


@pytest.mark.parametrize("kind", [HttpxTransport, AiohttpTransport])
def test_transports_are_transports(kind: type[HttpTransport]) -> None:
    """Both need no arguments, follow the protocol, and their repr tells nothing."""
    transport = kind(proxy="http://user:SECRET@127.0.0.1:1")
    assert isinstance(kind(), Transport)
    assert repr(transport) == f"{kind.__name__}()"


def test_importing_the_seam_imports_no_http_library() -> None:
    """`import smmclient.transport` imports neither httpx nor aiohttp."""
    program = "import sys, smmclient.transport; print(sorted({'httpx', 'aiohttp', 'anyio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where aiohttp is missing, the error says what to install."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "smmclient.transport.aiohttp")
    with pytest.raises(ImportError, match=r'pip install "smmclient\[fast\]"'):
        from smmclient.transport import AiohttpTransport  # noqa: F401


def test_unknown_transport() -> None:
    """The lazy module names what it does not have."""
    import smmclient.transport

    with pytest.raises(AttributeError, match="CurlTransport"):
        _ = smmclient.transport.CurlTransport


def test_request_hides_its_body(ask: Ask) -> None:
    """The key is in the body, so no repr of a request shows it."""
    assert "SECRET" not in repr(ask("https://panel.example/api/v2"))
