"""AiohttpTransport goes below aiohttp's session, which sends again what it holds to be idempotent."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest

import smmclient
from smmclient import Order, OutcomeUnknown, Settings
from smmclient.transport import AiohttpTransport
from smmclient.wire import Delivery, TransportFailed, WireRequest

if TYPE_CHECKING:
    from transport.conftest import Behaviour, Peer, Server

    Serve = Callable[..., Server]
    Ask = Callable[..., WireRequest]

BODY = json.dumps({"order": 23501}).encode()
PLACED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
ORDER = Order(service=1, link="https://example.com/p", quantity=10)


@pytest.fixture
def anyio_backend() -> str:
    """The one event loop that aiohttp works on."""
    return "asyncio"


@pytest.fixture
def _all_is_idempotent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let aiohttp take a POST for what may be sent again."""
    monkeypatch.setattr("aiohttp.client.IDEMPOTENT_METHODS", frozenset({"POST"}))


def _drop(peer: Peer) -> None:
    """Answer once, then close on the second request."""
    peer.request()
    peer.send(PLACED)
    peer.request()


def _reset(peer: Peer) -> None:
    _drop(peer)
    peer.reset()


BREAKS = pytest.mark.parametrize("behaviour", [_drop, _reset])


@pytest.mark.anyio
@pytest.mark.usefixtures("_all_is_idempotent")
@BREAKS
async def test_what_a_session_would_do(serve: Serve, behaviour: Behaviour) -> None:
    """The premise of the tests below: aiohttp's session sends such a request again, on another connection."""
    server = serve(behaviour)
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.post(server.url, data=b"action=add") as reply:
                await reply.read()
    assert (server.connections, len(server.requests)) == (2, 3)


@pytest.mark.anyio
@pytest.mark.usefixtures("_all_is_idempotent")
@BREAKS
async def test_nothing_is_sent_again(serve: Serve, ask: Ask, behaviour: Behaviour) -> None:
    """The transport sends once, even where aiohttp believes that a second time would do no harm."""
    server = serve(behaviour)
    async with AiohttpTransport() as transport:
        await transport.send(ask(server.url))
        with pytest.raises(TransportFailed) as caught:
            await transport.send(ask(server.url))
    assert caught.value.delivery is Delivery.MAYBE_SENT
    assert (server.connections, len(server.requests)) == (1, 2)


@pytest.mark.anyio
@pytest.mark.usefixtures("_all_is_idempotent")
@BREAKS
async def test_an_order_is_sent_once(serve: Serve, behaviour: Behaviour) -> None:
    """An order whose kept connection breaks is unknown, and the panel saw it once."""
    server = serve(behaviour)
    settings = Settings(limits=())
    async with smmclient.connect("v2", api_key="k", base_url=server.url, settings=settings) as panel:
        await panel.add_order(ORDER)
        with pytest.raises(OutcomeUnknown):
            await panel.add_order(ORDER)
    assert [request.body.count(b"action=add") for request in server.requests] == [1, 1]
    assert server.connections == 1


@pytest.mark.anyio
async def test_no_session_is_made(serve: Serve, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes through a session: neither its repeats nor its redirects, cookies and environment are in the way."""

    def refuse(*arguments: object, **given: object) -> None:
        raise AssertionError("a session was made")

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", refuse)
    server = serve(PLACED)
    async with AiohttpTransport() as transport:
        assert (await transport.send(ask(server.url))).body == BODY


@pytest.mark.anyio
async def test_connection_that_is_closed_as_soon_as_it_is_made(
    serve: Serve, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is closed between its making and the request: nothing was sent."""
    connect = aiohttp.TCPConnector.connect

    async def connect_and_lose(self: aiohttp.TCPConnector, *arguments: object) -> object:
        connection = await connect(self, *arguments)  # type: ignore[arg-type]
        assert connection.transport is not None
        connection.transport.close()
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect_and_lose)
    server = serve(PLACED)
    async with AiohttpTransport() as transport:
        with pytest.raises(TransportFailed) as caught:
            await transport.send(ask(server.url))
    assert caught.value.delivery is Delivery.NOT_SENT
    assert server.requests == []


@pytest.mark.anyio
async def test_cancelled_with_a_rest_in_the_buffer(serve: Serve, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system has not taken yet when a send is cancelled is dropped: asyncio would send it at leisure."""
    received: list[int] = []

    def behave(peer: Peer) -> None:
        peer.server.go_on.wait(3)
        with suppress(OSError):
            while piece := peer.socket.recv(65536):
                received.append(len(piece))
        peer.server.left.release()

    connect = aiohttp.TCPConnector.connect

    async def connect_narrowly(self: aiohttp.TCPConnector, *arguments: object) -> object:
        connection = await connect(self, *arguments)  # type: ignore[arg-type]
        assert connection.transport is not None
        connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect_narrowly)
    server = serve(behave)
    server._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    # Less than what asyncio buffers before it makes anybody wait.
    body = bytes(60_000)
    async with AiohttpTransport() as transport:
        with anyio.move_on_after(0.05) as scope:
            await transport.send(ask(server.url, body))
        assert scope.cancelled_caught
        server.go_on.set()
        assert await server.saw_client_leave()
    assert 0 < sum(received) < len(body)


@pytest.mark.parametrize("version", ["3.12.15", "3.9", "2.13.0", "4.0a1"])
def test_other_versions_of_aiohttp(version: str) -> None:
    """A version that is not known to work is refused when the transport is imported, and the error says what to do."""
    program = (
        f"import aiohttp; aiohttp.__version__ = {version!r}\n"
        "try:\n from smmclient.transport import AiohttpTransport\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert version in done.stdout
    assert "smmclient[fast]" in done.stdout
