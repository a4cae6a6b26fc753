"""The quick transport: aiohttp, on asyncio only (extra ``fast``). The only module that imports aiohttp.

aiohttp repeats idempotent methods on a dropped connection by itself; a POST is none, and nothing but POST is sent here.
"""

from __future__ import annotations

import asyncio
import select
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, cast

try:
    import aiohttp
    from yarl import URL
except ImportError as error:
    raise ImportError('AiohttpTransport needs aiohttp: pip install "smmclient[fast]"') from error

from smmclient.errors import ConfigError, UsageError
from smmclient.transport.base import HttpTransport
from smmclient.transport.body import Answer, not_sent
from smmclient.wire import WireRequest

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.connector import Connection
    from aiohttp.http import StreamWriter
    from aiohttp.tracing import Trace

__all__ = ["AiohttpTransport"]

#: The longest header that is read, as long as httpx reads: firewalls send policies of more than aiohttp's 8 KiB.
_LONGEST_HEADER = 64 * 1024
_PIECE = 64 * 1024


class AiohttpTransport(HttpTransport):
    """Posts through aiohttp, on asyncio. What it takes is told at `smmclient.transport.base.HttpTransport`."""

    _timeouts = (TimeoutError,)
    _session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def _post(self, request: WireRequest, headers: dict[str, str], proxy: str | None) -> AsyncIterator[Answer]:
        timeouts = request.timeouts
        async with self._open().post(
            _url(request.url),
            data=_Body(request.body, timeouts.write),
            headers=headers,
            allow_redirects=False,
            proxy=proxy,
            timeout=aiohttp.ClientTimeout(total=None, connect=timeouts.connect, sock_read=timeouts.read),
        ) as reply:
            yield Answer(reply.status, reply.raw_headers, reply.content.iter_any())

    async def _close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_Connector(
                    limit=0,  # the gate counts them
                    keepalive_timeout=self._idle_seconds,
                    ssl=self._tls(),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                max_field_size=_LONGEST_HEADER,
                skip_auto_headers=("accept", "content-type", "user-agent"),
            )
        return self._session

    def _check_usable(self) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError("AiohttpTransport works on asyncio only: use HttpxTransport under trio") from None
        super()._check_usable()


class _Connector(aiohttp.TCPConnector):
    """Marks what fails while a connection is made, a proxy's tunnel included: nothing has been sent by then."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        try:
            while True:
                connection = await super().connect(req, traces, timeout)
                if not self._is_stale(connection):
                    return connection
                connection.close()
        except aiohttp.ClientConnectorError as error:
            raise not_sent(f"{type(error).__name__}: {error}") from error
        except aiohttp.ClientHttpProxyError as error:
            # Its own words show the proxy's password.
            raise not_sent(f"the proxy opened no tunnel: {error.status}") from None
        except Exception as error:
            timed_out = isinstance(error, TimeoutError)
            raise not_sent(f"no connection was made ({type(error).__name__})", timed_out=timed_out) from None

    def _is_stale(self, connection: Connection) -> bool:
        """Whether a kept connection has been closed by the server, which the loop may not have heard of yet."""
        kept = connection.protocol in self._known
        if connection.protocol is not None:
            self._known.add(connection.protocol)
        # A new one may be readable: TLS servers speak first.
        return kept and connection.transport is not None and _is_readable(connection.transport)

    @cached_property
    def _known(self) -> weakref.WeakSet[object]:
        return weakref.WeakSet()


class _Body(aiohttp.Payload):
    """The form, which the server must take in time: aiohttp has a timeout for every phase but writing.

    It ends the writing, not the wait for the reply, which then fails with `TimeoutError`.
    """

    _autoclose = True
    _value: bytes

    def __init__(self, body: bytes, seconds: float) -> None:
        super().__init__(body)
        self._size = len(body)
        self._seconds = seconds

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                for start in range(0, len(self._value), _PIECE):
                    await writer.write(self._value[start : start + _PIECE])
                await writer.drain()
        except BaseException:
            # Or asyncio would go on sending what it has buffered.
            transport = cast("StreamWriter", writer).transport
            if transport is not None:
                transport.abort()
            raise

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await self.write(writer)


def _url(url: str) -> URL:
    try:
        # As it stands, but for a host name that must be encoded.
        return URL(url, encoded=url.isascii())
    except ValueError:
        raise ConfigError("the URL is not one to post to") from None


def _is_readable(transport: asyncio.Transport) -> bool:
    socket = transport.get_extra_info("socket")
    if not hasattr(select, "poll"):
        return bool(select.select([socket], [], [], 0)[0])
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))
