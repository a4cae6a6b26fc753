"""The default transport: httpx, on asyncio and trio. The only module that imports httpx.

It uses httpx's transport without its client, so there are no cookies, redirects or environment to switch off, and
it is quicker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from typing import Any, cast

import anyio
import httpx

from smmclient.errors import ConfigError
from smmclient.transport.base import HttpTransport
from smmclient.transport.body import Answer, not_sent
from smmclient.wire import TransportFailed, WireRequest

__all__ = ["HttpxTransport"]

#: Raised before a byte of the request can have left; a proxy's error, while its tunnel is opened.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class HttpxTransport(HttpTransport):
    """Posts through httpx, on asyncio or trio. What it takes is told at `smmclient.transport.base.HttpTransport`."""

    _proxy_schemes = ("http", "https", "socks5", "socks5h")
    _timeouts = (httpx.TimeoutException,)

    @cached_property
    def _idle(self) -> dict[tuple[str | None, str], deque[tuple[float, httpx.AsyncHTTPTransport]]]:
        """Connections without work, by proxy and URL, the one that had work last at the end.

        Each is a pool of one: httpx's own looks at all connections for each request, and asks the system about those
        that are idle.
        """
        return {}

    @cached_property
    def _all(self) -> set[httpx.AsyncHTTPTransport]:
        return set()

    @asynccontextmanager
    async def _post(self, request: WireRequest, headers: dict[str, str], proxy: str | None) -> AsyncIterator[Answer]:
        pool = await self._take(proxy, request.url)
        try:
            async with self._post_by(pool, request, headers) as answer:
                yield answer
        finally:
            # By now it may all be closed, and what went wrong is to be told, not that.
            self._idle.setdefault((proxy, request.url), deque()).append((anyio.current_time(), pool))

    @asynccontextmanager
    async def _post_by(
        self, pool: httpx.AsyncHTTPTransport, request: WireRequest, headers: dict[str, str]
    ) -> AsyncIterator[Answer]:
        course = _Course()
        outgoing = _outgoing(request, headers, course)
        try:
            reply = await pool.handle_async_request(outgoing)
        except Exception as error:
            timed_out = isinstance(error, self._timeouts)
            if isinstance(error, _NOT_SENT):
                raise not_sent(_words(error), timed_out=timed_out) from error
            if course.is_tunnelling:
                raise not_sent(f"the proxy opened no tunnel ({type(error).__name__})", timed_out=timed_out) from None
            raise
        # Not reply.aiter_raw(): it gives the connection back at its end, before we have looked at it.
        chunks = aiter(cast("AsyncIterable[bytes]", reply.stream))
        try:
            yield Answer(reply.status_code, reply.headers.raw, chunks)
        except TransportFailed:
            await _end(reply, chunks)
            raise
        finally:
            protocol = _protocol(reply)
            if protocol is not None and protocol.trailing_data[0]:
                # More than the reply came. httpx would keep the rest and take it for the reply to the next request:
                # one order would get another's receipt. Spoilt, the connection is closed.
                protocol.send_failed()
            await reply.aclose()

    async def _close(self) -> None:
        self._idle.clear()
        while self._all:
            await self._all.pop().aclose()

    async def _take(self, proxy: str | None, url: str) -> httpx.AsyncHTTPTransport:
        """An open connection, if there is one: the one that had work last. Those idle for too long are closed."""
        idle = self._idle.setdefault((proxy, url), deque())
        oldest = anyio.current_time() - self._idle_seconds
        while idle and idle[0][0] < oldest:
            _, pool = idle.popleft()
            self._all.discard(pool)
            with anyio.CancelScope(shield=True):
                await pool.aclose()
        if idle:
            return idle.pop()[1]
        pool = self._make(proxy)
        self._all.add(pool)
        return pool

    def _make(self, proxy: str | None) -> httpx.AsyncHTTPTransport:
        tls = self._tls()
        try:
            return httpx.AsyncHTTPTransport(
                verify=tls,
                trust_env=False,
                limits=httpx.Limits(
                    max_connections=None,  # the gate counts them
                    max_keepalive_connections=1,
                    keepalive_expiry=self._idle_seconds,
                ),
                proxy=proxy and httpx.Proxy(proxy, ssl_context=tls if proxy.startswith("https:") else None),
            )
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise ConfigError(f"httpx cannot use the proxy: {type(error).__name__}") from None


class _Course:
    """Hears from httpx how far one request has come."""

    def __init__(self) -> None:
        #: A proxy has been asked for a tunnel, and nothing else has been sent.
        self.is_tunnelling = False
        self._socket: Any = None

    async def __call__(self, event: str, about: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self.is_tunnelling = about["request"].method == b"CONNECT"
        elif event == "connection.connect_tcp.complete":
            self._socket = about["return_value"]
        elif event.endswith(".start_tls.failed") and self._socket is not None:
            # httpx forgets the socket of a handshake that is cancelled.
            with anyio.CancelScope(shield=True):
                await self._socket.aclose()


class _Form(httpx.AsyncByteStream, AsyncIterator[bytes]):
    """The body in one piece, once. httpx's own is a generator, and trio warns about one that a failure leaves open."""

    def __init__(self, body: bytes) -> None:
        self._pieces = [body]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()


def _outgoing(request: WireRequest, headers: dict[str, str], course: _Course) -> httpx.Request:
    timeouts = request.timeouts
    extensions: dict[str, object] = {
        "timeout": {"connect": timeouts.connect, "read": timeouts.read, "write": timeouts.write, "pool": None},
        "trace": course,
    }
    try:
        outgoing = httpx.Request("POST", request.url, headers=headers, content=request.body, extensions=extensions)
    except httpx.InvalidURL:
        raise ConfigError("the URL is not one to post to") from None
    outgoing.stream = _Form(request.body)
    return outgoing


async def _end(reply: httpx.Response, chunks: AsyncIterator[bytes]) -> None:
    """End a body of which no more is wanted: its generators end by themselves when their connection is closed."""
    protocol = _protocol(reply)
    if protocol is not None:
        protocol.send_failed()
    if "network_stream" in reply.extensions:
        await reply.extensions["network_stream"].aclose()
    with suppress(Exception):
        async for _ in chunks:
            pass


def _words(error: BaseException) -> str:
    """What is said of a failure: on trio, what is wrong with a certificate is told three exceptions down."""
    name, deeper = type(error).__name__, error.__cause__ or error.__context__
    while not str(error) and deeper is not None:
        error, deeper = deeper, deeper.__cause__ or deeper.__context__
    return f"{name}: {error}" if str(error) else name


def _protocol(reply: httpx.Response) -> Any:
    """The reply's h11 connection, None where httpx is mocked.

    httpx offers no way to ask for it, so this reaches inside, and the conformance suite watches that it gets there.
    """
    inner: Any = reply.stream
    for name in ("_httpcore_stream", "_stream", "_connection", "_h11_state"):
        inner = getattr(inner, name, None)
    return inner
