"""The quick transport: aiohttp, on asyncio only (extra ``fast``). The only module that imports aiohttp.

It uses aiohttp's connections and parser without its client session, so there is nothing in the way that follows a
redirect, keeps a cookie, reads the environment or sends a request again: what is written is written here, once.
"""

from __future__ import annotations

import asyncio
import re
import select
import weakref
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, cast

try:
    import aiohttp
    from aiohttp.http import StreamWriter
    from yarl import URL
except ImportError as error:
    raise ImportError('AiohttpTransport needs aiohttp: pip install "smmclient[fast]"') from error
if not re.match(r"3\.(1[3-9]|[2-9]\d)\b", aiohttp.__version__):
    # It goes below aiohttp's session, where another version may differ.
    raise ImportError(
        f"AiohttpTransport needs aiohttp 3.13 or a later 3.x, not {aiohttp.__version__}: "
        'pip install --upgrade "smmclient[fast]"'
    )

from smmclient.errors import ConfigError, UsageError
from smmclient.transport.base import HttpTransport, Route
from smmclient.transport.body import Answer, not_sent, read
from smmclient.transport.loop import is_asyncio
from smmclient.wire import WireReply, WireRequest

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from smmclient.settings import Timeouts

__all__ = ["AiohttpTransport"]

#: The longest header that is read, as long as httpx reads: firewalls send policies of more than aiohttp's 8 KiB.
_LONGEST_HEADER = 64 * 1024


class AiohttpTransport(HttpTransport):
    """Posts through aiohttp, on asyncio. What it takes is told at `smmclient.transport.base.HttpTransport`."""

    _timeouts = (TimeoutError,)
    _connector: _Connector | None = None

    def _route(self, url: str, headers: dict[str, str], proxy: str | None) -> Route:
        if self._connector is None:
            self._connector = _Connector(
                limit=0,  # the gate counts them
                keepalive_timeout=self._idle_seconds,
                ssl=self._tls(),
            )
        return _Route(self._connector, url, headers, proxy)

    async def _close(self) -> None:
        if self._connector is not None:
            await self._connector.close()

    def _check_usable(self) -> None:
        if self._loop is None and not is_asyncio():
            raise UsageError("AiohttpTransport works on asyncio only: use HttpxTransport under trio")
        super()._check_usable()


class _Route:
    """Requests to one URL, by one proxy, with the same headers."""

    def __init__(self, connector: _Connector, url: str, headers: dict[str, str], proxy: str | None) -> None:
        self._connector = connector
        self._loop = asyncio.get_running_loop()
        self._request = _Addressee("POST", _url(url), loop=self._loop, proxy=None if proxy is None else URL(proxy))
        self._asks_proxy = proxy is not None and not self._request.is_ssl()
        self._path = str(self._request.url) if self._asks_proxy else self._request.url.raw_path_qs
        host = headers.get("host", self._request.headers["Host"])
        self._headers = {"Host": host, **{name: value for name, value in headers.items() if name != "host"}}
        self._head = b"" if self._asks_proxy else self._written({})
        self._phases: tuple[Timeouts, aiohttp.ClientTimeout] | None = None

    def _written(self, more: dict[str, str]) -> bytes:
        """The head of a request up to its length."""
        lines = (f"{name}: {value}\r\n" for name, value in {**self._headers, **more}.items())
        return f"POST {self._path} HTTP/1.1\r\n{''.join(lines)}Content-Length: ".encode("ascii")

    async def post(self, request: WireRequest) -> WireReply:
        """Write it to a connection, which is kept if all of the reply has come and nothing else."""
        connection = await self._connector.connect(self._request, [], self._waits(request.timeouts))
        # As it was left there: nothing else has run since.
        protocol = cast("ResponseHandler", connection.protocol)
        transport = cast("asyncio.Transport", connection.transport)
        head, body = self._head_for(self._request), request.body
        try:
            transport.write(b"%b%d\r\n\r\n%b" % (head, len(body), body))
            if protocol.writing_paused:
                reply = await self._reply_while_writing(protocol, transport, request)
            else:
                reply = await self._reply(protocol, request)
        except BaseException:
            # Not just closed: asyncio would go on sending what it has buffered.
            transport.abort()
            connection.close()
            raise
        connection.release()
        return reply

    async def _reply_while_writing(
        self, protocol: ResponseHandler, transport: asyncio.Transport, request: WireRequest
    ) -> WireReply:
        # The reply may come before the body has gone, and say that it is too large.
        writing = self._loop.create_task(_finish_writing(protocol, transport, request.timeouts.write))
        try:
            return await self._reply(protocol, request)
        finally:
            if not writing.done():
                # Which ends the writing too.
                protocol.force_close()
                transport.abort()

    async def _reply(self, protocol: ResponseHandler, request: WireRequest) -> WireReply:
        while True:
            # Again after each "100 Continue", which ends it. While the body is being written, that has its own timeout.
            if not protocol.writing_paused:
                protocol.start_timeout()
            message, payload = await protocol.read()
            if not 100 <= message.code <= 199 or message.code == 101:
                break
        whole = payload.read_nowait() if payload.is_eof() else payload.iter_any()
        return await read(Answer(message.code, message.raw_headers, whole), request)

    def _head_for(self, addressee: aiohttp.ClientRequest) -> bytes:
        """The head; a proxy that is asked for the page itself gets its password with it."""
        if not self._asks_proxy:
            return self._head
        word = addressee.headers.get("Proxy-Authorization")
        return self._written({} if word is None else {"Proxy-Authorization": word})

    def _waits(self, timeouts: Timeouts) -> aiohttp.ClientTimeout:
        """How long aiohttp waits for a connection."""
        if self._phases is None or self._phases[0] is not timeouts:
            waits = aiohttp.ClientTimeout(total=None, connect=timeouts.connect, sock_read=timeouts.read)
            self._phases = timeouts, waits
        return self._phases[1]


class _Addressee(aiohttp.ClientRequest):
    """Whom to connect to: a request that is never sent itself."""

    _key: ConnectionKey | None = None

    @property
    def connection_key(self) -> ConnectionKey:
        """Which connections lead there; worked out once."""
        if self._key is None:
            self._key = super().connection_key
        return self._key


class _Connector(aiohttp.TCPConnector):
    """Marks what fails while a connection is made ready, a proxy's tunnel included: nothing has been sent by then."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        try:
            while True:
                connection = await super().connect(req, traces, timeout)
                if self._make_ready(connection, timeout):
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

    def _make_ready(self, connection: Connection, timeout: aiohttp.ClientTimeout) -> bool:
        """Prepare it for a reply; False if anything has come over a kept one: its end, or a reply nobody asked for.

        The loop may not have heard of that yet, so the system is asked.
        """
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None or transport.is_closing():
            connection.close()
            raise ConnectionResetError("closed as soon as it was made")
        watch = self._watches.get(protocol)
        if watch is None:
            # A new one may be readable: TLS servers speak first.
            self._watches[protocol] = _watch(transport)
        elif protocol.should_close or watch():
            return False
        protocol.set_response_params(
            read_until_eof=True,
            auto_decompress=False,
            read_timeout=timeout.sock_read,
            max_field_size=_LONGEST_HEADER,
        )
        return True

    @cached_property
    def _watches(self) -> weakref.WeakKeyDictionary[ResponseHandler, Callable[[], bool]]:
        return weakref.WeakKeyDictionary()


async def _finish_writing(protocol: ResponseHandler, transport: asyncio.Transport, seconds: float) -> None:
    """Wait until the server has taken the request; aiohttp has a timeout for every phase but this.

    Giving up ends the wait for the reply, which then fails with `TimeoutError`.
    """
    try:
        async with asyncio.timeout(seconds):
            await StreamWriter(protocol, asyncio.get_running_loop()).drain()
    except Exception as error:
        transport.abort()
        protocol.set_exception(error)
    else:
        if protocol.transport is not None:
            protocol.start_timeout()


def _url(url: str) -> URL:
    try:
        # As it stands, but for a host name that must be encoded.
        return URL(url, encoded=url.isascii())
    except ValueError:
        raise ConfigError("the URL is not one to post to") from None


def _watch(transport: asyncio.Transport) -> Callable[[], bool]:
    """Tells whether there is something to read."""
    socket = transport.get_extra_info("socket")
    if not hasattr(select, "poll"):
        return lambda: bool(select.select([socket], [], [], 0)[0])
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return lambda: bool(poll.poll(0))
