"""A reply is read within its bounds: bytes, unpacked bytes, and time."""

from __future__ import annotations

import gzip
import random
import time
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from smmclient.wire import BodyTooLarge, Delivery, TransportFailed, WireReply

if TYPE_CHECKING:
    from transport.conftest import Peer, Server

    Serve = Callable[..., Server]
    Send = Callable[..., Awaitable[WireReply]]
    Fail = Callable[..., Awaitable[TransportFailed]]

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\n"
CAP = 1000
MEBIBYTE = 1 << 20


def _plain(body: bytes) -> bytes:
    return HEAD + b"content-length: %d\r\n\r\n%s" % (len(body), body)


def _chunked(body: bytes) -> bytes:
    pieces = (body[start : start + 700] for start in range(0, len(body), 700))
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return HEAD + b"transfer-encoding: chunked\r\n\r\n%s0\r\n\r\n" % framed


def _gzipped(body: bytes) -> bytes:
    packed = gzip.compress(body)
    return HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s" % (len(packed), packed)


def _endless(body: bytes) -> bytes:
    return HEAD + b"connection: close\r\n\r\n" + body


FRAMINGS = [_plain, _chunked, _gzipped, _endless]


@pytest.mark.parametrize("frame", FRAMINGS)
async def test_body_over_the_cap(serve: Serve, fail: Fail, frame: Callable[[bytes], bytes]) -> None:
    """One byte more than may be: the reply is given up, and the request may have arrived."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(frame(b"a" * (CAP + 1)))

    server = serve(behave)
    failure = await fail(server.url, max_body=CAP)
    assert isinstance(failure, BodyTooLarge)
    assert (failure.delivery, failure.timed_out) == (Delivery.MAYBE_SENT, False)
    assert len(server.requests) == 1


@pytest.mark.parametrize("frame", FRAMINGS)
async def test_body_far_over_the_cap(serve: Serve, fail: Fail, frame: Callable[[bytes], bytes]) -> None:
    """The rest of a body that is too large is not read: the connection is closed."""
    raw = frame(random.Random(1).randbytes(4 * MEBIBYTE))

    def behave(peer: Peer) -> None:
        peer.request()
        with suppress(OSError):
            peer.send(raw)
        peer.wait_for_leave()

    server = serve(behave)
    assert isinstance(await fail(server.url, max_body=CAP), BodyTooLarge)
    assert await server.saw_client_leave()


@pytest.mark.parametrize("frame", FRAMINGS)
async def test_body_of_the_cap(serve: Serve, send: Send, frame: Callable[[bytes], bytes]) -> None:
    """A body of just as many bytes as may be is whole."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(frame(b"a" * CAP))

    assert (await send(serve(behave).url, max_body=CAP)).body == b"a" * CAP


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """Give a reply that unpacks to 1 GiB of nothing."""
    packer = zlib.compressobj(9, wbits=31)
    first, again = (packer.compress(bytes(MEBIBYTE)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    packed = first + again * 1023
    return HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s" % (len(packed), packed)


async def test_gzip_bomb_is_not_unpacked(serve: Serve, fail: Fail, bomb: bytes) -> None:
    """A reply that unpacks to 1 GiB costs no more memory than the cap and a few buffers."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(bomb)

    server = serve(behave)
    tracemalloc.start()
    try:
        assert isinstance(await fail(server.url, max_body=MEBIBYTE), BodyTooLarge)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * MEBIBYTE


def _trickle(first: bytes) -> Callable[[Peer], None]:
    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(first)
        while not peer.server.go_on.wait(0.02):
            peer.send(b"1\r\na\r\n")

    return behave


async def test_trickling_body(serve: Serve, fail: Fail) -> None:
    """A body that never ends, each piece well within the read timeout, is given up after the time for bodies."""
    server = serve(_trickle(HEAD + b"transfer-encoding: chunked\r\n\r\n"))
    started = time.monotonic()
    failure = await fail(server.url, body=0.1)
    assert (failure.delivery, failure.timed_out) == (Delivery.MAYBE_SENT, True)
    assert len(server.requests) == 1
    assert 0.1 <= time.monotonic() - started < 1


async def test_time_for_the_body_begins_with_the_reply(serve: Serve, send: Send) -> None:
    """A panel that thinks for longer than a body may trickle is not cut short."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.server.go_on.wait(0.1)
        peer.send(_plain(b"{}"))

    assert (await send(serve(behave).url, body=0.05)).body == b"{}"
