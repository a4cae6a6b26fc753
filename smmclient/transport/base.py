"""What the transports have in common: everything but the HTTP library.

The rules: one ``send`` puts one request on the wire at most; a failure says whether it may have got there; nothing
from an HTTP library escapes; and what the panel or a proxy wrote is not quoted, because it may echo the key.
"""

from __future__ import annotations

import abc
import ssl
from typing import Protocol, Self

import anyio

from smmclient.errors import UsageError
from smmclient.transport.body import lost
from smmclient.transport.loop import current_loop
from smmclient.transport.route import (
    check_proxy,
    check_url,
    environment_proxy,
    outgoing_headers,
    trusted_authorities,
)
from smmclient.wire import TransportFailed, WireReply, WireRequest

__all__ = ["HttpTransport", "Route"]

#: Routes that are kept; more mean that the caller writes something new into each address.
_MOST_ROUTES = 256


class Route(Protocol):
    """All that requests to one address, with the same headers and by the same proxy, have in common."""

    async def post(self, request: WireRequest) -> WireReply:
        """Put the request on the wire, once; raises `not_sent` where it surely did not get there."""
        ...


class HttpTransport(abc.ABC):
    """One pool of connections, for one event loop, until it is closed.

    ``proxy`` is a URL; ``trust_env=True`` takes it from the environment (``https_proxy``, ``all_proxy``,
    ``no_proxy``), and nothing else is ever taken from there. At most ``max_connections`` requests are under way at
    once; more wait for their turn, without a timeout. ``verify`` is an SSL context for panels behind a private
    certificate authority.
    """

    #: A connection that the server closes while it is idle makes the next order an unknown one: do not keep it long.
    _idle_seconds = 2.0
    _proxy_schemes: tuple[str, ...] = ("http", "https")
    #: What the HTTP library raises after giving up waiting.
    _timeouts: tuple[type[Exception], ...]

    def __init__(
        self,
        *,
        proxy: str | None = None,
        trust_env: bool = False,
        max_connections: int = 100,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._proxy = None if proxy is None else check_proxy(proxy, self._proxy_schemes)
        self._trust_env = trust_env
        self._max_connections = max_connections
        self._verify = verify
        # The libraries' own queues are slow, and can lose a place to a cancelled request.
        self._gate = anyio.Semaphore(max_connections, fast_acquire=True)
        self._environment: dict[str, str | None] = {}
        self._routes: dict[tuple[object, ...], Route] = {}
        self._loop: object = None
        self._closed = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def send(self, request: WireRequest) -> WireReply:
        """Post the request and return the whole reply.

        Raises `TransportFailed`, or `UsageError` where the request cannot be sent as it stands: the transport is
        closed, belongs to another event loop, or the URL, a header or the proxy is wrong.
        """
        self._check_usable()
        # By value: a mapping can be changed after it was looked at.
        key = (request.url, *request.headers.items())
        route = self._routes.get(key) or self._make_route(key, request)
        await self._gate.acquire()
        try:
            if self._closed:
                self._check_usable()
            return await route.post(request)
        except (TransportFailed, UsageError):
            raise
        except Exception as error:
            timed_out = isinstance(error, self._timeouts)
            met = "we gave up waiting for the reply" if timed_out else "the connection failed before the reply's end"
            # Not "from error": it may quote what came back, and with it the key.
            raise lost(f"{met} ({type(error).__name__})", timed_out=timed_out) from None
        finally:
            self._gate.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections, for good: a send under way fails, a later one raises `UsageError`."""
        if self._closed:
            return
        if self._loop is not None:
            self._check_loop()
        self._closed = True
        self._routes.clear()
        await self._close()

    def _make_route(self, key: tuple[object, ...], request: WireRequest) -> Route:
        check_url(request.url)
        headers = outgoing_headers(request)
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
        route = self._routes[key] = self._route(request.url, headers, self._proxy_for(request.url))
        return route

    @abc.abstractmethod
    def _route(self, url: str, headers: dict[str, str], proxy: str | None) -> Route:
        """Prepare what all requests to that URL have in common; raises `ConfigError` where none can be sent."""

    @abc.abstractmethod
    async def _close(self) -> None: ...

    def _tls(self) -> ssl.SSLContext:
        if self._verify is None:
            self._verify = trusted_authorities()
        return self._verify

    def _proxy_for(self, url: str) -> str | None:
        if self._proxy is not None or not self._trust_env:
            return self._proxy
        if url not in self._environment:
            proxy = environment_proxy(url)
            self._environment[url] = None if proxy is None else check_proxy(proxy, self._proxy_schemes)
        return self._environment[url]

    def _check_usable(self) -> None:
        if self._closed:
            raise UsageError("the transport is closed: make a new one")
        self._check_loop()

    def _check_loop(self) -> None:
        loop = current_loop()
        if self._loop is not loop:
            if self._loop is None:
                self._loop = loop
            elif self._loop != loop:
                raise UsageError("the transport was used on another event loop before: make one in each")
