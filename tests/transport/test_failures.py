"""What went wrong decides whether the request may have arrived: the table of every failure, for every transport."""

from __future__ import annotations

import gzip
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from smmclient.transport.base import HttpTransport
from smmclient.wire import Delivery, TransportFailed, WireRequest

if TYPE_CHECKING:
    from transport.conftest import Behaviour, Peer, Server

    Serve = Callable[..., Server]
    Fail = Callable[..., Awaitable[TransportFailed]]
    Make = Callable[..., HttpTransport]
    Ask = Callable[..., WireRequest]
    Certified = Callable[[str], ssl.SSLContext]

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\n"
PACKED = gzip.compress(b'{"balance": "1.50"}' * 50)


def _assert_not_sent(failure: TransportFailed, *, timed_out: bool = False) -> None:
    assert (failure.delivery, failure.timed_out) == (Delivery.NOT_SENT, timed_out)


def _after_request(raw: bytes, end: Callable[[Peer], object] = lambda peer: None) -> Behaviour:
    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(raw)
        end(peer)

    return behave


def _reset(peer: Peer) -> None:
    peer.reset()


def _wait(peer: Peer) -> None:
    peer.wait_for_leave()


def _echo(peer: Peer) -> None:
    request = peer.request()
    peer.send(request.body if request else b"")


def _packed(encoding: bytes, body: bytes) -> bytes:
    return HEAD + b"content-encoding: %s\r\ncontent-length: %d\r\n\r\n%s" % (encoding, len(body), body)


# ------------------------------------------------------------------------------------------------ before the request


async def test_refused_connection(fail: Fail, closed_port: int) -> None:
    """Nobody listens: nothing was sent."""
    _assert_not_sent(await fail(f"http://127.0.0.1:{closed_port}/"))


async def test_unresolvable_host(fail: Fail) -> None:
    """The name is not known: nothing was sent."""
    _assert_not_sent(await fail("https://nosuchhost.invalid/api/v2"))


@pytest.fixture
def full_port() -> Iterator[int]:
    """Give a port whose backlog is full, so that a connection is neither accepted nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
        for one in waiting:
            one.close()


async def test_connect_timeout(fail: Fail, full_port: int) -> None:
    """Nobody accepts in time: nothing was sent."""
    _assert_not_sent(await fail(f"http://127.0.0.1:{full_port}/", connect=0.1), timed_out=True)


async def test_silent_tls_handshake(serve: Serve, fail: Fail) -> None:
    """The server accepts and says nothing: the handshake times out, nothing was sent."""
    server = serve(_wait)
    _assert_not_sent(await fail(server.url.replace("http:", "https:"), connect=0.1), timed_out=True)


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(lambda peer: peer.socket.recv(9), id="closed"),
        pytest.param(lambda peer: (peer.socket.recv(9), peer.reset()), id="reset"),
        pytest.param(lambda peer: (peer.socket.recv(9999), peer.send(HEAD + b"\r\nplain HTTP")), id="plain HTTP"),
    ],
)
async def test_broken_tls_handshake(serve: Serve, fail: Fail, behaviour: Behaviour) -> None:
    """The server closes in the handshake, or speaks no TLS at all: nothing was sent."""
    server = serve(behaviour)
    _assert_not_sent(await fail(server.url.replace("http:", "https:")))


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "NOTHING"])
async def test_untrusted_certificate(
    serve: Serve,
    make: Make,
    ask: Ask,
    certified: Certified,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """An authority that is not trusted by default, not even when SSL_CERT_FILE names it: nothing was sent."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv(name, str(tmp_path / "authority.pem"))
    server = serve(lambda peer: peer.request(), tls=certified("localhost"))
    with pytest.raises(TransportFailed, match="certificate verify failed") as caught:
        await make(verify=None).send(ask(server.url))
    _assert_not_sent(caught.value)
    assert server.requests == []


async def test_certificate_for_another_host(serve: Serve, fail: Fail, certified: Certified) -> None:
    """A trusted certificate for another name: nothing was sent."""
    server = serve(lambda peer: peer.request(), tls=certified("other.example"))
    _assert_not_sent(await fail(server.url))
    assert server.requests == []


async def test_trusted_certificate(serve: Serve, make: Make, ask: Ask, certified: Certified) -> None:
    """With a context that trusts the authority, the request goes through, and the connection is kept."""
    server = serve(
        HEAD + b"content-length: 2\r\n\r\n{}", HEAD + b"content-length: 2\r\n\r\n[]", tls=certified("localhost")
    )
    transport = make()
    bodies = [(await transport.send(ask(server.url))).body for _ in range(2)]
    assert (bodies, server.connections) == ([b"{}", b"[]"], 1)


# ----------------------------------------------------------------------------------------------- after it may be there


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(_after_request(b""), id="closed without a byte"),
        pytest.param(_after_request(b"HTTP/1.1 20"), id="closed in the status line"),
        pytest.param(_after_request(HEAD + b"content-le"), id="closed in the headers"),
        pytest.param(_after_request(HEAD + b"content-length: 10\r\n\r\n{"), id="closed before content-length"),
        pytest.param(_after_request(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nab"), id="closed in a chunk"),
        pytest.param(_after_request(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"), id="no last chunk"),
        pytest.param(_after_request(b"", _reset), id="reset without a byte"),
        pytest.param(_after_request(HEAD, _reset), id="reset in the headers"),
        pytest.param(_after_request(HEAD + b"content-length: 9\r\n\r\n{", _reset), id="reset in the body"),
        pytest.param(_after_request(b"\x00\xff\x00garbage\r\n\r\n", _wait), id="garbage"),
        pytest.param(_after_request(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", _wait), id="another protocol"),
        pytest.param(_echo, id="the request echoed"),
        pytest.param(_after_request(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", _wait), id="bad chunk size"),
        pytest.param(_after_request(HEAD + b"content-length: -1\r\n\r\n{}", _wait), id="negative length"),
        pytest.param(
            _after_request(HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}", _wait), id="two lengths"
        ),
        pytest.param(_after_request(HEAD + b"x: y" * 60_000, _wait), id="endless header"),
        pytest.param(_after_request(_packed(b"gzip", b'{"order": 1}'), _wait), id="not gzip"),
        pytest.param(_after_request(_packed(b"gzip", PACKED[:-12] + bytes(12)), _wait), id="broken gzip"),
        pytest.param(_after_request(_packed(b"gzip", PACKED[:-9]), _wait), id="cut gzip"),
        pytest.param(_after_request(_packed(b"gzip", PACKED[:11]), _wait), id="gzip cut before its first byte"),
        pytest.param(_after_request(_packed(b"gzip", PACKED + b"more"), _wait), id="bytes after gzip"),
        pytest.param(_after_request(_packed(b"gzip, gzip", gzip.compress(PACKED)), _wait), id="gzip twice"),
        pytest.param(_after_request(_packed(b"br", b"\x0b\x02\x80{}\x03"), _wait), id="brotli"),
        pytest.param(_after_request(_packed(b"deflate", b"x"), _wait), id="deflate"),
    ],
)
async def test_failure_after_the_request(serve: Serve, fail: Fail, behaviour: Behaviour) -> None:
    """Whatever comes instead of a whole reply: the request may have arrived, once, and its body is not told."""
    server = serve(behaviour)
    failure = await fail(server.url)
    assert (failure.delivery, failure.timed_out) == (Delivery.MAYBE_SENT, False)
    assert len(server.requests) == 1
    assert "SECRET" not in f"{failure} {failure!r} {failure.reason} {failure.__cause__!r}"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="before the headers"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="after 100"),
        pytest.param(b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n", id="after 103"),
        pytest.param(HEAD + b"content-le", id="in the headers"),
        pytest.param(HEAD + b"content-length: 10\r\n\r\n{", id="in the body"),
        pytest.param(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", id="before the last chunk"),
    ],
)
async def test_read_timeout(serve: Serve, fail: Fail, sent: bytes) -> None:
    """The server falls silent: we gave up, the request may have arrived once, and the connection is closed."""
    server = serve(_after_request(sent, _wait))
    failure = await fail(server.url, read=0.1)
    assert (failure.delivery, failure.timed_out) == (Delivery.MAYBE_SENT, True)
    assert len(server.requests) == 1
    assert await server.saw_client_leave()


async def test_write_timeout(serve: Serve, fail: Fail) -> None:
    """The server does not read: we gave up, and the part that was taken may have been enough."""
    server = serve(lambda peer: peer.server.go_on.wait(5))
    failure = await fail(server.url, bytes(40_000_000), write=0.1)
    assert (failure.delivery, failure.timed_out) == (Delivery.MAYBE_SENT, True)
    assert server.connections == 1


async def test_reset_while_writing(serve: Serve, fail: Fail) -> None:
    """The server resets the connection in the middle of the request: it may have arrived."""
    server = serve(lambda peer: (peer.socket.recv(65536), peer.reset()))
    failure = await fail(server.url, bytes(40_000_000))
    assert (failure.delivery, failure.timed_out) == (Delivery.MAYBE_SENT, False)
    assert server.connections == 1
