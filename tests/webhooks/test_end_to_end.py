"""From an order that ends at the sandbox, over HTTP and a signature, to whoever waits for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
import uvicorn

from smmclient import Order, OrderStatus, Provider, Settings, connect
from smmclient.sandbox import Limits, Sandbox, serve
from smmclient.webhooks import OrderEvent, Pushes, WebhookApp, WebhookEvent

pytestmark = pytest.mark.asyncio
#: Seconds that a test may take at most.
BOUND = 60.0


@asynccontextmanager
async def listening(app: WebhookApp) -> AsyncIterator[str]:
    """The URL at which the application is served, on the loop of the test."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([sock]))
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}/"
        finally:
            server.should_exit = True
            await task


def _connected(box: Sandbox) -> Provider:
    settings = Settings(limits=())
    return connect("notpanel", api_key=box.api_key, base_url=box.base_url, settings=settings)


async def _placed(panel: Provider, count: int) -> list[str]:
    orders = [Order(service=1, link=f"https://example.com/{number}", quantity=100) for number in range(count)]
    return [receipt.order for receipt in await asyncio.gather(*map(panel.add_order, orders))]


def _judge(box: Sandbox, over: dict[str, OrderStatus]) -> None:
    """Every order ended, and ended as the panel's books have it."""
    books = {order.id: order for order in box.orders}
    assert over.keys() == books.keys()
    for one, status in over.items():
        assert status.state.value == books[one].state.value
        assert status.remains == books[one].remains
        assert status.charge == books[one].charge - books[one].refunded


@pytest.mark.parametrize("payload", ["full", "bare"])
async def test_orders_end_by_pushes(payload: Literal["full", "bare"]) -> None:
    """With all deliveries arriving, the safety net is never needed: orders end as the books have them."""
    secrets: list[str] = []
    pushes = Pushes()
    events: list[WebhookEvent] = []
    app = WebhookApp(lambda: secrets, pushes=pushes, on_event=events.append)
    with serve("notpanel", seconds_to_finish=0.5, troubled=0.5, limits=Limits(), webhook_payload=payload) as box:
        async with asyncio.timeout(BOUND), _connected(box) as panel, listening(app) as url:
            webhook = await panel.add_webhook(url)
            assert webhook.secret is not None
            secrets.append(webhook.secret)
            ids = await _placed(panel, 60)
            asked = box.count("status")
            track = panel.track(ids, pushes=pushes)
            over = {status.order: status async for status in track}
        _judge(box, over)
        assert box.count("status") - asked == track.tally.requests
    assert track.tally.pushed >= 50
    if payload == "full":
        # The first look, and none after that.
        assert track.tally.requests == 1
    assert {one.order for one in events if isinstance(one, OrderEvent)} == set(ids)


async def test_whatever_goes_wrong_on_the_way() -> None:
    """Lost, repeated, reordered, late, forged, replayed and cut deliveries cost time, and never a wrong status."""
    secrets: list[str] = []
    pushes = Pushes()
    events: list[WebhookEvent] = []
    app = WebhookApp(lambda: secrets, pushes=pushes, on_event=events.append)
    with serve("notpanel", seconds_to_finish=0.5, troubled=0.5, limits=Limits(), webhook_faults=0.6) as box:
        async with asyncio.timeout(BOUND), _connected(box) as panel, listening(app) as url:
            webhook = await panel.add_webhook(url)
            assert webhook.secret is not None
            secrets.append(webhook.secret)
            ids = await _placed(panel, 100)
            over = {status.order: status async for status in panel.track(ids, every=1.0, pushes=pushes)}
        _judge(box, over)
        deliveries = box.webhooks.deliveries
    assert {one.fault for one in deliveries} >= {"lose", "forge", "replay", "truncate"}
    told = [one.id for one in events]
    assert len(set(told)) == len(told)
    # A forged one goes out before its own, under an id of this kind.
    assert not any(one is None or one.endswith("FORGED") for one in told)
    assert set(told) <= {one.id for one in deliveries}
