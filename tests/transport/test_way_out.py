"""The way out: proxies are used when told to, the environment is read only when told to, and nothing else is."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from smmclient.errors import ConfigError
from smmclient.transport.base import HttpTransport
from smmclient.transport.route import check_proxy, check_url, environment_proxy, outgoing_headers
from smmclient.wire import Delivery, TransportFailed, WireRequest

if TYPE_CHECKING:
    from transport.conftest import Behaviour, Peer, Server

    Serve = Callable[..., Server]
    Make = Callable[..., HttpTransport]
    Ask = Callable[..., WireRequest]
    Certified = Callable[[str], ssl.SSLContext]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def _tunnel_to(context: ssl.SSLContext) -> Behaviour:
    """A proxy that opens a tunnel, and is the server at its other end."""

    def behave(peer: Peer) -> None:
        if peer.request() is None:
            return
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.start_tls(context)
        while peer.request() is not None:
            peer.send(OK)

    return behave


# ---------------------------------------------------------------------------------------------------- through a proxy


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["proxy=", "http_proxy", "HTTP_PROXY", "all_proxy", "without scheme"])
async def test_proxy_is_used(serve: Serve, make: Make, ask: Ask, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """The proxy that was given, or that the environment names where it is trusted, gets the request."""
    proxy, server = serve(OK), serve(OK)
    address = f"http://127.0.0.1:{proxy.port}"
    if way == "proxy=":
        transport = make(proxy=address)
    else:
        name, value = ("http_proxy", address.removeprefix("http://")) if way == "without scheme" else (way, address)
        monkeypatch.setenv(name, value)
        transport = make(trust_env=True)
    await transport.send(ask(server.url))
    (arrived,) = proxy.requests
    assert arrived.line == f"POST {server.url} HTTP/1.1"
    assert arrived.headers["host"] == f"127.0.0.1:{server.port}"
    assert server.connections == 0


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["proxy=", "https_proxy", "all_proxy"])
async def test_tunnel_is_used(
    serve: Serve, make: Make, ask: Ask, certified: Certified, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Over https the proxy hears where to, and its own password, and nothing of the request; the tunnel is kept."""
    proxy = serve(_tunnel_to(certified("localhost")))
    address = f"http://user:word@127.0.0.1:{proxy.port}"
    if way != "proxy=":
        monkeypatch.setenv(way, address)
    transport = make(proxy=address) if way == "proxy=" else make(trust_env=True)
    for _ in range(2):
        assert (await transport.send(ask("https://localhost:9/api/v2"))).body == b"{}"
    connect, *posts = proxy.requests
    assert connect.line == "CONNECT localhost:9 HTTP/1.1"
    assert connect.headers["proxy-authorization"] == "Basic dXNlcjp3b3Jk"
    assert [post.line for post in posts] == ["POST /api/v2 HTTP/1.1"] * 2
    assert "proxy-authorization" not in posts[0].headers
    assert proxy.connections == 1


@pytest.mark.anyio
async def test_tunnel_through_a_proxy_that_speaks_tls(serve: Serve, make: Make, ask: Ask, certified: Certified) -> None:
    """A proxy at an https address is spoken to over TLS, and the panel over TLS within that."""
    panel = certified("localhost")

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = panel.wrap_bio(incoming, outgoing, server_side=True)

        def until_done(step: Callable[[], object]) -> object:
            while True:
                try:
                    done = step()
                except ssl.SSLWantReadError:
                    peer.send(outgoing.read())
                    incoming.write(peer.socket.recv(65536))
                else:
                    peer.send(outgoing.read())
                    return done

        until_done(inner.do_handshake)
        asked = b""
        while not asked.endswith(b"action=balance"):
            asked += cast("bytes", until_done(lambda: inner.read(65536)))
        until_done(lambda: inner.write(OK))
        peer.wait_for_leave()

    proxy = serve(behave, tls=certified("localhost"))
    reply = await make(proxy=f"https://localhost:{proxy.port}").send(ask("https://localhost:9/api/v2"))
    assert reply.body == b"{}"
    assert [request.line for request in proxy.requests] == ["CONNECT localhost:9 HTTP/1.1"]


@pytest.mark.anyio
@pytest.mark.parametrize("sends", [1, 2])
async def test_password_of_a_plain_proxy(serve: Serve, make: Make, ask: Ask, sends: int) -> None:
    """A proxy that is asked for a plain page gets its password with each request, on a kept connection too."""
    proxy = serve(OK, OK)
    transport = make(proxy=f"http://user:word@127.0.0.1:{proxy.port}")
    for _ in range(sends):
        await transport.send(ask("http://127.0.0.1:9/"))
    assert [request.headers["proxy-authorization"] for request in proxy.requests] == ["Basic dXNlcjp3b3Jk"] * sends
    assert proxy.connections == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("raw", "timed_out"),
    [
        pytest.param(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n", False, id="407"),
        pytest.param(b"HTTP/1.1 403 No\r\ncontent-length: 5\r\n\r\nnever", False, id="403"),
        pytest.param(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", False, id="502"),
        pytest.param(b"HTTP/1.1 302 Login\r\nlocation: http://x/\r\ncontent-length: 0\r\n\r\n", False, id="302"),
        pytest.param(b"", False, id="closed"),
        pytest.param(b"garbage\r\n\r\n", False, id="garbage"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nno TLS here", False, id="tunnel to no TLS"),
        pytest.param(None, True, id="silent"),
    ],
)
async def test_proxy_that_opens_no_tunnel(
    serve: Serve, make: Make, ask: Ask, raw: bytes | None, timed_out: bool
) -> None:
    """A proxy that refuses, fails or hangs before its tunnel is open: no byte of the request was sent."""

    def behave(peer: Peer) -> None:
        peer.request()
        if raw is None:
            peer.wait_for_leave()
        else:
            peer.send(raw)

    proxy = serve(behave)
    with pytest.raises(TransportFailed) as caught:
        await make(proxy=f"http://u:WORD@127.0.0.1:{proxy.port}").send(
            ask("https://localhost:9/", connect=0.1, read=0.1)
        )
    assert (caught.value.delivery, caught.value.timed_out) == (Delivery.NOT_SENT, timed_out)
    assert [request.line for request in proxy.requests] == ["CONNECT localhost:9 HTTP/1.1"]
    assert "WORD" not in str(caught.value)


@pytest.mark.anyio
async def test_tunnel_that_breaks(serve: Serve, make: Make, ask: Ask, certified: Certified) -> None:
    """A tunnel that breaks after the request went in: it may have arrived, once."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        peer.start_tls(certified("localhost"))
        peer.request()

    proxy = serve(behave)
    with pytest.raises(TransportFailed) as caught:
        await make(proxy=f"http://127.0.0.1:{proxy.port}").send(ask("https://localhost:9/"))
    assert caught.value.delivery is Delivery.MAYBE_SENT
    assert len(proxy.requests) == 2


@pytest.mark.anyio
async def test_proxy_that_nobody_runs(make: Make, ask: Ask, closed_port: int) -> None:
    """A proxy that cannot be reached: nothing was sent."""
    for url in ("http://127.0.0.1:9/", "https://localhost:9/"):
        with pytest.raises(TransportFailed) as caught:
            await make(proxy=f"http://127.0.0.1:{closed_port}").send(ask(url))
        assert caught.value.delivery is Delivery.NOT_SENT


@pytest.mark.anyio
async def test_plain_proxy_that_refuses(serve: Serve, make: Make, ask: Ask) -> None:
    """What a proxy answers to a plain request is a reply like any other."""
    proxy = serve(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n")
    assert (await make(proxy=f"http://127.0.0.1:{proxy.port}").send(ask("http://127.0.0.1:9/"))).status == 407


# --------------------------------------------------------------------------------------------------- the environment


@pytest.mark.anyio
@pytest.mark.parametrize("trust_env", [False, True])
async def test_environment_is_not_used(
    serve: Serve, make: Make, ask: Ask, monkeypatch: pytest.MonkeyPatch, closed_port: int, trust_env: bool
) -> None:
    """Proxies of the environment are ignored by default, and where no_proxy says so."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
        monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{closed_port}")
    if trust_env:
        monkeypatch.setenv("no_proxy", "panel.example,127.0.0.1")
    server = serve(OK)
    assert (await make(trust_env=trust_env).send(ask(server.url))).status == 200


@pytest.mark.anyio
@pytest.mark.parametrize("trust_env", [False, True])
async def test_netrc_is_never_read(
    serve: Serve, make: Make, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trust_env: bool
) -> None:
    """A password for the panel's host in ~/.netrc stays there."""
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text("machine 127.0.0.1 login me password word\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    server = serve(OK)
    await make(trust_env=trust_env).send(ask(server.url))
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://panel.example/", "http://plain:1"),
        ("https://panel.example/", "http://secure:2"),
        ("https://free.example/", None),
        ("https://api.free.example/", None),
        ("https://ported.example:8443/", None),
        ("https://ported.example/", "http://secure:2"),
    ],
)
def test_environment_proxy(monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None) -> None:
    """Each scheme has its proxy, and no_proxy lists hosts, their subdomains, and ports."""
    monkeypatch.setenv("http_proxy", "plain:1")
    monkeypatch.setenv("https_proxy", "http://secure:2")
    monkeypatch.setenv("no_proxy", "free.example, ported.example:8443")
    assert environment_proxy(url) == proxy


def test_environment_proxy_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """all_proxy stands in for a scheme without one, and without any there is none."""
    assert environment_proxy("https://panel.example/") is None
    monkeypatch.setenv("all_proxy", "http://all:3")
    assert environment_proxy("https://panel.example/") == "http://all:3"


# --------------------------------------------------------------------------------------- what cannot be sent as it is


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url",
    ["ftp://panel.example/", "panel.example/api", "https://", "http://[::1", "http://127.0.0.1:99999/", "http://a b/"],
)
async def test_bad_url(make: Make, ask: Ask, url: str) -> None:
    """What is no URL to post to is the caller's to fix, and nothing was sent."""
    with pytest.raises(ConfigError):
        await make().send(ask(url))


@pytest.mark.parametrize("url", ["https://user:SECRET@panel.example/", "https://panel.example/\r\nx", "https://:443/"])
def test_bad_url_is_not_shown(url: str) -> None:
    """The error does not repeat the URL, which may hold a password."""
    with pytest.raises(ConfigError) as caught:
        check_url(url)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", "a\r\ny: b"),
        ("x", "caf\xe9"),
        ("x y", "z"),
        ("", "z"),
        ("x:", "z"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Expect", "100-continue"),
    ],
)
def test_bad_header(ask: Ask, name: str, value: str) -> None:
    """A header that would break the request, or make it two, is refused."""
    with pytest.raises(ConfigError):
        outgoing_headers(ask("https://panel.example/", headers={name: value}))


@pytest.mark.anyio
@pytest.mark.parametrize("proxy", ["127.0.0.1:3128", "ftp://SECRET@127.0.0.1", "http://", "http://127.0.0.1:x"])
async def test_bad_proxy(make: Make, ask: Ask, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """A proxy that cannot be used is told at once; one of the environment, before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        make(proxy=proxy)
    assert "SECRET" not in str(caught.value)
    monkeypatch.setenv("http_proxy", "ftp://SECRET@127.0.0.1")
    with pytest.raises(ConfigError) as caught:
        await make(trust_env=True).send(ask("http://127.0.0.1:9/"))
    assert "SECRET" not in str(caught.value)


def test_good_proxy() -> None:
    """The proxy's URL is given back as it is."""
    assert check_proxy("http://user:word@proxy.example:3128", ("http",)) == "http://user:word@proxy.example:3128"
