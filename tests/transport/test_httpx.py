"""HttpxTransport with respx in place of the network: how users of respx can test their own code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from smmclient.transport import HttpxTransport
from smmclient.wire import BodyTooLarge, Delivery, TransportFailed, WireRequest

pytestmark = pytest.mark.anyio

URL = "https://panel.example/api/v2"
Ask = Callable[..., WireRequest]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Both event loops."""
    return str(request.param)


@pytest.fixture
async def transport(anyio_backend: str) -> AsyncIterator[HttpxTransport]:
    """Give a transport of which respx takes the place of the network."""
    transport = HttpxTransport()
    yield transport
    await transport.aclose()


async def test_reply(transport: HttpxTransport, ask: Ask) -> None:
    """A mocked route sees the form and answers."""
    with respx.mock:
        route = respx.post(URL).respond(201, json={"order": 7}, headers={"X-Remaining": "9"})
        reply = await transport.send(ask(URL, b"key=k&action=add&service=1"))
    assert (reply.status, reply.body, reply.headers["x-remaining"]) == (201, b'{"order":7}', "9")
    (call,) = route.calls
    assert parse_qs(call.request.content) == {b"key": [b"k"], b"action": [b"add"], b"service": [b"1"]}
    assert call.request.headers["accept-encoding"] == "gzip"


async def test_cap(transport: HttpxTransport, ask: Ask) -> None:
    """The cap holds for mocked replies too."""
    with respx.mock:
        respx.post(URL).respond(200, content=b"x" * 11)
        with pytest.raises(BodyTooLarge):
            await transport.send(ask(URL, max_body=10))


@pytest.mark.parametrize(
    ("raised", "delivery", "timed_out"),
    [
        (httpx.ConnectError, Delivery.NOT_SENT, False),
        (httpx.ConnectTimeout, Delivery.NOT_SENT, True),
        (httpx.PoolTimeout, Delivery.NOT_SENT, True),
        (httpx.ProxyError, Delivery.NOT_SENT, False),
        (httpx.UnsupportedProtocol, Delivery.NOT_SENT, False),
        (httpx.ReadTimeout, Delivery.MAYBE_SENT, True),
        (httpx.WriteTimeout, Delivery.MAYBE_SENT, True),
        (httpx.ReadError, Delivery.MAYBE_SENT, False),
        (httpx.WriteError, Delivery.MAYBE_SENT, False),
        (httpx.CloseError, Delivery.MAYBE_SENT, False),
        (httpx.RemoteProtocolError, Delivery.MAYBE_SENT, False),
        (httpx.LocalProtocolError, Delivery.MAYBE_SENT, False),
        (httpx.DecodingError, Delivery.MAYBE_SENT, False),
        (httpx.TooManyRedirects, Delivery.MAYBE_SENT, False),
    ],
)
async def test_failure(
    transport: HttpxTransport, ask: Ask, raised: type[Exception], delivery: Delivery, timed_out: bool
) -> None:
    """Every exception of httpx has its meaning, and none gets out."""
    with respx.mock:
        route = respx.post(URL).mock(side_effect=raised)
        with pytest.raises(TransportFailed) as caught:
            await transport.send(ask(URL))
    assert (caught.value.delivery, caught.value.timed_out) == (delivery, timed_out)
    assert route.call_count == 1


async def test_unexpected_exception(transport: HttpxTransport, ask: Ask) -> None:
    """What nobody foresaw may have happened after the request was sent."""
    with respx.mock:
        respx.post(URL).mock(side_effect=ZeroDivisionError)
        with pytest.raises(TransportFailed) as caught:
            await transport.send(ask(URL))
    assert caught.value.delivery is Delivery.MAYBE_SENT
