"""One send is one request on the wire, whatever becomes of its connection."""

from __future__ import annotations

import select
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio
import pytest

from smmclient.transport.base import HttpTransport
from smmclient.wire import Delivery, TransportFailed, WireReply, WireRequest

if TYPE_CHECKING:
    from transport.conftest import Behaviour, Peer, Server

    Serve = Callable[..., Server]
    Send = Callable[..., Awaitable[WireReply]]
    Fail = Callable[..., Awaitable[TransportFailed]]
    Make = Callable[..., HttpTransport]
    Ask = Callable[..., WireRequest]

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def _reply_then_close(peer: Peer) -> None:
    peer.request()
    peer.send(OK)


def _reply_then_drop_the_next(peer: Peer) -> None:
    peer.request()
    peer.send(OK)
    peer.request()


def _reply_then_reset_the_next(peer: Peer) -> None:
    _reply_then_drop_the_next(peer)
    peer.reset()


async def test_connection_is_kept(serve: Serve, send: Send) -> None:
    """Two sends, one connection."""
    server = serve(OK, OK)
    await send(server.url)
    await send(server.url)
    assert (server.connections, len(server.requests)) == (1, 2)


@pytest.mark.parametrize("behaviour", [_reply_then_drop_the_next, _reply_then_reset_the_next])
async def test_kept_connection_that_breaks(serve: Serve, send: Send, fail: Fail, behaviour: Behaviour) -> None:
    """A kept connection that breaks on its second request is not replaced behind our back."""
    server = serve(behaviour)
    await send(server.url)
    failure = await fail(server.url)
    assert (failure.delivery, failure.timed_out) == (Delivery.MAYBE_SENT, False)
    assert (server.connections, len(server.requests)) == (1, 2)


async def test_kept_connection_that_the_server_closed(serve: Serve, send: Send) -> None:
    """A connection that was closed while idle is replaced before the request leaves, also if the loop had no time."""
    server = serve(_reply_then_close)
    await send(server.url)
    # The close has arrived here, and no event loop has run since.
    _await_without_the_loop(lambda: server.ended == 1)
    await send(server.url)
    assert (server.connections, len(server.requests)) == (2, 2)


def _await_without_the_loop(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 3
    while not condition() and time.monotonic() < until:
        select.select([], [], [], 0.001)


async def test_connection_close_is_obeyed(serve: Serve, send: Send) -> None:
    """A reply that says the connection will close takes it out of use."""
    server = serve(OK.replace(b"content", b"Connection: close\r\ncontent"), OK)
    await send(server.url)
    await send(server.url)
    assert server.connections == 2


@pytest.mark.parametrize("kept_for", [2.0, 0.01])
async def test_idle_connection_is_not_kept_long(
    serve: Serve, make: Make, ask: Ask, monkeypatch: pytest.MonkeyPatch, kept_for: float
) -> None:
    """A connection is used again while it is young, and not after it was idle for two seconds."""
    assert HttpTransport._idle_seconds == 2.0
    monkeypatch.setattr(HttpTransport, "_idle_seconds", kept_for)
    server = serve(OK, OK)
    transport = make()
    await transport.send(ask(server.url))
    await anyio.sleep(0.03)
    await transport.send(ask(server.url))
    assert server.connections == (1 if kept_for == 2.0 else 2)


async def test_second_reply_is_not_the_next_reply(serve: Serve, send: Send) -> None:
    """A reply that nobody asked for is never taken for the reply to the next request."""
    server = serve(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nSTALE")
    bodies = [(await send(server.url)).body for _ in range(2)]
    assert bodies == [b"{}", b"{}"]
    assert (server.connections, len(server.requests)) == (2, 2)


async def test_second_reply_while_idle(serve: Serve, make: Make, ask: Ask) -> None:
    """A reply that nobody asked for is not the next one's either when it comes later, and the loop has read it."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.server.go_on.wait(3)
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nSTALE")
        peer.wait_for_leave()

    server = serve(behave)
    transport = make()
    await transport.send(ask(server.url))
    server.go_on.set()
    await anyio.sleep(0.03)
    assert (await transport.send(ask(server.url))).body == b"{}"
    assert (server.connections, len(server.requests)) == (2, 2)


async def test_reply_before_the_body_has_gone(serve: Serve, make: Make, ask: Ask) -> None:
    """A server that says no to a large body while it is being written is heard, and nothing more is sent to it."""

    def behave(peer: Peer) -> None:
        peer.socket.recv(65536)
        peer.send(b"HTTP/1.1 413 Too large\r\nconnection: close\r\ncontent-length: 2\r\n\r\n[]")
        peer.server.go_on.wait(3)
        peer.reset()

    server = serve(behave)
    transport = make()
    try:
        reply = await transport.send(ask(server.url, bytes(40_000_000), write=0.5))
    except TransportFailed as failure:
        # httpx writes all before it reads.
        assert failure.delivery is Delivery.MAYBE_SENT
    else:
        assert (reply.status, reply.body) == (413, b"[]")
    assert server.connections == 1


async def test_bytes_after_the_reply(serve: Serve, make: Make, ask: Ask, kind: str) -> None:
    """A body longer than its content-length: httpx takes what was announced, aiohttp refuses the reply; once each."""
    server = serve(OK + b"\nWarning: something in PHP")
    transport = make()
    for number in (1, 2):
        if kind.startswith("httpx"):
            assert (await transport.send(ask(server.url))).body == b"{}"
        else:
            with pytest.raises(TransportFailed) as caught:
                await transport.send(ask(server.url))
            assert caught.value.delivery is Delivery.MAYBE_SENT
        assert (server.connections, len(server.requests)) == (number, number)


async def test_other_host_has_its_own_connection(serve: Serve, send: Send) -> None:
    """One transport serves many panels."""
    one, other = serve(OK, OK), serve(OK, OK)
    for server in (one, other, one, other):
        await send(server.url)
    assert [(server.connections, len(server.requests)) for server in (one, other)] == [(1, 2), (1, 2)]
