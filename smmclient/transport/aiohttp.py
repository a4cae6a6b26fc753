"""The quick transport: aiohttp, on asyncio only (extra ``fast``). The only module that imports aiohttp.

aiohttp repeats idempotent methods on a dropped connection by itself; a POST is none, and nothing but POST is sent here.
"""

from __future__ import annotations

import ssl

import aiohttp
from yarl import URL

from smmclient.transport.body import ACCEPT_ENCODING, BodyReader, lost
from smmclient.wire import Delivery, TransportFailed, WireReply, WireRequest

__all__ = ["AiohttpTransport"]

_IDLE_SECONDS = 2.0
#: Raised while a connection is made: no byte of the request can have left.
_NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


class AiohttpTransport:
    """Posts through aiohttp. ``verify`` is an SSL context for panels behind a private certificate authority."""

    def __init__(
        self,
        *,
        proxy: str | None = None,
        trust_env: bool = False,
        max_connections: int = 100,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._proxy = proxy
        self._trust_env = trust_env
        self._max_connections = max_connections
        self._verify = verify
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return "AiohttpTransport()"

    async def send(self, request: WireRequest) -> WireReply:
        """Post the request and return the whole reply."""
        timeouts = request.timeouts
        try:
            async with self._open().post(
                URL(request.url, encoded=True),
                data=request.body,
                headers={"Accept-Encoding": ACCEPT_ENCODING, **request.headers},
                allow_redirects=False,
                proxy=self._proxy,
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=None, sock_connect=timeouts.connect, sock_read=timeouts.read
                ),
            ) as reply:
                return await _whole(reply, request)
        except TransportFailed:
            raise
        except _NOT_SENT as error:
            raise TransportFailed(_reason(error), delivery=Delivery.NOT_SENT) from error
        except Exception as error:
            raise lost(_reason(error), timed_out=isinstance(error, TimeoutError)) from error

    async def aclose(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._max_connections,
                    keepalive_timeout=_IDLE_SECONDS,
                    ssl=self._verify if self._verify is not None else True,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=self._trust_env,
            )
        return self._session


async def _whole(reply: aiohttp.ClientResponse, request: WireRequest) -> WireReply:
    headers: dict[str, str] = {}
    for name, value in reply.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    reader = BodyReader(
        encoding=headers.get("content-encoding", ""), limit=request.max_body, seconds=request.timeouts.body
    )
    async for chunk in reply.content.iter_any():
        reader.feed(chunk)
    return WireReply(reply.status, headers, reader.finish())


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
