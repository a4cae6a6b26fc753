"""The transport for asyncio and trio: httpx. The only module that imports httpx.

It uses httpx's transport without its client, so there are no cookies, redirects or environment to switch off, and
it is quicker.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, cast

import anyio
import httpx

from smmclient.errors import ConfigError
from smmclient.transport.base import HttpTransport, Route
from smmclient.transport.body import Answer, not_sent, read
from smmclient.transport.route import PROXY_SCHEMES
from smmclient.wire import TransportFailed, WireReply, WireRequest

__all__ = ["HttpxTransport"]

#: Raised before a byte of the request can have left; a proxy's error, while its tunnel is opened.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class HttpxTransport(HttpTransport):
    """Posts through httpx, on asyncio or trio. What it takes is told at `smmclient.transport.base.HttpTransport`."""

    _proxy_schemes = PROXY_SCHEMES
    _timeouts = (httpx.TimeoutException,)

    @cached_property
    def _pools(self) -> dict[tuple[str | None, str], _Pools]:
        return {}

    def _route(self, url: str, headers: dict[str, str], proxy: str | None) -> Route:
        pools = self._pools.get((proxy, url))
        if pools is None:
            pools = self._pools[proxy, url] = _Pools(self._idle_seconds, lambda: self._make(proxy))
        return _Route(pools, url, headers)

    async def _close(self) -> None:
        for pools in self._pools.values():
            await pools.aclose()

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


class _Pools:
    """The connections to one URL, by one proxy.

    Each is a pool of one: httpx's own looks at all connections for each request, and asks the system about those that
    are idle.
    """

    def __init__(self, idle_seconds: float, make: Callable[[], httpx.AsyncHTTPTransport]) -> None:
        self._idle_seconds = idle_seconds
        self._make = make
        self._all: set[httpx.AsyncHTTPTransport] = set()
        #: Those without work, and since when; the one that had work last at the end.
        self._idle: deque[tuple[float, httpx.AsyncHTTPTransport]] = deque()

    async def take(self) -> httpx.AsyncHTTPTransport:
        """An open connection, if there is one: the one that had work last. Those idle for too long are closed."""
        idle = self._idle
        oldest = time.monotonic() - self._idle_seconds
        while idle and idle[0][0] < oldest:
            _, pool = idle.popleft()
            self._all.discard(pool)
            with anyio.CancelScope(shield=True):
                await pool.aclose()
        if idle:
            return idle.pop()[1]
        pool = self._make()
        self._all.add(pool)
        return pool

    def give_back(self, pool: httpx.AsyncHTTPTransport) -> None:
        """Its request is over, one way or another."""
        self._idle.append((time.monotonic(), pool))

    async def aclose(self) -> None:
        """Close all of them."""
        self._idle.clear()
        while self._all:
            await self._all.pop().aclose()


class _Route:
    """Requests to one URL, by one proxy, with the same headers."""

    def __init__(self, pools: _Pools, url: str, headers: dict[str, str]) -> None:
        self._pools = pools
        try:
            self._url = httpx.URL(url)
            # With the Host that it puts first, and the length of no body, which is put in for each.
            prepared = httpx.Request("POST", self._url, headers=headers).headers.raw
        except httpx.InvalidURL:
            raise ConfigError("the URL is not one to post to") from None
        self._headers = [(name, value) for name, value in prepared if name.lower() != b"content-length"]

    async def post(self, request: WireRequest) -> WireReply:
        """Send it over a connection that has nothing else to do."""
        pool = await self._pools.take()
        try:
            return await self._post_by(pool, request)
        finally:
            # By now it may all be closed, and what went wrong is to be told, not that.
            self._pools.give_back(pool)

    async def _post_by(self, pool: httpx.AsyncHTTPTransport, request: WireRequest) -> WireReply:
        course = _Course()
        try:
            reply = await pool.handle_async_request(self._outgoing(request, course))
        except Exception as error:
            timed_out = isinstance(error, httpx.TimeoutException)
            if isinstance(error, _NOT_SENT):
                raise not_sent(_words(error), timed_out=timed_out) from error
            if course.is_tunnelling:
                raise not_sent(f"the proxy opened no tunnel ({type(error).__name__})", timed_out=timed_out) from None
            raise
        # Not reply.aiter_raw(): it gives the connection back at its end, before we have looked at it.
        chunks = aiter(cast("AsyncIterable[bytes]", reply.stream))
        try:
            return await read(Answer(reply.status_code, reply.headers.raw, chunks), request)
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

    def _outgoing(self, request: WireRequest, course: _Course) -> httpx.Request:
        timeouts = request.timeouts
        extensions: dict[str, object] = {
            "timeout": {"connect": timeouts.connect, "read": timeouts.read, "write": timeouts.write, "pool": None},
            "trace": course,
        }
        outgoing = httpx.Request(
            "POST",
            self._url,
            headers=[*self._headers, (b"Content-Length", b"%d" % len(request.body))],
            stream=httpx.ByteStream(request.body),
            extensions=extensions,
        )
        # For who looks at the request in place of the network.
        outgoing.read()
        outgoing.stream = _Form(request.body)
        return outgoing


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
