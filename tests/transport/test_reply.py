"""What goes out is what was given, and what comes back is what the panel sent, through every transport."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from smmclient.wire import WireReply

if TYPE_CHECKING:
    from transport.conftest import Peer, Server

    Serve = Callable[..., Server]
    Send = Callable[..., Awaitable[WireReply]]

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
PACKED = gzip.compress(b'{"balance": "1.50"}')


async def test_request_is_what_was_given(serve: Serve, send: Send) -> None:
    """The body's bytes and our headers arrive as they are, gzip is asked for, and nothing is added but the framing."""
    server = serve(OK)
    body = b"key=k&action=add&link=https%3A%2F%2Fx.example%2F%3Fa%3Db%26c" + bytes(range(256))
    await send(server.url, body, headers={"Content-Type": "application/x-www-form-urlencoded", "X-Ours": "c3bc"})
    (arrived,) = server.requests
    assert arrived.line == "POST /api/v2 HTTP/1.1"
    assert arrived.body == body
    assert arrived.headers == {
        "host": f"127.0.0.1:{server.port}",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(body)),
        "accept-encoding": "gzip",
        "x-ours": "c3bc",
    }


async def test_host_can_be_given(serve: Serve, send: Send) -> None:
    """A Host among the headers is sent in place of the address's own, once."""
    lines: list[bytes] = []

    def behave(peer: Peer) -> None:
        lines.extend(peer.socket.recv(65536).split(b"\r\n"))
        peer.send(OK)

    await send(serve(behave).url, headers={"Host": "panel.example"})
    assert [line.partition(b":")[2].strip() for line in lines if line.lower().startswith(b"host:")] == [
        b"panel.example"
    ]


@pytest.mark.parametrize("path", ["/api/v2", "/api/v2?lang=en&x=%2F%41+b", "/a%20b/", "/"])
async def test_target_is_sent_verbatim(serve: Serve, send: Send, path: str) -> None:
    """The path and the query are not quoted again."""
    server = serve(OK)
    await send(server.url.removesuffix("/api/v2") + path)
    assert server.requests[0].line == f"POST {path} HTTP/1.1"


async def test_asks_for_gzip_only(serve: Serve, send: Send) -> None:
    """Other encodings cannot be bounded, so a header that asks for them is replaced."""
    server = serve(OK)
    await send(server.url, headers={"Accept-Encoding": "br, zstd"})
    assert server.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_000])
async def test_body_of_any_size_arrives_whole(serve: Serve, send: Send, size: int) -> None:
    """An empty form, and one of several megabytes (thousands of comments), arrive whole."""
    server = serve(OK)
    body = bytes(size)
    assert (await send(server.url, body)).status == 200
    assert server.requests[0].body == body


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        pytest.param(OK, 200, b"{}", id="plain"),
        pytest.param(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}", 201, b"{}", id="201"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", id="204"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, b"", id="empty"),
        pytest.param(b"HTTP/1.1 429 Slow\r\ncontent-length: 2\r\n\r\n{}", 429, b"{}", id="429"),
        pytest.param(b"HTTP/1.1 502\r\ncontent-length: 2\r\n\r\nno", 502, b"no", id="no reason phrase"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nx-late: 1\r\n\r\n",
            200,
            b"{}",
            id="chunked",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: GZIP\r\ncontent-length: %d\r\n\r\n%s" % (len(PACKED), PACKED),
            200,
            b'{"balance": "1.50"}',
            id="gzip",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n", 200, b"", id="empty gzip"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-length: 2\r\n\r\n{}", 200, b"{}", id="identity"
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"{}", id="after 100"),
        pytest.param(b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + OK, 200, b"{}", id="after 103"),
    ],
)
async def test_reply(serve: Serve, send: Send, raw: bytes, status: int, body: bytes) -> None:
    """Status and body are the panel's, unpacked, however they were framed."""
    reply = await send(serve(raw).url)
    assert (reply.status, reply.body) == (status, body)


async def test_reply_may_end_with_the_connection(serve: Serve, send: Send) -> None:
    """A reply without a length ends where the server closes."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(b'HTTP/1.0 200 OK\r\nserver: old\r\n\r\n{"order": 1}')

    assert (await send(serve(behave).url)).body == b'{"order": 1}'


async def test_headers_are_a_mapping_of_lower_case_names(serve: Serve, send: Send) -> None:
    """Names are lower case, repeated ones are joined, bytes beyond ASCII are kept as latin-1, in a plain dict."""
    server = serve(
        b"HTTP/1.1 200 OK\r\nX-Remaining: 7\r\nVary: a\r\nvARY:  b\r\nx-odd: caf\xe9\r\ncontent-length: 2\r\n\r\n{}"
    )
    reply = await send(server.url)
    assert type(reply.headers) is dict
    assert reply.headers == {"x-remaining": "7", "vary": "a, b", "x-odd": "caf\xe9", "content-length": "2"}


async def test_long_headers_are_read(serve: Serve, send: Send) -> None:
    """A firewall's policy of 20 KB does not cost a receipt."""
    server = serve(b"HTTP/1.1 200 OK\r\nx-policy: %s\r\ncontent-length: 2\r\n\r\n{}" % (b"p" * 20_000))
    assert (await send(server.url)).body == b"{}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_followed(serve: Serve, send: Send, status: int) -> None:
    """A redirect is returned as it is; where it points to hears nothing, or it would hear the key."""
    elsewhere = serve(OK)
    location = f"{elsewhere.url}?x=1"
    server = serve(f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\ncontent-length: 0\r\n\r\n".encode())
    reply = await send(server.url)
    assert (reply.status, reply.headers["location"]) == (status, location)
    assert (elsewhere.connections, len(server.requests)) == (0, 1)


async def test_cookies_do_not_come_back(serve: Serve, send: Send) -> None:
    """What one reply sets is told, and not sent with the next request."""
    server = serve(OK.replace(b"content", b"Set-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\ncontent"), OK)
    reply = await send(server.url)
    await send(server.url)
    assert reply.headers["set-cookie"] == "a=1; Path=/, b=2"
    assert "cookie" not in server.requests[1].headers
