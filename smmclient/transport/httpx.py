"""The default transport: httpx, on asyncio and trio. The only module that imports httpx.

It uses httpx's transport without its client, which has no cookies, redirects or environment to switch off
and is quicker.
"""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Mapping

import httpx

from smmclient.transport.body import ACCEPT_ENCODING, BodyReader, lost
from smmclient.wire import Delivery, TransportFailed, WireReply, WireRequest

__all__ = ["HttpxTransport"]

#: A connection that the server closes while it is idle makes the next order an unknown one: do not keep it long.
_IDLE_SECONDS = 2.0

#: Raised before a byte of the request can have left. A proxy error is met while its tunnel is opened.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


class HttpxTransport:
    """Posts through httpx. ``verify`` is an SSL context for panels behind a private certificate authority."""

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
        self._verify = verify
        self._limits = httpx.Limits(
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=_IDLE_SECONDS,
        )
        self._pools: dict[str | None, httpx.AsyncHTTPTransport] = {}
        self._proxy_of_host: dict[str, str | None] = {}

    def __repr__(self) -> str:
        return "HttpxTransport()"

    async def send(self, request: WireRequest) -> WireReply:
        """Post the request and return the whole reply."""
        timeouts = request.timeouts
        outgoing = httpx.Request(
            "POST",
            request.url,
            headers={"accept-encoding": ACCEPT_ENCODING, **request.headers},
            content=request.body,
            extensions={
                "timeout": {
                    "connect": timeouts.connect,
                    "read": timeouts.read,
                    "write": timeouts.write,
                    "pool": None,
                }
            },
        )
        try:
            reply = await self._pool_for(outgoing.url).handle_async_request(outgoing)
            try:
                return await _whole(reply, request)
            finally:
                await reply.aclose()
        except TransportFailed:
            raise
        except _NOT_SENT as error:
            raise TransportFailed(_reason(error), delivery=Delivery.NOT_SENT) from error
        except httpx.ProxyError as error:
            # Only a tunnel (https) is known to fail before the request; a plain proxy may have passed it on.
            delivery = Delivery.NOT_SENT if outgoing.url.scheme == "https" else Delivery.MAYBE_SENT
            raise TransportFailed(_reason(error), delivery=delivery) from error
        except Exception as error:
            # httpx.RequestError for the most part; whatever else comes out, bytes may have left.
            raise lost(_reason(error), timed_out=isinstance(error, httpx.TimeoutException)) from error

    async def aclose(self) -> None:
        """Close all connections."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.aclose()

    def _pool_for(self, url: httpx.URL) -> httpx.AsyncHTTPTransport:
        proxy = self._proxy
        if proxy is None and self._trust_env:
            if url.host not in self._proxy_of_host:
                self._proxy_of_host[url.host] = _environment_proxy(url)
            proxy = self._proxy_of_host[url.host]
        pool = self._pools.get(proxy)
        if pool is None:
            pool = httpx.AsyncHTTPTransport(
                verify=self._verify or httpx.create_ssl_context(trust_env=False),
                trust_env=False,
                limits=self._limits,
                proxy=proxy,
            )
            self._pools[proxy] = pool
        return pool


def _environment_proxy(url: httpx.URL) -> str | None:
    proxies: Mapping[str, str] = urllib.request.getproxies()
    if urllib.request.proxy_bypass(url.host):
        return None
    return proxies.get(url.scheme) or proxies.get("all")


async def _whole(reply: httpx.Response, request: WireRequest) -> WireReply:
    headers: dict[str, str] = {}
    for name, value in reply.headers.raw:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    reader = BodyReader(
        encoding=headers.get("content-encoding", ""), limit=request.max_body, seconds=request.timeouts.body
    )
    async for chunk in reply.aiter_raw():
        reader.feed(chunk)
    return WireReply(reply.status_code, headers, reader.finish())


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
