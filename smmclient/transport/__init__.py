"""The seam to HTTP: bytes out, bytes in.

A transport posts one request and returns one whole reply, or raises `smmclient.wire.TransportFailed`, which says
whether the request may have arrived. It knows no account and no panel, so one transport, and its connections, can
serve many providers. It never follows a redirect, keeps no cookie and never sends anything twice. It belongs to the
event loop that it was first used on, and ends with ``aclose()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from smmclient.wire import WireReply, WireRequest

if TYPE_CHECKING:
    from smmclient.transport.aiohttp import AiohttpTransport
    from smmclient.transport.default import DefaultTransport
    from smmclient.transport.httpx import HttpxTransport

__all__ = ["AiohttpTransport", "DefaultTransport", "HttpxTransport", "Transport"]


@runtime_checkable
class Transport(Protocol):
    """What a transport must offer."""

    async def send(self, request: WireRequest) -> WireReply:
        """Post the request and return the whole reply; raises `TransportFailed`.

        A `smmclient.UsageError` may come instead where nothing was sent and the caller must mend something.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


def __getattr__(name: str) -> object:
    # Importing smmclient.transport must not import an HTTP library.
    if name == "HttpxTransport":
        from smmclient.transport.httpx import HttpxTransport

        return HttpxTransport
    if name == "AiohttpTransport":
        from smmclient.transport.aiohttp import AiohttpTransport

        return AiohttpTransport
    if name == "DefaultTransport":
        from smmclient.transport.default import DefaultTransport

        return DefaultTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
