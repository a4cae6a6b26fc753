"""DefaultTransport: which transport a provider has that was given none, and when that is decided."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest

import smmclient
from smmclient import ConfigError, Settings, UsageError
from smmclient.panel import Panel
from smmclient.transport import AiohttpTransport, DefaultTransport, HttpxTransport, Transport
from smmclient.wire import Delivery, TransportFailed, WireRequest

if TYPE_CHECKING:
    from transport.conftest import Server

    Serve = Callable[..., Server]
    Ask = Callable[..., WireRequest]

OK = b'HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{"balance": "1.5"}'
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def _on(backend: str, main: Callable[[], Awaitable[None]]) -> None:
    anyio.run(main, backend=backend)


async def _chosen(transport: DefaultTransport, request: WireRequest) -> type[object]:
    """What a transport sends through, whatever becomes of the request."""
    async with transport:
        with suppress(TransportFailed):
            await transport.send(request)
        return type(transport.chosen)


@pytest.mark.parametrize(("backend", "kind"), [("asyncio", AiohttpTransport), ("trio", HttpxTransport)])
def test_what_a_panel_has(serve: Serve, backend: str, kind: type[object]) -> None:
    """A panel made outside of any event loop decides at its first send: aiohttp on asyncio, httpx on trio."""
    server = serve(OK)
    panel = smmclient.connect("v2", api_key="k", base_url=server.url)
    assert isinstance(panel, Panel)
    transport = panel.transport
    assert isinstance(transport, DefaultTransport)
    assert (transport.chosen, repr(transport)) == (None, "<DefaultTransport: chosen at the first send>")

    async def main() -> None:
        async with panel:
            await panel.balance()

    _on(backend, main)
    assert type(transport.chosen) is kind
    assert repr(transport) == f"<DefaultTransport: {kind.__name__}()>"
    assert len(server.requests) == 1


@pytest.mark.parametrize("state", ["not installed", "too old", "broken"])
def test_without_aiohttp(serve: Serve, ask: Ask, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """Where aiohttp is not installed, or cannot be used as it is, httpx is taken."""
    if state == "not installed":
        monkeypatch.setitem(sys.modules, "aiohttp", None)
    elif state == "too old":
        monkeypatch.setattr(aiohttp, "__version__", "3.8.6")
    else:
        monkeypatch.delattr(aiohttp, "TCPConnector")
    monkeypatch.delitem(sys.modules, "smmclient.transport.aiohttp")
    server = serve(OK)

    async def main() -> None:
        assert await _chosen(DefaultTransport(), ask(server.url)) is HttpxTransport

    _on("asyncio", main)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("proxy", "environment", "trusted", "kind"),
    [
        ("http://127.0.0.1:1", {}, False, AiohttpTransport),
        ("socks5://127.0.0.1:1", {}, False, HttpxTransport),
        ("SOCKS5H://127.0.0.1:1", {}, False, HttpxTransport),
        (None, {"all_proxy": "socks5://127.0.0.1:1"}, True, HttpxTransport),
        (None, {"all_proxy": "socks5://127.0.0.1:1"}, False, AiohttpTransport),
        (None, {"http_proxy": "http://127.0.0.1:1"}, True, AiohttpTransport),
        ("http://127.0.0.1:1", {"all_proxy": "socks5://127.0.0.1:1"}, True, AiohttpTransport),
    ],
)
def test_socks_proxies(
    ask: Ask,
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
    proxy: str | None,
    environment: dict[str, str],
    trusted: bool,
    kind: type[object],
) -> None:
    """A SOCKS proxy, given or named by an environment that is trusted, takes httpx: aiohttp has none."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # Stands in for a proxy that is there: what is taken is looked at, not what comes of it.
    monkeypatch.setattr(HttpxTransport, "send", _refuse)

    async def main() -> None:
        transport = DefaultTransport(proxy=proxy, trust_env=trusted)
        assert await _chosen(transport, ask(f"http://127.0.0.1:{closed_port}/")) is kind

    _on("asyncio", main)


async def _refuse(self: HttpxTransport, request: WireRequest) -> None:
    raise TransportFailed("not now", delivery=Delivery.NOT_SENT)


def test_what_was_set_is_handed_on(serve: Serve, ask: Ask) -> None:
    """The proxy of the settings is the one that is used."""
    proxy, server = serve(OK), serve(OK)
    settings = Settings(proxy=f"http://127.0.0.1:{proxy.port}")

    async def main() -> None:
        async with smmclient.connect("v2", api_key="k", base_url=server.url, settings=settings) as panel:
            await panel.balance()

    _on("asyncio", main)
    assert (len(proxy.requests), server.connections) == (1, 0)


@pytest.mark.parametrize("proxy", ["ftp://127.0.0.1", "127.0.0.1:3128"])
def test_bad_proxy_is_told_by_connect(proxy: str) -> None:
    """A proxy that cannot be used is told before anything is sent, as it would be by the transports themselves."""
    with pytest.raises(ConfigError, match="proxy"):
        smmclient.connect("v2", api_key="k", base_url="https://panel.example/", settings=Settings(proxy=proxy))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_closed_before_its_first_send(ask: Ask) -> None:
    """Closed, it says so, used or not, and chooses nothing."""
    transport = DefaultTransport()
    await transport.aclose()
    await transport.aclose()
    with pytest.raises(UsageError, match="closed"):
        await transport.send(ask("http://127.0.0.1:9/"))
    assert transport.chosen is None


@pytest.mark.parametrize(("first", "second"), [("asyncio", "trio"), ("trio", "asyncio"), ("asyncio", "asyncio")])
def test_second_event_loop(serve: Serve, ask: Ask, first: str, second: str) -> None:
    """What was chosen belongs to the event loop it was chosen on: on another, nothing is sent."""
    server = serve(OK, OK)
    transport = DefaultTransport()

    async def use() -> None:
        await transport.send(ask(server.url))
        # The connection is to end with its loop.
        assert transport.chosen is not None
        await transport.chosen._close()

    async def use_again() -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await transport.send(ask(server.url))

    _on(first, use)
    _on(second, use_again)
    assert len(server.requests) == 1


def test_it_is_a_transport() -> None:
    """It follows the protocol, and needs no arguments."""
    assert isinstance(DefaultTransport(), Transport)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_connecting_is_cheap(backend: str) -> None:
    """`connect` needs no event loop and imports no HTTP library; one is imported at the first send, and only one."""
    program = f"""
import sys, anyio, smmclient
panel = smmclient.connect("v2", api_key="k", base_url="http://127.0.0.1:9/")
libraries = "aiohttp httpx tenacity urllib.request asyncio".split()
print([name for name in libraries if name in sys.modules])
async def main():
    try:
        await panel.with_settings(retry=smmclient.RetryPolicy(attempts=1)).balance()
    except smmclient.Unreachable:
        print([name for name in libraries[:2] if name in sys.modules])
    await panel.aclose()
anyio.run(main, backend={backend!r})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "['aiohttp']" if backend == "asyncio" else "['httpx']"]
