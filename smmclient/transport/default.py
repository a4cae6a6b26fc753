"""The transport that a provider has if it is given none: the quickest that there is for where it runs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self

from smmclient.errors import UsageError
from smmclient.wire import WireReply, WireRequest

if TYPE_CHECKING:
    import ssl

    from smmclient.transport.base import HttpTransport

__all__ = ["DefaultTransport"]


class DefaultTransport:
    """Sends through `AiohttpTransport` under asyncio where aiohttp is installed, else through `HttpxTransport`.

    Which of the two is decided at the first send, because only then it is known which event loop runs; until then no
    HTTP library is imported. ``chosen`` and the repr tell. aiohttp has no SOCKS proxies, so httpx is taken for one.
    It takes what `smmclient.transport.base.HttpTransport` takes.
    """

    #: What the requests are sent through; None before the first.
    chosen: HttpTransport | None = None

    def __init__(
        self,
        *,
        proxy: str | None = None,
        trust_env: bool = False,
        max_connections: int = 100,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        if proxy is not None:
            # Imported for those who have one: it brings urllib's half of the standard library with it.
            from smmclient.transport.route import PROXY_SCHEMES, check_proxy

            check_proxy(proxy, PROXY_SCHEMES)
        self._proxy, self._trust_env = proxy, trust_env
        self._max_connections, self._verify = max_connections, verify
        self._closed = False

    def __repr__(self) -> str:
        return f"<DefaultTransport: {self.chosen or 'chosen at the first send'}>"

    async def send(self, request: WireRequest) -> WireReply:
        """Post the request and return the whole reply; raises `TransportFailed`, or `UsageError`."""
        return await (self.chosen or self._choose()).send(request)

    async def aclose(self) -> None:
        """Close all connections, for good."""
        self._closed = True
        if self.chosen is not None:
            await self.chosen.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.aclose()

    def _choose(self) -> HttpTransport:
        if self._closed:
            raise UsageError("the transport is closed: make a new one")
        self.chosen = self._quickest()(
            proxy=self._proxy,
            trust_env=self._trust_env,
            max_connections=self._max_connections,
            verify=self._verify,
        )
        return self.chosen

    def _quickest(self) -> type[HttpTransport]:
        from smmclient.transport.loop import is_asyncio

        if is_asyncio() and not self._needs_socks():
            # Not installed, of a version that is not known to work, or broken: none of it is a failure of the call.
            with suppress(Exception):
                from smmclient.transport.aiohttp import AiohttpTransport

                return AiohttpTransport
        from smmclient.transport.httpx import HttpxTransport

        return HttpxTransport

    def _needs_socks(self) -> bool:
        if self._proxy is not None or not self._trust_env:
            return self._proxy is not None and self._proxy.lower().startswith("socks")
        from urllib.request import getproxies

        # Whichever of them is for the panel: one transport serves many.
        return any(proxy.lower().startswith("socks") for proxy in getproxies().values())
